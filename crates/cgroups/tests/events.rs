//! Events of a group, and its end.
#![allow(clippy::unwrap_used, clippy::panic)] // A failed expectation ends the test.

mod common;

use std::os::fd::AsFd;
use std::time::Duration;

use cgroups::{Event, Memory, Notifier, Pressure, Resources};
use common::{ELSEWHERE, Group, group, has, host, seen, unseen};
use rustix::event::{PollFd, Timespec, poll};

const SOON: Option<Duration> = Some(Duration::from_secs(5));

fn limit(group: &Group, mib: i64) {
    let memory = Memory { limit: Some(mib << 20), swap: Some(mib << 20), ..Memory::default() };
    group.set(&Resources { memory, ..Resources::default() }).unwrap();
}

#[test]
fn the_end_of_the_group_is_told() {
    let group = group("gone");
    let mut notifiers = Vec::new();
    if has("memory") {
        notifiers.push(group.oom_notifier().unwrap());
    }
    if has("memory") || host().v2.is_some() {
        notifiers.push(group.memory_pressure_notifier(Pressure::Critical).unwrap());
    }
    if host().v2.is_some() {
        let stall = Pressure::Stall { full: true, stall_us: 500_000, window_us: 2_000_000 };
        notifiers.push(group.memory_pressure_notifier(stall).unwrap());
    }
    for notifier in &mut notifiers {
        assert_eq!(notifier.wait(Some(Duration::from_millis(10))).unwrap(), None);
    }
    group.destroy().unwrap();
    for notifier in &mut notifiers {
        let interest = notifier.interest();
        let mut fds = [PollFd::from_borrowed_fd(notifier.as_fd(), interest)];
        let timeout = Timespec { tv_sec: 5, tv_nsec: 0 };
        assert_eq!(poll(&mut fds, Some(&timeout)).unwrap(), 1);
        assert!(!fds[0].revents().is_empty());
        assert_eq!(notifier.wait(SOON).unwrap(), Some(Event::Gone), "{notifier:?}");
        assert_eq!(notifier.take().unwrap(), None);
    }
}

#[test]
fn every_kill_is_told() {
    if !has("memory") {
        return;
    }
    let group = group("kills");
    limit(&group, 24);
    let mut notifier = group.oom_notifier().unwrap();
    for _ in 0..2 {
        let mut helper = group.child("allocate");
        helper.go();
        helper.child.wait().unwrap();
        let event = notifier.wait(SOON).unwrap();
        assert!(matches!(event, Some(Event::OutOfMemory { .. })), "{event:?}");
        while notifier.take().unwrap().is_some() {}
    }
    assert_eq!(group.stats().unwrap().memory_events["oom_kill"], 2);
}

#[test]
fn pressure_is_told() {
    if !has("memory") {
        return unseen("event pressure", ELSEWHERE);
    }
    let group = group("pressure");
    limit(&group, 24);
    let mut kinds = vec![Pressure::Low];
    if host().v2.is_some() {
        kinds.push(Pressure::Stall { full: false, stall_us: 2_000, window_us: 2_000_000 });
    }
    let mut notifiers: Vec<_> =
        kinds.iter().map(|kind| group.memory_pressure_notifier(*kind).unwrap()).collect();
    let mut helper = group.child("thrash 4000");
    helper.go();
    for notifier in &mut notifiers {
        assert_eq!(notifier.wait(SOON).unwrap(), Some(Event::MemoryPressure), "{notifier:?}");
    }
    seen("event pressure");
}

/// Waits for an event that `wanted` says yes to, past others.
fn until(notifier: &mut Notifier, wanted: impl Fn(Event) -> bool) -> Vec<Event> {
    let mut seen = Vec::new();
    loop {
        // By the descriptor alone, as somebody else's event loop does.
        if let Some(event) = notifier.take().unwrap() {
            seen.push(event);
            if wanted(event) {
                return seen;
            }
            continue;
        }
        let mut fds = [PollFd::from_borrowed_fd(notifier.as_fd(), notifier.interest())];
        let timeout = Timespec { tv_sec: 20, tv_nsec: 0 };
        assert_eq!(poll(&mut fds, Some(&timeout)).unwrap(), 1, "{seen:?}");
    }
}

