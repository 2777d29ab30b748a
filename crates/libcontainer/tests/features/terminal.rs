//! Terminals, the reaping PID 1, and starts that are held.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use libcontainer::config::ProcessSpec;
use libcontainer::{Child, Config, ErrorKind, Process, Status, Stdio, Target, console};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::common::{HostSnapshot, Place, Test, test};
use crate::kit::{self, Facts, Running, field, refusal_of, rest};

pub fn tests() -> Vec<Test> {
    vec![
        test("terminal::is_the_programs_own", own),
        test("terminal::console_and_size", console_and_size),
        test("terminal::exec_with_one", exec),
        test("terminal::of_a_user", of_a_user),
        test("terminal::needs_a_devpts", needs_devpts),
        test("terminal::its_end_is_a_hangup", hangup),
        test("reaper::reaps_and_forwards", reaper).in_both_views(),
        test("reaper::ends_as_the_program_ends", reaper_ends),
        test("hold::is_created_until_released", hold).in_both_views(),
        test("hold::a_program_that_cannot_be_executed", hold_fails),
        test("hold::killed_or_destroyed_before", hold_killed),
    ]
}

/// The template, with a terminal.
fn config(place: &Place, name: &str) -> Config {
    let mut config = place.config(name);
    config.process.terminal = true;
    config
}

/// A process with the container's terminal.
fn on_terminal(args: &[&str]) -> Process {
    let mut process = Process::new(args.iter().copied());
    process.spec.terminal = true;
    process
}

/// Reads until `end` says that it is enough, or the other side is closed.
fn read_until(child: &Child, end: impl Fn(&str) -> bool) -> String {
    let master = child.terminal.as_ref().unwrap().try_clone().unwrap();
    let mut master = File::from(master);
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    let start = Instant::now();
    while !end(&text) {
        assert!(start.elapsed() < Duration::from_secs(10), "no more comes: {text:?}");
        let mut ready = [PollFd::new(&master, PollFlags::IN)];
        let limit = Timespec { tv_sec: 1, tv_nsec: 0 };
        if poll(&mut ready, Some(&limit)).unwrap() == 0 {
            continue;
        }
        match master.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(length) => text.push_str(&String::from_utf8_lossy(&buffer[..length])),
        }
    }
    text.replace("\r\n", "\n")
}

fn whole(child: &Child) -> String {
    read_until(child, |_| false)
}

fn own() {
    let Some(place) = kit::place() else { return };
    let mut running =
        Running::with(&place, "own", config(&place, "own"), on_terminal(&["/bin/probe", "status"]));
    let facts = Facts::new(&whole(&running.init));
    assert!(running.init.wait().unwrap().success());
    assert_eq!(facts.get("tty"), "/dev/pts/0");
    assert_eq!((facts.get("pid"), facts.get("sid"), facts.get("pgid")), ("1", "1", "1"));
    assert_eq!(facts.get("tty-foreground"), "1");
    let fds = facts.all("fd");
    assert_eq!(fds, ["0 /dev/pts/0", "1 /dev/pts/0", "2 /dev/pts/0"]);
    drop(running);
    // Line discipline: echo, and what is typed.
    let mut running = Running::with(&place, "own", config(&place, "own"), on_terminal(&["cat"]));
    let mut master = File::from(running.init.terminal.as_ref().unwrap().try_clone().unwrap());
    master.write_all(b"typed\n").unwrap();
    let text = read_until(&running.init, |text| text.matches("typed\r\n").count() == 2);
    assert_eq!(text, "typed\ntyped\n");
    // ^D ends it.
    master.write_all(&[4]).unwrap();
    assert!(running.init.wait().unwrap().success());
}

fn console_and_size() {
    let Some(place) = kit::place() else { return };
    let mut config = config(&place, "size");
    config.process.console_size = Some((33, 111));
    let args = ["/bin/probe", "catch", "WINCH", "INT"];
    let mut running = Running::with(&place, "size", config, on_terminal(&args));
    assert_eq!(read_until(&running.init, |text| text.ends_with('\n')), "ready\n");
    assert_eq!(
        running.say(&["sh", "-c", "stat -c %t:%T /dev/console; stty size < /dev/console"]),
        "88:0\n33 111\n"
    );
    let master = running.init.terminal.as_ref().unwrap();
    assert_eq!(console::size(master.as_fd()).unwrap(), (33, 111));
    console::resize(master.as_fd(), (44, 222)).unwrap();
    let text = read_until(&running.init, |text| text.contains("44x222"));
    assert!(text.contains("WINCH") && text.contains("44x222"), "{text}");
    // ^C is the foreground's.
    let mut keys = File::from(running.init.terminal.as_ref().unwrap().try_clone().unwrap());
    for _ in 0..2 {
        keys.write_all(&[3]).unwrap();
        read_until(&running.init, |text| text.contains("got INT") || text.contains("got SIGINT"));
    }
    assert!(running.init.wait().unwrap().success());
    // What is written to the console is read at the master.
    let args = ["sh", "-c", "echo written > /dev/console"];
    let running =
        Running::with(&place, "console", self::config(&place, "console"), on_terminal(&args));
    assert_eq!(whole(&running.init), "written\n");
}

