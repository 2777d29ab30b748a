//! What a program finds when it starts, and when it is told to end with its creator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use common::{Place, output, test};
use libcontainer::{Container, Process, Status};

fn main() -> ExitCode {
    libcontainer::init();
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|argument| argument == "alone") {
        alone(&args[2], &Place::existing(&args[3]));
        return ExitCode::SUCCESS;
    }
    common::run(vec![
        test("signals_are_at_their_defaults", signals_are_at_their_defaults),
        test("a_thread_that_ends_takes_nothing_along", a_thread_that_ends_takes_nothing_along),
        test("a_process_that_ends_takes_its_containers_along", || ends_with_its_creator("main")),
        test("a_process_of_threads_takes_its_containers_along", || ends_with_its_creator("thread")),
        test("executed_processes_end_with_their_creator", || ends_with_its_creator("exec")),
        test("nothing_ends_that_has_not_been_told_to", nothing_ends_that_has_not_been_told_to),
    ])
}

/// What this program does when it is another process's child.
fn alone(what: &str, place: &Place) {
    let sleep = || Process::new(["sleep", "1000"]).silent();
    let run = |signal| {
        let mut config = place.config("one");
        config.process.parent_death_signal = signal;
        let container = place.factory().create("one", config).unwrap();
        container.run(sleep()).unwrap();
    };
    match what {
        "signals" => return signals(place),
        "main" => run(Some(9)),
        "thread" => std::thread::scope(|scope| scope.spawn(|| run(Some(9))).join().unwrap()),
        "exec" => {
            let mut process = sleep();
            process.spec.parent_death_signal = Some(9);
            place.factory().load("one").unwrap().exec(process).unwrap();
        }
        _ => run(None),
    }
    println!("ready");
    std::thread::sleep(Duration::from_secs(1000));
}

fn command(what: &str, place: &Place) -> Command {
    let mut command = Command::new("sh");
    let script = "trap '' HUP PIPE TERM INT QUIT USR1; exec \"$0\" alone \"$1\" \"$2\"";
    command.args(["-c", script]).arg(std::env::current_exe().unwrap()).arg(what).arg(place.dir());
    command.env("LIBCONTAINER_TEST_PREFIX", common::prefix());
    command
}

/// Nothing blocked, nothing ignored, nothing handled, whatever the creator's state.
const DEFAULTS: [&str; 3] =
    ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000", "SigCgt:\t0000000000000000"];

fn assert_defaults(who: &str, text: &str) {
    for line in DEFAULTS {
        assert!(text.contains(line), "{who}:\n{text}");
    }
}

/// From a creator that ignores some signals, and blocks all.
fn signals(place: &Place) {
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = own.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
    // SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGPIPE, SIGTERM
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & 0x5207, 0x5207, "{own}");
    let blocked = sys::signal::BlockAll::new().unwrap();
    let look = ["grep", "Sig", "/proc/self/status"];
    for reaper in [false, true] {
        let mut config = place.config("one");
        config.reaper = reaper;
        let container = place.factory().create("one", config).unwrap();
        let (init, _) = output(&look, |process| container.run(process));
        assert_defaults(if reaper { "below the reaper" } else { "init" }, &init);
        container.destroy().unwrap();
    }
    let container = place.factory().create("one", place.config("one")).unwrap();
    let mut init = container.run(Process::new(["sleep", "100"]).silent()).unwrap();
    assert_defaults("executed", &output(&look, |process| container.exec(process)).0);
    container.kill().unwrap();
    init.wait().unwrap();
    container.destroy().unwrap();
    drop(blocked);
}

fn signals_are_at_their_defaults() {
    let Some(place) = Place::new() else { return };
    let said = command("signals", &place).stdin(Stdio::null()).output().unwrap();
    assert!(said.status.success(), "{said:?}");
}

fn a_thread_that_ends_takes_nothing_along() {
    let Some(place) = Place::new() else { return };
    let mut config = place.config("one");
    config.process.parent_death_signal = Some(9);
    let container = place.factory().create("one", config).unwrap();
    let (mut init, mut other) = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let sleep = || Process::new(["sleep", "1000"]).silent();
            (container.run(sleep()).unwrap(), container.exec(sleep()).unwrap())
        });
        thread.join().unwrap()
    });
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(container.status().unwrap(), Status::Running);
    assert_eq!((init.try_wait().unwrap(), other.try_wait().unwrap()), (None, None));
    other.signal(9).unwrap();
    other.wait().unwrap();
    container.kill().unwrap();
    init.wait().unwrap();
    container.destroy().unwrap();
}

/// Starts this program to make the container or a process of it, and kills it.
fn and_kill_its_creator(what: &str, place: &Place) {
    let mut creator = command(what, place).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(creator.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    creator.kill().unwrap();
    assert_eq!(creator.wait().unwrap().signal(), Some(9));
}

fn ends_with_its_creator(what: &str) {
    let Some(place) = Place::new() else { return };
    let count = |container: &Container| container.processes().unwrap().len();
    let wait_for = |container: &Container, left: usize| {
        let deadline = Instant::now() + Duration::from_secs(2);
        while count(container) != left {
            assert!(Instant::now() < deadline, "{} are left", count(container));
            std::thread::sleep(Duration::from_millis(2));
        }
        common::reap_adopted(&[]);
    };
    if what == "exec" {
        let container = place.factory().create("one", place.config("one")).unwrap();
        let mut init = container.run(Process::new(["sleep", "1000"]).silent()).unwrap();
        and_kill_its_creator(what, &place);
        wait_for(&container, 1);
        container.kill().unwrap();
        init.wait().unwrap();
    } else {
        and_kill_its_creator(what, &place);
        wait_for(&place.factory().load("one").unwrap(), 0);
    }
    let container = place.factory().load("one").unwrap();
    assert_eq!(container.status().unwrap(), Status::Stopped);
    container.destroy().unwrap();
}

fn nothing_ends_that_has_not_been_told_to() {
    let Some(place) = Place::new() else { return };
    and_kill_its_creator("none", &place);
    std::thread::sleep(Duration::from_millis(300));
    let container = place.factory().load("one").unwrap();
    assert_eq!(container.status().unwrap(), Status::Running);
    container.kill().unwrap();
    common::reap_adopted(&[]);
    container.destroy().unwrap();
}
