//! Device rules: what may be made and opened, on a real kernel, in both versions.
#![allow(clippy::unwrap_used, clippy::panic)] // A failed expectation ends the test.

mod common;

use std::path::PathBuf;

use cgroups::{DeviceKind, DeviceRule, Resources};
use common::{Group, group, host};
use rustix::fs::{CWD, FileType, Mode, OFlags, makedev};

fn allow(major: i64, minor: i64, access: &str) -> DeviceRule {
    DeviceRule {
        allow: true,
        kind: DeviceKind::Char,
        major: Some(major),
        minor: Some(minor),
        access: access.parse().unwrap(),
    }
}

fn set(group: &Group, rules: &[DeviceRule]) {
    group.set(&Resources { devices: rules.to_vec(), ..Resources::default() }).unwrap();
}

fn denied() -> DeviceRule {
    DeviceRule::default_to(false)
}

#[test]
fn only_what_is_allowed_opens() {
    let group = group("open");
    set(&group, &[denied(), allow(1, 3, "rw"), allow(1, 5, "r")]);
    for (action, expected) in [
        ("open /dev/null rw", "ok"),
        ("open /dev/zero r", "ok"),
        ("open /dev/zero w", "EPERM"),
        ("open /dev/zero rw", "EPERM"),
        ("open /dev/full r", "EPERM"),
        ("mknod 1 3", "EPERM"),
    ] {
        assert_eq!(group.child(action).ask(), expected, "{action}");
    }
}

#[test]
fn what_is_in_force_is_listed() {
    let group = group("list");
    let rules = [denied(), allow(1, 3, "rw"), allow(1, 5, "r"), allow(136, -1, "rwm")];
    set(&group, &rules);
    let listed = group.device_rules().unwrap().unwrap();
    assert_eq!(listed[0], denied());
    assert_eq!(listed.len(), rules.len(), "{listed:?}");
    for rule in &rules {
        let any = |number: Option<i64>| number.filter(|it| *it >= 0);
        let rule = DeviceRule { major: any(rule.major), minor: any(rule.minor), ..*rule };
        assert!(listed.contains(&rule), "{rule:?} is not in {listed:?}");
    }
    set(&group, &[denied(), allow(10, 229, "w")]);
    let listed = group.device_rules().unwrap().unwrap();
    assert_eq!(listed, [denied(), allow(10, 229, "w")]);
}

#[test]
fn making_is_not_opening() {
    let group = group("make");
    set(&group, &[denied(), allow(-1, -1, "m")]);
    assert_eq!(group.child("mknod 1 7").ask(), "ok");
    assert_eq!(group.child("open /dev/full r").ask(), "EPERM");
}

#[test]
fn rules_change_while_it_runs() {
    let group = group("change");
    set(&group, &[denied(), allow(1, 3, "rwm")]);
    let mut full = group.child("open /dev/full rw");
    let mut null = group.child("open /dev/null rw");
    assert_eq!((full.ask().as_str(), null.ask().as_str()), ("EPERM", "ok"));
    set(&group, &[denied(), allow(1, 3, "rwm"), allow(1, 7, "rw")]);
    assert_eq!((full.ask().as_str(), null.ask().as_str()), ("ok", "ok"));
    set(&group, &[denied(), allow(1, 7, "rw")]);
    assert_eq!((full.ask().as_str(), null.ask().as_str()), ("ok", "EPERM"));
    set(&group, &[DeviceRule::default_to(true)]);
    assert_eq!((full.ask().as_str(), null.ask().as_str()), ("ok", "ok"));
    set(&group, &[denied()]);
    assert_eq!((full.ask().as_str(), null.ask().as_str()), ("EPERM", "EPERM"));
}

#[test]
fn a_change_never_takes_what_stays_allowed() {
    let group = group("steady");
    let lists = [
        vec![denied(), allow(1, 3, "rwm")],
        vec![denied(), allow(1, 3, "rwm"), allow(1, 7, "rw")],
        vec![denied(), allow(1, 5, "r"), allow(1, 3, "rwm")],
    ];
    set(&group, &lists[0]);
    let mut helper = group.child("open-often /dev/null");
    helper.go();
    for round in 0..60 {
        set(&group, &lists[round % lists.len()]);
    }
    assert_eq!(helper.answer(), "ok");
}

#[test]
fn denying_from_an_allowing_default() {
    let group = group("denylist");
    let deny = DeviceRule { allow: false, ..allow(1, 7, "w") };
    set(&group, &[DeviceRule::default_to(true), deny]);
    assert_eq!(group.child("open /dev/full r").ask(), "ok");
    assert_eq!(group.child("open /dev/full rw").ask(), "EPERM");
    assert_eq!(group.child("open /dev/null rw").ask(), "ok");
}

#[test]
fn one_program_stays_after_changes() {
    if !host().v1.is_empty() {
        println!("SKIP: version 1 has no device programs");
        return;
    }
    let group = group("programs");
    for minor in 0..5 {
        set(&group, &[denied(), allow(1, minor, "rwm")]);
    }
    let directory = group.directory().unwrap().unwrap();
    assert_eq!(sys::bpf::query_cgroup_device(&directory).unwrap().len(), 1);
}

#[test]
fn many_rules_are_taken() {
    let group = group("many");
    let mut rules = vec![denied()];
    rules.extend((0..400).map(|minor| allow(240, minor, "rwm")));
    rules.push(allow(1, 7, "rwm"));
    set(&group, &rules);
    assert_eq!(group.child("open /dev/full rw").ask(), "ok");
    assert_eq!(group.child("open /dev/zero r").ask(), "EPERM");
}

#[test]
fn again_in_the_v2_view() {
    common::again_in_the_v2_view();
}

#[test]
#[ignore = "the child of the other tests"]
fn helper() {
    common::serve(|words| match words {
        ["open", path, access] => open(path, access),
        ["open-often", path] => {
            let end = std::time::Instant::now() + std::time::Duration::from_millis(400);
            while std::time::Instant::now() < end {
                let result = open(path, "rw");
                if result != "ok" {
                    return result;
                }
            }
            "ok".to_owned()
        }
        ["mknod", major, minor] => {
            let path: PathBuf =
                std::env::temp_dir().join(format!("cgroups-test-node-{}", std::process::id()));
            let device = makedev(major.parse().unwrap(), minor.parse().unwrap());
            let mode = Mode::from_raw_mode(0o600);
            let result = rustix::fs::mknodat(CWD, &path, FileType::CharacterDevice, mode, device);
            let _ = std::fs::remove_file(&path);
            said(result)
        }
        _ => String::new(),
    });
}

fn open(path: &str, access: &str) -> String {
    let flags = match access {
        "r" => OFlags::RDONLY,
        "w" => OFlags::WRONLY,
        _ => OFlags::RDWR,
    };
    said(rustix::fs::openat(CWD, path, flags, Mode::empty()).map(drop))
}

fn said(result: Result<(), rustix::io::Errno>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(rustix::io::Errno::PERM) => "EPERM".to_owned(),
        Err(errno) => format!("{errno:?}"),
    }
}