fn exec() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "exec", place.config("exec"));
    let with = |args: &[&str]| {
        let mut process = Process::new(args.iter().copied());
        process.spec.terminal = true;
        process.spec.console_size = Some((10, 20));
        running.container.exec(process).unwrap()
    };
    let mut first = with(&["/bin/probe", "catch", "INT"]);
    read_until(&first, |text| text.contains("ready"));
    let mut second = with(&["/bin/probe", "status"]);
    let facts = Facts::new(&whole(&second));
    assert!(second.wait().unwrap().success());
    assert_eq!((facts.get("tty"), facts.get("tty-size")), ("/dev/pts/1", "10x20"));
    assert_eq!(facts.get("sid"), facts.get("pid"));
    first.signal(9).unwrap();
    assert_eq!(first.wait().unwrap().signal(), Some(9));
    // Without one, none; not the container's either.
    assert_eq!(running.facts().get("tty"), "none");
    let (text, _) = running.exec(&["/bin/probe", "open", "/dev/tty", "rw"]);
    assert!(text.starts_with("error ENXIO"), "{text}");
}

/// He may open it again by its name.
fn of_a_user() {
    let Some(place) = kit::place() else { return };
    let mut process = on_terminal(&["sh", "-c", "stat -c '%u %g %a' $(tty); echo again > $(tty)"]);
    process.spec.user = Some("alice".parse().unwrap());
    let running = Running::with(&place, "user", config(&place, "user"), process);
    assert_eq!(whole(&running.init), "1000 5 620\nagain\n");
}

fn needs_devpts() {
    let Some(place) = kit::place() else { return };
    let mut config = place.small();
    config.process.terminal = true;
    let error = refusal_of(&place, config, Process::new(["true"]));
    assert_eq!(field(&error), "process.terminal", "{error}");
    // In a container that has none, for a further process.
    let running = Running::new(&place, "none", place.small());
    let spec = ProcessSpec { terminal: true, args: vec!["true".into()], ..Default::default() };
    let error = running.container.exec(Process { spec, ..Process::default() }).unwrap_err();
    assert!(error.to_string().contains("devpts"), "{error}");
}

fn hangup() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "hangup", place.config("hangup"));
    let process = on_terminal(&["sleep", "1000"]);
    let mut child = running.container.exec(process).unwrap();
    drop(child.terminal.take());
    assert_eq!(child.wait().unwrap().signal(), Some(1));
}

fn reaping(place: &Place, name: &str) -> Config {
    Config { reaper: true, ..place.config(name) }
}

