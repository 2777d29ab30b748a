//! `run`: create and start in one.

use std::path::Path;

use e2e::{Cmd, WindowSize, World, each_view, on_this_host, until};
use rustix::process::Signal;
use serde_json::json;

/// No flags.
const NONE: [&str; 0] = [];

#[test]
fn the_exit_code_is_the_programs() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        for (script, code) in [("exit 0", 0), ("exit 42", 42), ("kill -9 $$", 0)] {
            bundle.sh(script);
            let before = world.snapshot();
            bundle.run(NONE).run().code(code);
            before.assert_restored();
        }
        bundle.args(["/probe", "kill-self", "KILL"]);
        bundle.set(
            "/linux/namespaces",
            ["mount", "ipc", "network"].map(|kind| json!({"type": kind})).to_vec(),
        );
        bundle.set("/hostname", json!(null));
        bundle.run(NONE).run().code(137);
    });
}

#[test]
fn streams_are_ours() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("cat; echo to-stderr >&2");
        let run = bundle.run(NONE).input("typed\n").run().code(0);
        assert_eq!((run.out.as_str(), run.err.as_str()), ("typed\n", "to-stderr\n"));
    });
}

#[test]
fn what_fails_before_the_start_is_one_and_at_the_start_255() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let before = world.snapshot();
        bundle
            .nsrun(["run", "-b", "/no/such/bundle", "x"])
            .run()
            .code(1)
            .error(&["/no/such/bundle"]);
        let empty = world.path("empty");
        std::fs::create_dir(&empty).unwrap();
        let run = bundle.nsrun(["run", "-b", empty.to_str().unwrap(), "x"]).run().code(1);
        run.error(&["config.json", "no such file or directory"]);
        std::fs::remove_dir(&empty).unwrap();
        before.assert_restored();
        bundle.args(["no-such-program"]);
        let before = world.snapshot();
        let words = ["executable file not found in $PATH", "no such file or directory"];
        bundle.run(NONE).run().code(255).error(&words);
        bundle.run(["--detach"]).run().code(255).error(&words);
        before.assert_restored();
        bundle.args(["/etc"]);
        let before = world.snapshot();
        bundle.run(NONE).run().code(255).error(&["/etc"]);
        before.assert_restored();
        bundle.set("/process/user/uid", "root");
        bundle.run(NONE).run().code(1).error(&["config.json", "process.user.uid"]);
        bundle.set("/process/user/uid", 0).set("/root/path", "missing");
        let before = world.snapshot();
        let run = bundle.run(NONE).run();
        assert!([Some(1), Some(255)].contains(&run.status.code()), "{run:?}");
        run.error(&["root.path", "missing"]);
        before.assert_restored();
    });
}

#[test]
fn signals_go_to_the_program() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.args(["/probe", "catch", "HUP", "TERM", "USR1", "USR2", "CONT", "INT"]);
        let before = world.snapshot();
        let mut running = bundle.run(NONE).start();
        running.until("ready");
        for (signal, name) in [
            (Signal::HUP, "HUP"),
            (Signal::TERM, "TERM"),
            (Signal::USR1, "USR1"),
            (Signal::USR2, "USR2"),
            (Signal::CONT, "CONT"),
            (Signal::INT, "INT"),
        ] {
            running.signal(signal);
            running.until(&format!("got {name} "));
        }
        running.signal(Signal::INT);
        running.wait().code(0);
        before.assert_restored();
    });
}

#[test]
fn keep_leaves_the_record_and_nothing_else_runs() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("exit 3");
        let before = world.snapshot();
        bundle.run(["--keep"]).run().code(3);
        assert_eq!(bundle.status(), "stopped");
        bundle.run(NONE).run().code(1).error(&["container with given ID already exists"]);
        bundle.verb("delete").run().success();
        before.assert_restored();
    });
}

#[test]
fn detached() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        let before = world.snapshot();
        let pid = bundle.detach();
        // It lives on, and has our session no longer.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        assert_eq!(fields[3], pid.to_string(), "its session");
        assert_eq!(bundle.status(), "running");
        bundle.delete();
        before.assert_restored();
    });
}

