//! The library is a guest in its host's process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{HostSnapshot, Place, output, test};
use libcontainer::config::NamespaceKind;
use libcontainer::{Child, Container, Error, Factory, Process, State};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{WaitOptions, wait};

fn main() -> ExitCode {
    libcontainer::init();
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|argument| argument == "alone") {
        whole_life(&Place::existing(&args[2]), "alone");
        return ExitCode::SUCCESS;
    }
    common::run(vec![
        test("nothing_is_left", nothing_is_left).in_both_views(),
        test("the_process_stays_as_it_was", the_process_stays_as_it_was),
        test("says_nothing", says_nothing),
        test("other_children_are_their_parents", other_children_are_their_parents),
        test("a_host_that_reaps_everything", a_host_that_reaps_everything),
        test("a_host_that_ignores_its_children", a_host_that_ignores_its_children),
        test("an_init_waits_for_no_other_wait", an_init_waits_for_no_other_wait),
        test("an_event_loop_sees_an_inits_end", an_event_loop_sees_an_inits_end),
        test("handles_are_shared", handles_are_shared::<Container>),
    ])
}

/// Handles may go to other threads, and be used by several at once.
fn handles_are_shared<T: Send + Sync + 'static>() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<T>();
    shared::<Factory>();
    shared::<Child>();
    shared::<Process>();
    shared::<State>();
    shared::<Error>();
}

/// A container with all that the template has, processes in it, failures, and its end.
fn whole_life(place: &Place, name: &str) {
    let factory = place.factory();
    let container = factory.create(name, place.config(name)).unwrap();
    let mut init = container.run(Process::new(["sleep", "100"]).silent()).unwrap();
    let said = output(&["sh", "-c", "echo said; exit 7"], |process| container.exec(process));
    assert_eq!(said, ("said\n".to_owned(), 7));
    container.exec(Process::new(["no-such-program"]).silent()).unwrap_err();
    factory.create(name, place.config(name)).unwrap_err();
    container.stats().unwrap();
    container.pause().unwrap();
    container.resume().unwrap();
    container.kill().unwrap();
    init.wait().unwrap();
    container.destroy().unwrap();
}

fn nothing_is_left() {
    let Some(place) = Place::new() else { return };
    let before = HostSnapshot::take(&place);
    whole_life(&place, "all");
    before.assert_restored(Duration::from_secs(2));
}

/// Everything of this process that the library might change, and has no reason to.
fn attributes() -> Vec<String> {
    let mut all = Vec::new();
    for file in ["status", "limits", "oom_score_adj", "cgroup", "environ", "sessionid", "stat"] {
        let text = fs::read_to_string(format!("/proc/self/{file}")).unwrap();
        match file {
            // What differs from moment to moment: memory, context switches, threads.
            "status" => all.extend(
                ["Name", "Umask", "Tgid", "PPid", "Uid", "Gid", "Groups", "Sig", "Shd", "Cap"]
                    .iter()
                    .chain(&["NoNewPrivs", "Seccomp", "Cpus_allowed", "Mems_allowed"])
                    .flat_map(|key| text.lines().filter(move |line| line.starts_with(key)))
                    .filter(|line| !line.starts_with("SigQ"))
                    .map(str::to_owned),
            ),
            // The process group, the session and the terminal.
            "stat" => {
                let fields = text.rsplit_once(')').unwrap().1.split_ascii_whitespace();
                all.extend(fields.skip(2).take(4).map(|field| format!("stat {field}")));
            }
            _ => all.push(format!("{file}: {text}")),
        }
    }
    for link in ["cwd", "root", "exe"] {
        all.push(format!("{link} {:?}", fs::read_link(format!("/proc/self/{link}")).unwrap()));
    }
    for entry in fs::read_dir("/proc/self/ns").unwrap() {
        all.push(format!("{:?}", fs::read_link(entry.unwrap().path()).unwrap()));
    }
    all
}

