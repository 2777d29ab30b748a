//! Groups are made, found, joined and removed.
#![allow(clippy::unwrap_used, clippy::panic)] // A failed expectation ends the test.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cgroups::{Error, Manager};
use common::{group, host};
use rustix::process::Signal;

#[test]
fn made_and_removed_in_every_hierarchy() {
    let path = format!("cgroups-life-{}/x", std::process::id());
    let group = Manager::new(&host(), Path::new(&path)).unwrap();
    assert!(group.paths().values().all(|dir| !dir.exists()), "nothing is made by new()");
    group.create().unwrap();
    assert!(group.paths().values().all(|dir| dir.join("cgroup.procs").exists()));
    assert!(!group.is_populated().unwrap());
    group.destroy().unwrap();
    assert!(group.paths().values().all(|dir| !dir.exists()));
    group.destroy().unwrap();
    group.prune(1).unwrap();
    assert!(group.paths().values().all(|dir| !dir.parent().unwrap().exists()));
    assert!(group.pids().unwrap().is_empty());
    assert!(!group.is_populated().unwrap());
}

#[test]
fn a_process_is_in_it_everywhere() {
    let group = group("member");
    let helper = group.child("nothing");
    assert_eq!(group.pids().unwrap(), [helper.pid()]);
    assert!(group.is_populated().unwrap());
    let name = format!("cgroups-test-{}/member", std::process::id());
    let own = format!("/proc/{}/cgroup", helper.pid().as_raw_nonzero());
    for line in std::fs::read_to_string(own).unwrap().lines() {
        let mut fields = line.split(':').skip(1);
        let first = fields.next().unwrap().split(',').next().unwrap();
        if group.paths().contains_key(first) {
            assert!(line.ends_with(&name), "{line}");
        }
    }
    assert!(helper.end().success());
    assert!(group.wait_empty(Duration::from_secs(5)).unwrap());
}

#[test]
fn a_group_in_use_is_refused_by_name() {
    let first = group("used");
    let helper = first.child("nothing");
    let second = Manager::new(&host(), Path::new(&own("used"))).unwrap();
    match second.create() {
        Err(Error::InUse { path, pid }) => {
            assert!(path.ends_with(own("used")), "{path:?}");
            assert_eq!(pid, helper.pid().as_raw_nonzero().get());
        }
        other => panic!("{other:?}"),
    }
    assert!(first.paths().values().all(|dir| dir.exists()), "what was there stays");
    match first.destroy() {
        Err(error @ Error::InUse { .. }) => {
            let text = error.to_string();
            assert!(text.contains("is in use by process"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    helper.end();
}

#[test]
fn an_empty_group_is_taken() {
    let group = group("empty");
    group.create().unwrap();
}

#[test]
fn groups_below_are_removed_too() {
    let group = group("deep");
    for dir in group.paths().values() {
        std::fs::create_dir_all(dir.join("a/b")).unwrap();
        std::fs::create_dir_all(dir.join("c")).unwrap();
    }
    group.destroy().unwrap();
    assert!(group.paths().values().all(|dir| !dir.exists()));
}

#[test]
fn processes_below_count() {
    let group = group("below");
    let helper = group.child("nothing");
    for dir in group.paths().values().collect::<std::collections::BTreeSet<_>>() {
        let below = dir.join("inner");
        std::fs::create_dir(&below).unwrap();
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if let Ok(value) = std::fs::read(dir.join(file)) {
                std::fs::write(below.join(file), value).unwrap();
            }
        }
        let pid = helper.pid().as_raw_nonzero().to_string();
        std::fs::write(below.join("cgroup.procs"), pid).unwrap();
    }
    assert_eq!(group.pids().unwrap(), [helper.pid()]);
    assert!(group.is_populated().unwrap());
    group.kill(Signal::KILL).unwrap();
    assert!(group.wait_empty(Duration::from_secs(5)).unwrap());
}

#[test]
fn a_process_born_in_version_2_counts_before_it_is_attached() {
    let group = group("born");
    let Some(_) = host().v2 else {
        println!("SKIP: no version 2 tree");
        return;
    };
    let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    group.attach_v2(pid).unwrap();
    assert!(group.is_populated().unwrap());
    assert_eq!(group.pids().unwrap(), [pid]);
    group.kill(Signal::KILL).unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(group.wait_empty(Duration::from_secs(1)).unwrap());
}

#[test]
fn a_record_gives_the_same_handle() {
    let group = group("record");
    let text = serde_json::to_string(group.paths()).unwrap();
    let paths: BTreeMap<String, PathBuf> = serde_json::from_str(&text).unwrap();
    let again = Manager::from_paths(paths).unwrap();
    assert_eq!(again.paths(), group.paths());
    again.destroy().unwrap();
    assert!(group.paths().values().all(|dir| !dir.exists()));
    assert!(Manager::from_paths(BTreeMap::new()).is_err());
}

#[test]
fn the_directory_is_for_clone3() {
    let group = group("clone");
    assert_eq!(group.directory().unwrap().is_some(), host().v2.is_some());
}

#[test]
fn makers_and_removers_of_one_parent_do_not_hurt_each_other() {
    let host = host();
    let parent = format!("cgroups-race-{}", std::process::id());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (host, parent) = (&host, &parent);
            scope.spawn(move || {
                for round in 0..25 {
                    let path = format!("{parent}/{thread}-{round}");
                    let one = Manager::new(host, Path::new(&path)).unwrap();
                    one.create().unwrap();
                    assert!(one.paths().values().all(|dir| dir.exists()));
                    one.destroy().unwrap();
                    one.prune(1).unwrap();
                }
            });
        }
    });
    let left = Manager::new(&host, Path::new(&parent)).unwrap();
    assert!(left.paths().values().all(|dir| !dir.exists()));
}

#[test]
fn ways_out_of_the_hierarchy_are_refused() {
    for path in ["", "/", "..", "a/../b"] {
        let error = Manager::new(&host(), Path::new(path)).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    }
}

fn own(name: &str) -> String {
    format!("cgroups-test-{}/{name}", std::process::id())
}

#[test]
fn again_in_the_v2_view() {
    common::again_in_the_v2_view();
}

#[test]
#[ignore = "the child of the other tests"]
fn helper() {
    common::serve(|_| String::new());
}
