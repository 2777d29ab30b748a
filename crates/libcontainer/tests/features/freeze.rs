//! A container's processes stop, go on, and end together.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use libcontainer::{ErrorKind, Process, Status, Target};

use crate::common::{Test, test};
use crate::kit::{self, Running};

pub fn tests() -> Vec<Test> {
    vec![
        test("freeze::pause_and_resume", pause).in_both_views(),
        test("freeze::exec_racing_with_pause", exec_racing).in_both_views(),
        test("freeze::exec_is_refused_at_once", refused_at_once).in_both_views(),
        test("freeze::signal_all_and_kill", signal_all).in_both_views(),
    ]
}

fn pause() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "pause", place.config("pause"));
    let script = "i=0; while :; do i=$((i+1)); echo $i > /tmp/count; sleep 0.01; done";
    let mut loops = running.container.exec(Process::new(["sh", "-c", script]).silent()).unwrap();
    let count = || fs::read_to_string(place.rootfs().join("tmp/count")).unwrap_or_default();
    let moves = |limit: u64| {
        let (start, first) = (Instant::now(), count());
        while start.elapsed() < Duration::from_millis(limit) {
            if !count().is_empty() && count() != first {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    };
    assert!(moves(5000));
    running.container.pause().unwrap();
    assert_eq!(running.container.status().unwrap(), Status::Paused);
    std::thread::sleep(Duration::from_millis(20));
    assert!(!moves(200));
    // Neither twice, nor anything new.
    assert_eq!(*running.container.pause().unwrap_err().kind(), ErrorKind::Paused);
    let error = running.container.exec(Process::new(["true"]).silent()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Paused, "{error}");
    // Another handle sees the same.
    let other = place.factory().load("pause").unwrap();
    assert_eq!(other.status().unwrap(), Status::Paused);
    assert_eq!(*other.destroy().unwrap_err().kind(), ErrorKind::NotStopped);
    other.resume().unwrap();
    assert_eq!(running.container.status().unwrap(), Status::Running);
    assert!(moves(5000));
    assert_eq!(*running.container.resume().unwrap_err().kind(), ErrorKind::NotRunning);
    assert_eq!(running.exec(&["true"]).1, 0);
    // A paused one can be killed.
    running.container.pause().unwrap();
    running.container.kill().unwrap();
    loops.wait().unwrap();
}

/// Whichever comes first: the process runs or is refused, and nothing hangs.
fn exec_racing() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "race", place.config("race"));
    let end = AtomicBool::new(false);
    let (mut ran, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let handle = place.factory().load("race").unwrap();
            let mut delay = 0;
            while !end.load(Ordering::Relaxed) {
                handle.pause().unwrap();
                std::thread::sleep(Duration::from_millis(3));
                handle.resume().unwrap();
                delay = (delay + 7) % 23;
                std::thread::sleep(Duration::from_millis(delay));
            }
        });
        let start = Instant::now();
        while (ran < 10 || refused < 10) && start.elapsed() < Duration::from_secs(8) {
            let begun = Instant::now();
            match running.container.exec(Process::new(["true"]).silent()) {
                Ok(mut child) => {
                    assert!(child.wait().unwrap().success());
                    ran += 1;
                }
                Err(error) => {
                    assert_eq!(*error.kind(), ErrorKind::Paused, "{error}");
                    refused += 1;
                }
            }
            assert!(begun.elapsed() < Duration::from_secs(10));
        }
        end.store(true, Ordering::Relaxed);
    });
    assert!(ran > 0 && refused > 0, "{ran} ran, {refused} were refused");
    assert_eq!(running.container.processes().unwrap(), [running.init.pid()]);
    // Paused while the exec is on its way, and not resumed: an answer all the same.
    std::thread::scope(|scope| {
        for delay in [1, 4, 8, 15] {
            let container = &running.container;
            let pauser = scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(delay));
                container.pause().unwrap();
            });
            let result = running.container.exec(Process::new(["true"]).silent());
            pauser.join().unwrap();
            running.container.resume().unwrap();
            if let Ok(mut child) = result {
                child.wait().unwrap();
            }
        }
    });
    assert_eq!(running.exec(&["true"]).1, 0);
}

/// One that comes in just before a pause is told of it in no more time than it takes to look.
fn refused_at_once() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "refused", place.config("refused"));
    let container = &running.container;
    let mut quickest = None;
    let start = Instant::now();
    for round in 0.. {
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_micros(300 + round * 370 % 9000));
                container.pause().unwrap();
            });
            let begun = Instant::now();
            let result = container.exec(Process::new(["true"]).silent());
            // Only then is it resumed: nothing but the answer ends the wait.
            match result {
                Ok(mut child) => drop(child.try_wait().unwrap()),
                Err(error) => {
                    assert_eq!(*error.kind(), ErrorKind::Paused, "{error}");
                    if error.to_string().contains("entered it") {
                        quickest = Some(quickest.unwrap_or(Duration::MAX).min(begun.elapsed()));
                    }
                }
            }
        });
        container.resume().unwrap();
        if quickest.is_some_and(|quickest| quickest < Duration::from_millis(500)) {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{quickest:?}");
    }
    // Those that were refused do not stay.
    let deadline = Instant::now() + Duration::from_secs(5);
    while container.processes().unwrap() != [running.init.pid()] {
        assert!(Instant::now() < deadline, "{:?}", container.processes());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(running.exec(&["true"]).1, 0);
}

fn signal_all() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "signals", place.config("signals"));
    let mut others: Vec<_> = (0..3)
        .map(|_| running.container.exec(Process::new(["sleep", "1000"]).silent()).unwrap())
        .collect();
    // PID 1 ignores what it does not catch.
    running.container.signal(15, Target::Init).unwrap();
    assert_eq!(running.container.processes().unwrap().len(), 4);
    running.container.signal(15, Target::All).unwrap();
    for other in &mut others {
        assert!(!other.wait().unwrap().success());
    }
    assert_eq!(running.container.status().unwrap(), Status::Running);
    running.container.kill().unwrap();
    assert_eq!(running.container.status().unwrap(), Status::Stopped);
    assert!(running.container.processes().unwrap().is_empty());
}