fn the_process_stays_as_it_was() {
    let Some(place) = Place::new() else { return };
    // No bundle directory: the working directory is empty, and stays so.
    let empty = place.dir().join("empty");
    fs::create_dir(&empty).unwrap();
    std::env::set_current_dir(&empty).unwrap();
    // The first thread of a program makes the C library handle a signal of its own.
    std::thread::spawn(|| {}).join().unwrap();
    let before = attributes();
    assert!(before.len() > 30, "{before:#?}");
    // From the main thread and from another one.
    whole_life(&place, "main");
    std::thread::scope(|scope| scope.spawn(|| whole_life(&place, "thread")).join().unwrap());
    let after = attributes();
    std::env::set_current_dir("/").unwrap();
    assert_eq!(after, before);
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
}

/// This program again, with a place of this test's.
fn alone(place: &Place) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("alone").arg(place.dir()).env("LIBCONTAINER_TEST_PREFIX", common::prefix());
    command
}

fn says_nothing() {
    let Some(place) = Place::new() else { return };
    let said = alone(&place).stdin(Stdio::null()).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    assert!(said.stdout.is_empty() && said.stderr.is_empty(), "{said:?}");
}

fn other_children_are_their_parents() {
    let Some(place) = Place::new() else { return };
    let others: Vec<_> = (0..20)
        .map(|code| {
            let script = format!("sleep 0.0{code}; exit {code}");
            Command::new("sh").args(["-c", &script]).spawn().unwrap()
        })
        .collect();
    whole_life(&place, "all");
    for (code, mut other) in others.into_iter().enumerate() {
        assert_eq!(other.wait().unwrap().code(), Some(code as i32));
    }
}

/// A host whose other thread waits for whatever ends, as an old daemon's main loop may: exit
/// codes come from the kernel's memory (PIDFD_GET_INFO, Linux 6.15).
fn a_host_that_reaps_everything() {
    let Some(place) = Place::new() else { return };
    if !exit_status_is_kept() {
        common::skip("the kernel does not keep exit codes: PIDFD_GET_INFO is of Linux 6.15");
        return;
    }
    let (done, reaped) = (AtomicBool::new(false), std::sync::atomic::AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                match wait(WaitOptions::NOHANG) {
                    Ok(Some(_)) => {
                        reaped.fetch_add(1, Ordering::Relaxed);
                    }
                    _ => std::thread::sleep(Duration::from_micros(50)),
                }
            }
        });
        let ended = std::panic::catch_unwind(|| {
            let container = place.factory().create("reaped", place.config("reaped")).unwrap();
            let mut init = container.run(Process::new(["sleep", "100"]).silent()).unwrap();
            for code in 0..50 {
                let command = format!("exit {code}");
                let process = Process::new(["sh", "-c", &command]).silent();
                let status = container.exec(process).unwrap().wait().unwrap();
                assert_eq!(status.code(), Some(code));
            }
            let mut killed = container.exec(Process::new(["sleep", "100"]).silent()).unwrap();
            killed.signal(15).unwrap();
            let signal = |status| std::os::unix::process::ExitStatusExt::signal(&status);
            assert_eq!(signal(killed.wait().unwrap()), Some(15));
            container.kill().unwrap();
            assert_eq!(signal(init.wait().unwrap()), Some(9));
            container.destroy().unwrap();
        });
        done.store(true, Ordering::Relaxed);
        ended.unwrap();
    });
    // The thread was there first most of the time, or this test tells nothing.
    let reaped = reaped.load(Ordering::Relaxed);
    println!("  the host has reaped {reaped} processes");
    assert!(reaped > 10);
}

fn exit_status_is_kept() -> bool {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
    child.wait().unwrap();
    let status = sys::pidfd::exit_status(std::os::fd::AsFd::as_fd(&pidfd));
    matches!(status, Ok(Some(0)))
}

/// SIGCHLD ignored is inherited over execve, and the kernel then reaps by itself.
fn a_host_that_ignores_its_children() {
    let Some(place) = Place::new() else { return };
    if !exit_status_is_kept() {
        common::skip("the kernel does not keep exit codes: PIDFD_GET_INFO is of Linux 6.15");
        return;
    }
    let program = std::env::current_exe().unwrap();
    let status = Command::new("sh")
        .args(["-c", "trap '' CHLD; exec \"$0\" alone \"$1\""])
        .args([&program, Path::new(place.dir())])
        .env("LIBCONTAINER_TEST_PREFIX", common::prefix())
        .status();
    assert!(status.unwrap().success());
}

