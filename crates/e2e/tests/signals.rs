//! Signals: forwarded to the command, and at default inside.

use e2e::{World, each_view};
use rustix::process::Signal;

#[test]
fn signals_go_to_the_command() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let mut running = root.exec(["/probe", "catch"]).start();
            running.until("ready");
            for (signal, name) in [
                (Signal::HUP, "HUP"),
                (Signal::QUIT, "QUIT"),
                (Signal::USR1, "USR1"),
                (Signal::USR2, "USR2"),
                (Signal::TERM, "TERM"),
                (Signal::ALARM, "ALRM"),
                (Signal::WINCH, "WINCH"),
                (Signal::CONT, "CONT"),
                (Signal::URG, "URG"),
            ] {
                running.signal(signal);
                running.until(&format!("got {name} "));
            }
            // To a join's command, not to PID 1.
            let mut joined = root.exec(["/probe", "catch", "TERM", "INT"]).start();
            joined.until("ready");
            joined.signal(Signal::TERM);
            joined.until("got TERM ").signal(Signal::INT);
            joined.until("got INT ").signal(Signal::INT);
            joined.wait().code(0);
            assert_eq!(running.out().matches("got TERM").count(), 1);
            running.signal(Signal::INT);
            running.until("got INT ").signal(Signal::INT);
            running.wait().code(0);
            before.assert_restored();
        }
    });
}

#[test]
fn one_that_ends_the_command_is_128_and_its_number() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        // As PID 1 it would be immune; below --init it is not, nor is one that joins.
        let mut first = root.exec(["--init", "/bin/sh", "-c", "echo up; sleep 100"]).start();
        first.until("up");
        let mut joined = root.sh("echo up; exec sleep 100").start();
        joined.until("up").signal(Signal::TERM);
        joined.wait().code(143);
        let mut joined = root.sh("echo up; exec sleep 100").start();
        joined.until("up").signal(Signal::USR1);
        joined.wait().code(138);
        first.signal(Signal::TERM);
        first.wait().code(143);
        before.assert_restored();
    });
}

#[test]
fn the_command_starts_with_every_signal_at_default() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let show = ["/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"];
            let clean = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n";
            // nohup ignores HUP, the script ignores more; the join is told apart from the start.
            let ignoring = ["sh", "-c", "trap '' HUP PIPE INT QUIT USR1; exec \"$@\"", "sh"];
            for wrapper in [&["nohup"][..], &ignoring[..], &["env"][..]] {
                assert_eq!(root.exec(show).by(wrapper).run().code(0).out, clean);
            }
            root.detach([""; 0]);
            for wrapper in [&["nohup"][..], &ignoring[..]] {
                assert_eq!(root.exec(show).by(wrapper).run().code(0).out, clean);
            }
            root.delete();
            // A broken pipe ends the writer, as it would outside.
            let run = root.sh("(yes; echo $? >&2) | head -1").run().code(0);
            assert_eq!(run.err.trim(), "141");
            before.assert_restored();
        }
    });
}

#[test]
fn the_death_of_nsinit_is_the_containers() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let mut running = root.sh("sleep 1000 & echo up; sleep 1000").start();
            running.until("up").signal(Signal::KILL);
            running.wait().signalled(Signal::KILL);
            e2e::until("the container's end", || {
                root.nsinit(["ps", "-q"]).run().out.trim().is_empty()
            });
            root.nsinit(["delete"]).run().success();
            before.assert_restored();
            // Not where it is asked not to be.
            let stay = ["--parent-death-signal", "none", "/probe", "catch"];
            let log = world.path("log");
            let away = format!("exec \"$@\" > {} 2>&1", log.display());
            let running = root.exec(stay).by(["sh", "-c", &away, "sh"]).start();
            let ready = || std::fs::read_to_string(&log).is_ok_and(|text| text == "ready\n");
            e2e::until("ready", ready);
            running.signal(Signal::KILL);
            running.wait().signalled(Signal::KILL);
            std::fs::remove_file(&log).unwrap();
            let listed = root.nsinit(["list"]).run().success().out;
            assert!(listed.contains("running"), "{listed}");
            root.exec(["/bin/true"]).run().success();
            root.delete();
            before.assert_restored();
        }
    });
}

#[test]
fn a_stop_from_the_keyboard_stops_the_job_as_one() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        let state = |pid: i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
        };
        let mut running = root.exec(["/probe", "catch"]).start();
        running.until("ready");
        e2e::until("pid", || root.file("pid").exists());
        running.signal(Signal::TSTP);
        e2e::until("nsinit stops", || state(running.pid()) == 'T');
        running.signal(Signal::CONT);
        e2e::until("nsinit goes on", || state(running.pid()) == 'S');
        running.until("got CONT").signal(Signal::INT);
        running.until("got INT").signal(Signal::INT);
        running.wait().code(0);
        before.assert_restored();
    });
}