#[test]
fn on_a_terminal() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/process/terminal", true);
        bundle.sh("tty; stty size; trap 'stty size; exit 4' WINCH; echo ready; while :; do sleep 0.01; done");
        let before = world.snapshot();
        let mut pty = bundle.run(NONE).on_terminal(WindowSize(31, 73));
        pty.until("/dev/pts/0").until("31 73").until("ready");
        assert!(!pty.is_cooked());
        pty.resize(WindowSize(40, 100)).until("40 100");
        assert_eq!(pty.wait().code(), Some(4));
        assert!(pty.is_cooked());
        before.assert_restored();
        // Where there is nobody to hold it.
        let run = bundle.run(["--detach"]).run().code(1);
        run.error(&["cannot allocate tty", "console socket"]);
        bundle.create(NONE).run().code(1).error(&["cannot allocate tty", "console socket"]);
        bundle.run(["--console-socket", "/x"]).run().code(1).error(&["cannot use console socket"]);
        before.assert_restored();
        bundle.set("/process/terminal", false);
        for verb in ["create", "run"] {
            let run = bundle.nsrun([verb, "--console-socket", "/x", &bundle.id]).run().code(1);
            run.error(&["cannot use console socket"]);
        }
    });
}

#[test]
fn what_a_container_orphans_is_taken_in() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let kinds = ["mount", "ipc", "uts", "network"];
        bundle.set("/linux/namespaces", kinds.map(|kind| json!({"type": kind})).to_vec());
        // A grandchild whose parent ends at once.
        bundle.sh("(/probe sleep 1000 & echo $! > /run/orphan); read x; exit 5");
        for (flags, adopted) in [(&[] as &[&str], true), (&["--no-subreaper"], false)] {
            let before = world.snapshot();
            let fifo = world.path("fifo");
            Cmd::new("mkfifo", [&fifo]).run().success();
            let script = format!("exec \"$@\" < {}", fifo.display());
            let mut running = bundle.run(flags).by(["sh", "-c", &script, "sh"]).start();
            let mut input = std::fs::File::options().write(true).open(&fifo).unwrap();
            let mut pid = 0;
            until("it runs", || {
                let state = bundle.verb("state").run();
                if state.status.success() {
                    pid = state.json()["pid"].as_i64().unwrap();
                }
                pid != 0
            });
            let mut orphan = String::new();
            until("an orphan", || {
                let path = format!("/proc/{pid}/root/run/orphan");
                orphan = std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
                !orphan.is_empty()
            });
            let parent = || {
                let stat = std::fs::read_to_string(format!("/proc/{orphan}/stat")).unwrap();
                let fields = stat.rsplit_once(") ").unwrap().1.to_owned();
                fields.split(' ').nth(1).unwrap().parse::<i32>().unwrap()
            };
            let foster = if adopted { running.pid() } else { 1 };
            until("it is taken in", || parent() == foster);
            if adopted {
                // It is waited for as well.
                Cmd::new("kill", ["-9", &orphan]).run().success();
                until("it is gone", || !Path::new("/proc").join(&orphan).exists());
            }
            assert!(!running.ended());
            std::io::Write::write_all(&mut input, b"go\n").unwrap();
            running.wait().code(5);
            std::fs::remove_file(&fifo).unwrap();
            before.assert_restored();
        }
    });
}

#[test]
fn killed_in_the_foreground_it_leaves_what_delete_removes() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        let before = world.snapshot();
        let running = bundle.run(NONE).leaves_behind().start();
        until("running", || {
            let state = bundle.verb("state").run();
            state.status.success() && state.json()["status"] == "running"
        });
        running.signal(Signal::KILL);
        running.wait().signalled(Signal::KILL);
        assert_eq!(bundle.status(), "running");
        bundle.delete();
        before.assert_restored();
    });
}

#[test]
fn without_pivot_and_without_keyring() {
    on_this_host(|world: &World| {
        let trace = world.path("trace");
        let run = |flags: &[&str]| {
            // Another id each time: the kernel collects a container's keyring some time after it.
            let mut bundle = world.bundle();
            let script = format!("grep -c '_ses.{}' /proc/keys; ls /probe", bundle.id);
            bundle.sh(&script);
            let strace = ["strace", "-f", "-e", "trace=pivot_root", "-o", trace.to_str().unwrap()];
            let run = bundle.run(flags).by(strace).run().success();
            let pivoted = std::fs::read_to_string(&trace).unwrap().contains("pivot_root(");
            let mut lines = run.out.lines();
            let keyrings = lines.next().unwrap().parse::<u32>().unwrap();
            assert_eq!(lines.next(), Some("/probe"));
            (pivoted, keyrings)
        };
        assert_eq!(run(&[]), (true, 1));
        assert_eq!(run(&["--no-pivot"]), (false, 1));
        assert_eq!(run(&["--no-new-keyring"]), (true, 0));
        assert_eq!(run(&["--no-pivot=false", "--no-new-keyring=false"]), (true, 1));
    });
}
