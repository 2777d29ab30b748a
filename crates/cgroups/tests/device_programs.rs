//! One device program for several groups: what is shared, and what is not.
#![allow(clippy::unwrap_used, clippy::panic)] // A failed expectation ends the test.

mod common;

use std::os::fd::OwnedFd;

use cgroups::{DeviceKind, DevicePrograms, DeviceRule, Resources};
use common::{Group, group, host};
use rustix::fs::{Mode, OFlags};
use sys::bpf::{self, Instruction};

const NAME: bpf::Name = *b"nsinit_devices\0\0";

fn rules(minors: &[i64]) -> Resources {
    let mut devices = vec![DeviceRule::default_to(false)];
    devices.extend(minors.iter().map(|minor| DeviceRule {
        allow: true,
        kind: DeviceKind::Char,
        major: Some(1),
        minor: Some(*minor),
        access: "rwm".parse().unwrap(),
    }));
    Resources { devices, ..Resources::default() }
}

/// Whether this host has device programs at all.
fn skips() -> bool {
    let skips = !host().v1.is_empty();
    if skips {
        println!("SKIP: done in the version 2 view, in a mount namespace");
    }
    skips
}

/// Two groups beside each other, and none beside them.
fn pair(test: &str) -> (Group, Group) {
    (group(&format!("{test}/one")), group(&format!("{test}/two")))
}

/// The ids of the device programs on a group.
fn ids(group: &Group) -> Vec<u32> {
    bpf::query_cgroup_device(directory(group)).unwrap()
}

fn directory(group: &Group) -> OwnedFd {
    group.directory().unwrap().unwrap()
}

fn instructions(group: &Group) -> Vec<Instruction> {
    bpf::program_instructions(bpf::program_by_id(ids(group)[0]).unwrap()).unwrap()
}

/// The instructions of a program for these rules.
fn compiled(limits: &Resources) -> Vec<Instruction> {
    cgroups::devices::bpf::compile(&limits.devices).unwrap()
}

/// Puts a program of these instructions on a group, under our name.
fn put(group: &Group, instructions: &[Instruction]) {
    let program = bpf::load_cgroup_device(NAME, instructions).unwrap();
    bpf::attach_cgroup_device(directory(group), program, None).unwrap();
}

fn first(group: &Group, limits: &Resources) {
    group.set_first(limits, &DevicePrograms::default()).unwrap();
}

#[test]
fn the_last_program_serves_the_next_group() {
    if skips() {
        return;
    }
    // Not beside each other, and one after the other.
    let programs = DevicePrograms::default();
    let set = |name: &str, minors: &[i64]| {
        let group = group(name);
        group.set_first(&rules(minors), &programs).unwrap();
        assert_eq!(instructions(&group), compiled(&rules(minors)));
        ids(&group)
    };
    let one = set("last/a/group", &[3, 5]);
    assert_eq!(set("last/b/group", &[3, 5]), one);
    let other = set("last/c/group", &[3]);
    assert_ne!(other, one);
    assert_eq!(set("last/d/group", &[3]), other);
}