fn reaper() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    {
        let mut process = Process::new(["/bin/probe", "catch"]);
        (process.stdin, process.stdout) = (Stdio::Null, Stdio::Pipe);
        let mut running = Running::with(&place, "reaper", reaping(&place, "reaper"), process);
        let mut stdout = running.init.stdout.take().unwrap();
        let mut heard = String::new();
        let mut hear = |what: &str| {
            let start = Instant::now();
            while !heard.contains(what) {
                assert!(start.elapsed() < Duration::from_secs(10), "{what}: {heard}");
                let mut buffer = [0; 1024];
                let length = stdout.read(&mut buffer).unwrap();
                heard.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        };
        hear("ready");
        // The program is not PID 1; the orphans of others are reaped.
        running.say(&["sh", "-c", "(sleep 0.05 & ) ; (true & )"]);
        let start = Instant::now();
        loop {
            let text = running.say(&["sh", "-c", "grep -l 'State:.Z' /proc/[0-9]*/status; true"]);
            if text.is_empty() {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(5), "{text}");
        }
        assert_eq!(running.say(&["cat", "/proc/2/comm"]), "probe\n");
        running.container.signal(15, Target::Init).unwrap();
        hear("TERM");
        running.container.signal(10, Target::Init).unwrap();
        hear("USR1");
        for _ in 0..2 {
            running.container.signal(2, Target::Init).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        hear("INT");
        assert_eq!(running.init.wait().unwrap().code(), Some(0));
    }
    before.assert_restored(Duration::from_secs(3));
}

fn reaper_ends() {
    let Some(place) = kit::place() else { return };
    let end = |args: &[&str]| {
        let process = Process::new(args.iter().copied()).silent();
        let mut running = Running::with(&place, "end", reaping(&place, "end"), process);
        running.init.wait().unwrap().code()
    };
    assert_eq!(end(&["/bin/probe", "exit", "0"]), Some(0));
    assert_eq!(end(&["/bin/probe", "exit", "77"]), Some(77));
    assert_eq!(end(&["/bin/probe", "kill-self", "KILL"]), Some(137));
    // In a session and group of its own.
    assert_eq!(end(&["setsid", "sh", "-c", "exit 6"]), Some(6));
    // What the program leaves ends with it.
    assert_eq!(end(&["sh", "-c", "sleep 1000 & exit 5"]), Some(5));
    // It has no more privileges than the program, and a program that is not there is told.
    let mut process = Process::new(["sh", "-c", "grep -E 'CapEff|CapBnd|Uid' /proc/1/status"]);
    process.spec.user = Some("alice".parse().unwrap());
    let (text, _) = kit::once_with(&place, "powers", reaping(&place, "powers"), process);
    assert!(text.contains("Uid:\t1000\t1000\t1000\t1000\n"), "{text}");
    assert!(text.contains("CapEff:\t0000000000000000\n"), "{text}");
    let error =
        refusal_of(&place, reaping(&place, "no"), Process::new(["no-such-program"]).silent());
    assert_eq!(*error.kind(), ErrorKind::ProcessNotExecuted, "{error}");
}

fn hold() {
    let Some(place) = kit::place() else { return };
    let container = place.factory().create("held", place.config("held")).unwrap();
    assert_eq!(container.status().unwrap(), Status::Creating);
    let mut process = Process::new(["sh", "-c", "echo ran; exit 3"]);
    (process.stdin, process.stdout) = (Stdio::Null, Stdio::Pipe);
    let mut init = container.start(process).unwrap();
    assert_eq!(container.status().unwrap(), Status::Created);
    // Another handle, and others of its kind, can look and enter.
    let other = place.factory().load("held").unwrap();
    assert_eq!(other.status().unwrap(), Status::Created);
    assert_eq!(other.state().unwrap().init_process_pid, init.pid());
    let said = crate::common::output(&["cat", "/proc/1/comm"], |process| other.exec(process));
    assert_eq!(said, ("libcontainer:w\n".to_owned(), 0));
    assert_eq!(*other.start(Process::configured()).unwrap_err().kind(), ErrorKind::NotStopped);
    assert_eq!(*other.destroy().unwrap_err().kind(), ErrorKind::NotStopped);
    assert!(init.try_wait().unwrap().is_none());
    other.release().unwrap();
    assert_eq!(rest(&mut init), ("ran\n".to_owned(), 3));
    let error = container.release().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotRunning);
    assert!(error.to_string().contains("cannot start a container that has stopped"), "{error}");
    container.destroy().unwrap();
    assert_eq!(*place.factory().load("held").unwrap_err().kind(), ErrorKind::NotFound);
    // Once only.
    let container = place.factory().create("held", place.config("held")).unwrap();
    let mut init = container.start(Process::new(["sleep", "1000"]).silent()).unwrap();
    container.release().unwrap();
    assert_eq!(*container.release().unwrap_err().kind(), ErrorKind::NotStopped);
    container.kill().unwrap();
    init.wait().unwrap();
    container.destroy().unwrap();
}

/// Known at the start where it can be, else at the release.
fn hold_fails() {
    let Some(place) = kit::place() else { return };
    let container = place.factory().create("held", place.config("held")).unwrap();
    let error = container.start(Process::new(["no-such-program"]).silent()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::ProcessNotExecuted, "{error}");
    container.destroy().unwrap();

    std::fs::write(place.rootfs().join("bin/later"), "#!/bin/sh\n").unwrap();
    let path = place.rootfs().join("bin/later");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).unwrap();
    let container = place.factory().create("held", place.config("held")).unwrap();
    let mut init = container.start(Process::new(["/bin/later"]).silent()).unwrap();
    std::fs::remove_file(path).unwrap();
    let error = container.release().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::ProcessNotExecuted, "{error}");
    assert!(error.to_string().contains("no such file or directory"), "{error}");
    assert_eq!(init.wait().unwrap().code(), Some(127));
    container.destroy().unwrap();
}

fn hold_killed() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    {
        let container = place.factory().create("held", place.config("held")).unwrap();
        let mut init = container.start(Process::new(["true"]).silent()).unwrap();
        container.kill().unwrap();
        assert_eq!(init.wait().unwrap().signal(), Some(9));
        assert_eq!(container.status().unwrap(), Status::Stopped);
        assert_eq!(*container.release().unwrap_err().kind(), ErrorKind::NotRunning);
        container.destroy().unwrap();
        // Never started.
        let container = place.factory().create("never", place.config("never")).unwrap();
        assert_eq!(*container.release().unwrap_err().kind(), ErrorKind::NotRunning);
        container.destroy().unwrap();
        container.destroy().unwrap();
    }
    before.assert_restored(Duration::from_secs(3));
}