#[test]
fn the_last_process_and_the_end_are_in_the_stream() {
    let group = group("stream");
    let mut stream = group.events().unwrap();
    assert_eq!(stream.take().unwrap(), None);
    if host().v2.is_none() {
        unseen("event populated", "version 1 alone does not tell");
    } else {
        for _ in 0..2 {
            let (one, other) = (group.child("nothing"), group.child("nothing"));
            one.end();
            assert_eq!(stream.wait(Some(Duration::from_millis(100))).unwrap(), None);
            other.end();
            assert_eq!(until(&mut stream, |event| event == Event::Empty), [Event::Empty]);
        }
        seen("event populated");
    }
    group.destroy().unwrap();
    assert_eq!(until(&mut stream, |event| event == Event::Gone), [Event::Gone]);
    assert_eq!(stream.take().unwrap(), None);
}

#[test]
fn refused_processes_are_in_the_stream() {
    if !has("pids") {
        return unseen("event pids max", ELSEWHERE);
    }
    let group = group("refused");
    let mut stream = group.events().unwrap();
    let mut helper = group.child("fork");
    let now = group.stats().unwrap().pids.current.unwrap() as i64;
    group.set(&Resources { pids: Some(now), ..Resources::default() }).unwrap();
    assert_eq!(helper.ask(), "refused");
    let told = until(&mut stream, |event| matches!(event, Event::PidsMax { .. }));
    let Some(Event::PidsMax { count }) = told.last() else { panic!("{told:?}") };
    assert!(*count >= 1);
    assert!(group.stats().unwrap().pids.events["max"] >= *count);
    seen("event pids max");
}

#[test]
fn memory_is_in_the_stream() {
    const LIMITS: [&str; 3] = ["event memory high", "event memory max", "event oom kill"];
    if !has("memory") {
        LIMITS.iter().for_each(|what| unseen(what, ELSEWHERE));
        return;
    }
    let group = group("memory");
    limit(&group, 24);
    let mut stream = group.events().unwrap();
    let mut helper = group.child("allocate");
    helper.go();
    helper.child.wait().unwrap();
    if group.is_v2() {
        let told = until(&mut stream, |event| matches!(event, Event::OomKill { count: 1 }));
        assert!(told.iter().any(|it| matches!(it, Event::MemoryMax { .. })), "{told:?}");
        assert!(told.iter().any(|it| matches!(it, Event::OutOfMemory { .. })), "{told:?}");
        // memory.high: reclaim begins below the limit.
        let high = group.dir("memory").join("memory.high");
        std::fs::write(high, (8 << 20).to_string()).unwrap();
        let mut thrash = group.child("thrash 500");
        thrash.go();
        until(&mut stream, |event| matches!(event, Event::MemoryHigh { .. }));
        LIMITS.iter().for_each(|what| seen(what));
    } else {
        until(&mut stream, |event| matches!(event, Event::OutOfMemory { .. }));
        LIMITS.iter().for_each(|what| unseen(what, "version 1 tells only that memory ran out"));
    }
    assert_eq!(group.stats().unwrap().memory_events["oom_kill"], 1);
}

#[test]
fn again_in_the_v2_view() {
    common::again_in_the_v2_view();
}

#[test]
#[ignore = "the child of the other tests"]
fn helper() {
    common::serve(|words| {
        match words {
            ["allocate"] => drop(std::hint::black_box(vec![1_u8; 96 << 20])),
            ["thrash", milliseconds] => common::thrash(milliseconds.parse().unwrap()),
            ["fork"] => {
                let forked = std::process::Command::new("true").status();
                return if forked.is_err() { "refused" } else { "forked" }.to_owned();
            }
            _ => {}
        }
        String::new()
    });
}
