//! Freezing, thawing and signals.
#![allow(clippy::unwrap_used, clippy::panic)] // A failed expectation ends the test.

mod common;

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cgroups::Freezers;
use common::{Group, group, seen};
use rustix::process::{Pid, Signal};

fn used(group: &Group) -> u64 {
    group.stats().unwrap().cpu_stats.cpu_usage.total_usage.unwrap()
}

#[test]
fn frozen_processes_stand_still() {
    let group = group("freeze");
    let mut helper = group.child("spin 20000");
    helper.go();
    std::thread::sleep(Duration::from_millis(50));
    assert!(!group.frozen().unwrap());
    group.freeze().unwrap();
    assert!(group.frozen().unwrap());
    group.freeze().unwrap();
    let before = used(&group);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(used(&group), before);
    group.thaw().unwrap();
    assert!(!group.frozen().unwrap());
    std::thread::sleep(Duration::from_millis(100));
    assert!(used(&group) > before);
    seen("freeze");
}

#[test]
fn an_empty_group_freezes() {
    let group = group("empty");
    group.freeze().unwrap();
    assert!(group.frozen().unwrap());
    group.thaw().unwrap();
    assert!(!group.frozen().unwrap());
}

#[test]
fn many_are_looked_at_by_one() {
    let mut looks = Freezers::default();
    let all = [group("many-1"), group("many-2")];
    let mut seen = || all.each_ref().map(|group| looks.freezing(group.paths()).unwrap());
    assert_eq!(seen(), [false, false]);
    all[1].freeze().unwrap();
    assert_eq!(seen(), [false, true]);
    all[1].thaw().unwrap();
    assert_eq!(seen(), [false, false]);
    for paths in [&[("", "cgroup/x")][..], &[("", "/sys/../etc")], &[("freezer", "x")], &[]] {
        let paths = paths.iter().map(|(key, path)| (key.to_string(), PathBuf::from(path)));
        assert!(looks.freezing(&paths.collect()).is_err());
    }
    all[0].destroy().unwrap();
    assert!(looks.freezing(all[0].paths()).unwrap_err().is_gone());
}

#[test]
fn frozen_processes_can_be_killed() {
    let group = group("frozen");
    let mut helper = group.child("nothing");
    group.freeze().unwrap();
    group.kill(Signal::KILL).unwrap();
    assert_eq!(helper.child.wait().unwrap().signal(), Some(9));
    assert!(group.wait_empty(Duration::from_secs(1)).unwrap());
}

#[test]
fn other_signals_go_to_each() {
    let group = group("term");
    let mut helpers = [group.child("nothing"), group.child("nothing"), group.child("nothing")];
    group.kill(Signal::TERM).unwrap();
    for helper in &mut helpers {
        assert_eq!(helper.child.wait().unwrap().signal(), Some(15));
    }
}

#[test]
fn forking_does_not_outrun_the_kill() {
    kill_forkers(&group("forks"));
    if let Some(group) = Group::v1_only("forks-v1") {
        kill_forkers(&group);
    }
    seen("kill");
}

/// Version 1 looks for the processes that it freezes at one moment, in which some are being born.
#[test]
fn what_is_born_while_a_group_freezes_is_frozen_too() {
    for group in [Group::v1_only("born-v1"), Group::v2_only("born-v2")].into_iter().flatten() {
        let mut child = forkers(&group);
        for _ in 0..20 {
            group.freeze().unwrap();
            let there = group.pids().unwrap();
            std::thread::sleep(Duration::from_millis(30));
            assert_eq!(group.pids().unwrap(), there);
            assert!(group.frozen().unwrap());
            group.thaw().unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
        group.kill(Signal::KILL).unwrap();
        child.wait().unwrap();
    }
}

/// Processes that are never the same ones for long, in the group.
fn forkers(group: &Group) -> Child {
    // Each shell waits for its successor to run and then ends: no list of processes stays true.
    let script = "f() { (sleep 0.01; f) & }; read x; f; f; f; exec sleep 1000";
    let mut child = Command::new("sh")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&child);
    group.attach(pid).unwrap();
    group.attach_v2(pid).unwrap();
    drop(child.stdin.take());
    let begun = Instant::now();
    while group.pids().unwrap().len() < 4 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is forked");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn kill_forkers(group: &Group) {
    let mut child = forkers(group);
    let start = Instant::now();
    group.kill(Signal::KILL).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert!(group.wait_empty(Duration::from_secs(2)).unwrap());
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn each_version_freezes_and_kills_by_itself() {
    for group in [Group::v1_only("only-v1"), Group::v2_only("only-v2")].into_iter().flatten() {
        let mut helper = group.child("nothing");
        group.freeze().unwrap();
        assert!(group.frozen().unwrap());
        group.kill(Signal::KILL).unwrap();
        assert_eq!(helper.child.wait().unwrap().signal(), Some(9));
        assert!(group.wait_empty(Duration::from_secs(1)).unwrap());
    }
}

#[test]
fn waiting_for_emptiness_is_bounded() {
    let group = group("wait");
    let helper = group.child("nothing");
    let start = Instant::now();
    assert!(!group.wait_empty(Duration::from_millis(50)).unwrap());
    assert!(start.elapsed() < Duration::from_secs(1));
    helper.end();
}

#[test]
fn what_is_gone_needs_no_signal() {
    let group = group("gone");
    group.destroy().unwrap();
    group.kill(Signal::KILL).unwrap();
    group.kill(Signal::TERM).unwrap();
    assert!(group.frozen().unwrap_err().is_gone());
}

#[test]
fn again_in_the_v2_view() {
    common::again_in_the_v2_view();
}

#[test]
#[ignore = "the child of the other tests"]
fn helper() {
    common::serve(|words| {
        if let ["spin", milliseconds] = words {
            let end = Instant::now() + Duration::from_millis(milliseconds.parse().unwrap());
            while Instant::now() < end {}
        }
        String::new()
    });
}
