//! Groups that somebody with a group of his own may make below it: deeper than a path can name,
//! while they are being removed, in the way of a freeze.
#![allow(clippy::unwrap_used, clippy::panic)] // A failed expectation ends the test.

mod common;

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::Group;
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::process::{Pid, Signal};

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Each version alone, where it is here.
fn each(name: &str, body: impl Fn(Group)) {
    Group::v1_only(&format!("{name}-v1")).into_iter().for_each(&body);
    Group::v2_only(&format!("{name}-v2")).into_iter().for_each(&body);
}

/// Makes groups in each other in all hierarchies; the deepest of the one that says who is in.
fn nest(group: &Group, name: &str, levels: usize) -> OwnedFd {
    let mut deepest = None;
    for dir in group.paths().values().collect::<std::collections::BTreeSet<_>>() {
        let mut at = openat(CWD, dir, DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..levels {
            mkdirat(&at, name, Mode::RWXU).unwrap();
            at = openat(&at, name, DIRECTORY, Mode::empty()).unwrap();
        }
        if group.paths().get("freezer").is_none_or(|main| main == dir) {
            deepest = Some(at);
        }
    }
    deepest.unwrap()
}

fn sleeper() -> Child {
    Command::new("sleep").arg("1000").spawn().unwrap()
}

#[test]
fn deeper_than_a_path_can_name() {
    for (name, levels) in [("x".repeat(250), 20), ("d".to_owned(), 200)] {
        each(&format!("deep-{levels}"), |group| {
            let deepest = nest(&group, &name, levels);
            let mut child = sleeper();
            let procs = openat(&deepest, "cgroup.procs", OFlags::WRONLY, Mode::empty()).unwrap();
            let pid = Pid::from_child(&child);
            rustix::io::write(&procs, pid.as_raw_nonzero().to_string().as_bytes()).unwrap();
            drop((procs, deepest));
            assert_eq!(group.pids().unwrap(), [pid]);
            group.freeze().unwrap();
            assert!(group.frozen().unwrap());
            group.thaw().unwrap();
            group.kill(Signal::KILL).unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(9));
            assert!(group.wait_empty(Duration::from_secs(5)).unwrap());
            group.destroy().unwrap();
            assert!(group.paths().values().all(|dir| !dir.exists()));
        });
    }
}

#[test]
fn made_while_they_are_removed() {
    each("late", |group| {
        let main = group.paths().values().next().unwrap().clone();
        let end = Instant::now() + Duration::from_millis(300);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while Instant::now() < end {
                    // The group itself goes some time.
                    let _ = std::fs::create_dir(main.join("a"));
                    let _ = std::fs::create_dir(main.join("a/b"));
                    let _ = std::fs::create_dir(main.join("c"));
                }
            });
            group.destroy().unwrap();
        });
        group.destroy().unwrap();
        assert!(!main.exists());
    });
}

#[test]
fn a_late_child_is_waited_for() {
    each("ending", |group| {
        let mut child = Command::new("sh").args(["-c", "sleep 0.3"]).spawn().unwrap();
        let pid = Pid::from_child(&child);
        group.attach(pid).unwrap();
        group.attach_v2(pid).unwrap();
        let start = Instant::now();
        group.destroy().unwrap();
        assert!(start.elapsed() >= Duration::from_millis(100), "{:?}", start.elapsed());
        child.wait().unwrap();
    });
}

/// Runs a Python program in the group up to its word `ready`.
fn python(group: &Group, program: &str) -> Option<Child> {
    use std::io::{Read, Write};
    let mut child = match Command::new("python3")
        .args(["-c", &format!("import sys\nsys.stdin.readline()\n{program}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
    {
        Ok(child) => child,
        Err(_) => {
            println!("SKIP: there is no python3 here");
            return None;
        }
    };
    let pid = Pid::from_child(&child);
    group.attach(pid).unwrap();
    group.attach_v2(pid).unwrap();
    child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    let mut ready = [0; 5];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    Some(child)
}

fn froze_and_died(group: &Group, mut child: Child) {
    for _ in 0..2 {
        group.freeze().unwrap();
        assert!(group.frozen().unwrap());
        group.thaw().unwrap();
    }
    group.freeze().unwrap();
    group.kill(Signal::KILL).unwrap();
    child.wait().unwrap();
    assert!(group.wait_empty(Duration::from_secs(5)).unwrap());
}

#[test]
fn a_process_that_waits_in_vfork_freezes() {
    each("vfork", |group| {
        // The child of vfork(2) waits for a writer before it executes anything.
        let fifo = std::env::temp_dir().join(format!("cgroups-fifo-{}", std::process::id()));
        let program = format!(
            "import os, time\nos.mkfifo({fifo:?})\n\
             act = [(os.POSIX_SPAWN_OPEN, 0, {fifo:?}, os.O_RDONLY, 0)]\n\
             if os.fork() == 0: os.posix_spawn('/bin/true', ['true'], {{}}, file_actions=act)\n\
             time.sleep(0.3)\n\
             os.write(1, b'ready')\ntime.sleep(1000)"
        );
        if let Some(child) = python(&group, &program) {
            froze_and_died(&group, child);
            std::fs::remove_file(&fifo).unwrap();
        }
    });
}

#[test]
fn a_process_that_is_traced_freezes() {
    each("traced", |group| {
        // Not every python3 has ctypes.
        let program = "import os, time\ntry: import ctypes\n\
                       except ImportError: os.write(1, b'ready'); time.sleep(1000)\nlibc = ctypes.CDLL(None)\npid = os.fork()\n\
                       if pid == 0: time.sleep(1000)\n\
                       time.sleep(0.1)\nassert libc.ptrace(16, pid, 0, 0) == 0\n\
                       os.waitpid(pid, 0)\nos.write(1, b'ready')\ntime.sleep(1000)";
        if let Some(child) = python(&group, program) {
            froze_and_died(&group, child);
        }
    });
}

#[test]
fn a_group_that_a_parent_holds_is_not_thawed() {
    each("held", |group| {
        let below = |dir: &Path| dir.join("below");
        let paths = group.paths().iter().map(|(key, dir)| (key.clone(), below(dir))).collect();
        let inner = cgroups::Manager::from_paths(paths).unwrap();
        inner.create().unwrap();
        let mut child = sleeper();
        let pid = Pid::from_child(&child);
        inner.attach(pid).unwrap();
        inner.attach_v2(pid).unwrap();
        inner.freeze().unwrap();
        group.freeze().unwrap();
        let start = Instant::now();
        let error = inner.thaw().unwrap_err().to_string();
        assert!(error.contains("a group above it is frozen"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
        group.thaw().unwrap();
        assert!(!inner.frozen().unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

#[test]
fn again_in_the_v2_view() {
    common::again_in_the_v2_view();
}