#[test]
fn many_threads_share_one() {
    if skips() {
        return;
    }
    let programs = DevicePrograms::default();
    let ids = std::thread::scope(|scope| {
        let one = |thread: usize| {
            let programs = &programs;
            scope.spawn(move || {
                (0..20)
                    .map(|round| {
                        let group = group(&format!("threads/{thread}-{round}/group"));
                        let limits = rules(&[(round % 3) as i64]);
                        group.set_first(&limits, programs).unwrap();
                        assert_eq!(instructions(&group), compiled(&limits));
                        ids(&group).len()
                    })
                    .sum::<usize>()
            })
        };
        let threads: Vec<_> = (0..4).map(one).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert_eq!(ids, 80);
}

#[test]
fn neighbours_share_what_is_the_same() {
    if skips() {
        return;
    }
    let (one, two) = pair("neighbours");
    first(&one, &rules(&[3, 7]));
    first(&two, &rules(&[3, 7]));
    assert_eq!(ids(&one), ids(&two));
    assert_eq!(two.device_rules().unwrap(), one.device_rules().unwrap());
    // It stays when the one whose it was goes.
    let shared = ids(&two);
    drop(one);
    assert_eq!(ids(&two), shared);
    assert_eq!(instructions(&two), compiled(&rules(&[3, 7])));
}

#[test]
fn neighbours_of_other_rules_do_not() {
    if skips() {
        return;
    }
    let (one, two) = pair("others");
    first(&one, &rules(&[3, 7]));
    first(&two, &rules(&[3, 8]));
    assert_ne!(ids(&one), ids(&two));
    assert_eq!(instructions(&two), compiled(&rules(&[3, 8])));
}

#[test]
fn an_update_of_one_leaves_the_other() {
    if skips() {
        return;
    }
    let programs = DevicePrograms::default();
    let (one, two) = pair("update");
    one.set_first(&rules(&[3]), &programs).unwrap();
    two.set_first(&rules(&[3]), &programs).unwrap();
    let shared = ids(&one);
    assert_eq!(ids(&two), shared);
    for update in [rules(&[7]), rules(&[3]), rules(&[3])] {
        two.set(&update).unwrap();
        assert_eq!(ids(&one), shared);
        assert_eq!(ids(&two).len(), 1);
        assert_eq!(instructions(&two), compiled(&update));
    }
    assert_eq!(one.child("open /dev/full r").ask(), "EPERM");
    two.set_first(&rules(&[7]), &programs).unwrap();
    assert_eq!((ids(&one), ids(&two).len()), (shared, 1));
    assert_eq!(two.child("open /dev/full r").ask(), "ok");
}

/// That the second group gets a program of its own where `instructions` are on the first.
fn not_taken(test: &str, limits: &Resources, instructions: &[Instruction]) {
    let (one, two) = pair(test);
    put(&one, instructions);
    first(&two, limits);
    assert_ne!(ids(&one), ids(&two), "{test}");
    assert_eq!(self::instructions(&two), compiled(limits), "{test}");
}

#[test]
fn an_altered_program_is_not_taken() {
    if skips() {
        return;
    }
    let limits = rules(&[3]);
    let good = compiled(&limits);
    let (&end, rest) = good.split_last().unwrap();
    // r0 = 1
    let allow = Instruction { code: 0xb7, registers: 0, offset: 0, immediate: 1 };
    not_taken("altered/longer", &limits, &[rest, &[allow, end]].concat());
    not_taken("altered/replaced", &limits, &[&rest[..rest.len() - 1], &[allow, end]].concat());
    not_taken("altered/shorter", &limits, &[allow, end]);
}

#[test]
fn a_program_under_another_name_is_not_taken() {
    if skips() {
        return;
    }
    let limits = rules(&[3]);
    let (one, two) = pair("name");
    let program = bpf::load_cgroup_device(*b"sd_devices\0\0\0\0\0\0", &compiled(&limits)).unwrap();
    bpf::attach_cgroup_device(directory(&one), program, None).unwrap();
    first(&two, &limits);
    assert_ne!(ids(&one), ids(&two));
}

#[test]
fn of_two_programs_ours_is_found() {
    if skips() {
        return;
    }
    let limits = rules(&[3]);
    let (one, two) = pair("two");
    let program = bpf::load_cgroup_device(*b"sd_devices\0\0\0\0\0\0", &compiled(&limits)).unwrap();
    bpf::attach_cgroup_device(directory(&one), program, None).unwrap();
    one.set(&limits).unwrap();
    first(&two, &limits);
    assert_eq!(ids(&one)[1..], ids(&two)[..]);
}

#[test]
fn again_in_the_v2_view() {
    common::again_in_the_v2_view();
}

#[test]
#[ignore = "the child of the other tests"]
fn helper() {
    common::serve(|words| match words {
        ["open", path, _] => match rustix::fs::open(*path, OFlags::RDONLY, Mode::empty()) {
            Ok(_) => "ok".to_owned(),
            Err(rustix::io::Errno::PERM) => "EPERM".to_owned(),
            Err(errno) => format!("{errno:?}"),
        },
        _ => String::new(),
    });
}