/// PID 1 of a PID namespace ends when all in it have been waited for (pid_namespaces(7)): also
/// those that this host has executed and not yet waited for, or never will.
fn an_init_waits_for_no_other_wait() {
    let Some(place) = Place::new() else { return };
    let before = HostSnapshot::take(&place);
    {
        let factory = place.factory();
        let container = factory.create("ends", place.config("ends")).unwrap();
        let mut init = container.run(Process::new(["sleep", "0.2"]).silent()).unwrap();
        drop(container.exec(Process::new(["true"]).silent()).unwrap());
        let mut kept = container.exec(Process::new(["sh", "-c", "exit 3"]).silent()).unwrap();
        let alarm = common::deadline(Duration::from_secs(5));
        assert_eq!(init.wait().unwrap().code(), Some(0));
        drop(alarm);
        assert_eq!(kept.wait().unwrap().code(), Some(3));
        container.destroy().unwrap();

        let container = factory.create("one", place.config("one")).unwrap();
        let sleep = || Process::new(["sleep", "1000"]).silent();
        let mut init = container.run(sleep()).unwrap();
        let mut kept = container.exec(sleep()).unwrap();
        drop(container.exec(sleep()).unwrap());
        let began = std::time::Instant::now();
        container.kill().unwrap();
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        let signal = |status| std::os::unix::process::ExitStatusExt::signal(&status);
        assert_eq!(signal(kept.wait().unwrap()), Some(9));
        assert_eq!(signal(init.wait().unwrap()), Some(9));
        container.destroy().unwrap();
    }
    before.assert_restored(Duration::from_secs(2));
}

/// An event loop that polls an init's pidfd, and has dropped the handles of what else it started
/// there: nobody else calls this library.
fn an_event_loop_sees_an_inits_end() {
    let Some(place) = Place::new() else { return };
    let ends = |child: &Child| {
        let mut fds = [PollFd::new(child, PollFlags::IN)];
        let limit = Timespec { tv_sec: 10, tv_nsec: 0 };
        poll(&mut fds, Some(&limit)).unwrap() == 1
    };
    let waits = || {
        let threads = fs::read_dir("/proc/self/task").unwrap().map(|entry| entry.unwrap().path());
        let name = |path: std::path::PathBuf| fs::read_to_string(path.join("comm"));
        threads
            .filter(|path| name(path.clone()).is_ok_and(|name| name == "container-wait\n"))
            .count()
    };
    let before = HostSnapshot::take(&place);
    {
        let factory = place.factory();
        let container = factory.create("loop", place.config("loop")).unwrap();
        let mut init = container.run(Process::new(["sleep", "0.5"]).silent()).unwrap();
        for _ in 0..5 {
            drop(container.exec(Process::new(["sleep", "1000"]).silent()).unwrap());
        }
        assert_eq!(waits(), 1);
        assert!(ends(&init), "those executed have not been waited for");
        assert!(init.try_wait().unwrap().unwrap().success());
        container.destroy().unwrap();

        // Another container's init in the same PID namespace is no different.
        let container = factory.create("host", place.config("host")).unwrap();
        let mut init = container.run(Process::new(["sleep", "1000"]).silent()).unwrap();
        let mut config = place.config("guest");
        let path = format!("/proc/{}/ns/pid", init.pid()).into();
        let mut namespaces = config.namespaces.iter_mut();
        namespaces.find(|namespace| namespace.kind == NamespaceKind::Pid).unwrap().path =
            Some(path);
        let guest = factory.create("guest", config).unwrap();
        drop(guest.run(Process::new(["sleep", "1000"]).silent()).unwrap());
        init.signal(9).unwrap();
        assert!(ends(&init), "the guest has not been waited for");
        init.wait().unwrap();
        for container in [&guest, &container] {
            container.destroy().unwrap();
        }
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        while waits() > 0 {
            assert!(std::time::Instant::now() < deadline, "the thread does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    before.assert_restored(Duration::from_secs(2));
}
