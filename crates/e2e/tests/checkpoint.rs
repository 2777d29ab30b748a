//! `checkpoint` and `restore`: a container that counts goes on counting.

use std::path::Path;

use e2e::counting::{COUNT, no_criu};
use e2e::{Cmd, WindowSize, World, each_view, on_this_host, until};

/// No flags.
const NONE: [&str; 0] = [];

#[test]
fn it_counts_on_where_it_left_off() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh(COUNT);
        let before = world.snapshot();
        bundle.detach();
        bundle.counts_on();
        for round in ["first", "second"] {
            bundle.checkpoint(round, NONE).run().success();
            assert_eq!(bundle.status(), "checkpointed");
            let list = bundle.nsrun(["list"]).run().success();
            assert!(list.out.contains("checkpointed"), "{}", list.out);
            let saved = bundle.counted();
            std::thread::sleep(std::time::Duration::from_millis(120));
            assert_eq!(bundle.counted(), saved, "something of it still runs");
            bundle.restore(round, NONE).run().success();
            assert_eq!(bundle.status(), "running");
            bundle.counts_on();
        }
        bundle.delete();
        bundle.tidy(["first", "second", "rootfs/count"]);
        before.assert_restored();
    });
}

#[test]
fn a_checkpointed_container_can_be_deleted_and_one_that_runs_is_not_replaced() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh(COUNT);
        let before = world.snapshot();
        bundle.detach();
        bundle.counts_on();
        bundle.checkpoint("images", ["--leave-running"]).run().success();
        assert_eq!(bundle.status(), "running");
        bundle.counts_on();
        bundle.restore("images", NONE).run().code(1).error(&["already exists"]);
        bundle.counts_on();
        bundle.checkpoint("images", NONE).run().success();
        for verb in ["start", "kill", "pause", "checkpoint"] {
            bundle.verb(verb).with_criu().run().code(1);
        }
        bundle.exec(["/bin/true"]).run().code(255).error(&["not running"]);
        bundle.verb("delete").run().success();
        // Nobody of that name: it comes back all the same.
        bundle.restore("images", NONE).run().success();
        bundle.counts_on();
        bundle.delete();
        bundle.tidy(["images", "rootfs/count"]);
        before.assert_restored();
    });
}

#[test]
fn a_restore_in_the_foreground_ends_as_its_program() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("trap 'echo bye; exit 7' TERM; echo up; while true; do sleep 0.05; done");
        let before = world.snapshot();
        let first = bundle.run(NONE).start();
        until("up", || first.out().contains("up"));
        bundle.checkpoint("images", NONE).run().success();
        first.wait().code(137);
        assert_eq!(bundle.status(), "checkpointed");
        let again = bundle.nsrun(["restore", "--image-path", "images", &bundle.id]);
        let again = again.with_criu().start();
        until("running", || bundle.verb("state").run().out.contains("running"));
        again.signal(rustix::process::Signal::TERM);
        let run = again.wait().code(7);
        assert_eq!(run.out, "bye\n");
        bundle.tidy(["images"]);
        before.assert_restored();
    });
}

#[test]
fn an_absent_criu_is_told_in_one_line_and_nothing_changes() {
    each_view(|world: &World| {
        let bundle = world.counting();
        let checkpoint = bundle.nsrun(["checkpoint", "--image-path", "images", &bundle.id]);
        // None of the usual places has one, either, unless the machine has it installed.
        if !["/usr/sbin/criu", "/usr/bin/criu", "/usr/local/sbin/criu", "/sbin/criu"]
            .iter()
            .any(|path| Path::new(path).exists())
        {
            let run = checkpoint.env("PATH", "/bin").run().code(1);
            run.error(&["no program criu", "CRIU 4.0 or newer is needed"]);
            assert!(!bundle.path.join("images").exists());
        }
        bundle.counts_on();
        bundle.delete();
    });
}

/// One that says that it is version 3.17 (`images/rpc.proto`), and one that is no CRIU at all.
#[test]
fn an_old_criu_is_told_in_one_line_and_nothing_changes() {
    on_this_host(|world: &World| {
        let bundle = world.counting();
        let place = world.path("old");
        std::fs::create_dir(&place).unwrap();
        let program = place.join("criu");
        let answer = r"\010\012\020\001\122\004\010\003\020\021";
        let old = format!("dd bs=99 count=1 <&3 >/dev/null 2>&1; printf '{answer}' >&3");
        for (script, words) in
            [(old.as_str(), "is CRIU 3.17.0, which is too old"), ("exit 0", "for its version")]
        {
            std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&program, mode).unwrap();
            let path = format!("{}:{}", place.display(), std::env::var("PATH").unwrap());
            let checkpoint = bundle.nsrun(["checkpoint", "--image-path", "images", &bundle.id]);
            let run = checkpoint.env("PATH", path).run().code(1);
            run.error(&[words, "CRIU 4.0 or newer is needed", "package criu"]);
            assert_eq!(bundle.status(), "running");
            bundle.counts_on();
        }
        bundle.delete();
    });
}

#[test]
fn two_terminals() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        let script = "i=0; while true; do echo number $i; i=$((i+1)); sleep 0.1; done";
        let images = world.path("images");
        let images = images.to_str().unwrap();
        let mut first =
            root.exec(["--tty", "/bin/sh", "-c", script]).on_terminal(WindowSize(24, 80));
        first.until("number 3");
        root.nsinit(["checkpoint", "--image-path", images]).with_criu().run().success();
        assert_eq!(first.wait().code(), Some(137));
        let last = first.screen().lines().filter(|line| line.starts_with("number")).count();
        root.nsinit(["list"]).run().success().out.contains("checkpointed");
        root.exec(["/bin/true"]).run().code(125).error(&["checkpointed", "nsinit restore"]);
        let again = root.nsinit(["restore", "--image-path", images]).with_criu();
        let mut second = again.on_terminal(WindowSize(24, 80));
        second.until(&format!("number {}", last + 2));
        assert!(!second.screen().contains("number 0\r"), "{}", second.screen());
        root.nsinit(["kill", "KILL"]).run().success();
        assert_eq!(second.wait().code(), Some(137));
        std::fs::remove_dir_all(images).unwrap();
        std::fs::remove_file("/run/criu.kdat").unwrap();
        before.assert_restored();
    });
}

/// With nothing to read, and a file in the bundle to write to.
fn into(file: &str, command: Cmd) -> Cmd {
    let script = format!("exec \"$0\" \"$@\" </dev/null >{file} 2>&1");
    command.by(["sh", "-c", &script])
}

#[test]
fn streams_of_another_kind_take_the_places() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("i=0; while true; do echo $i; i=$((i+1)); sleep 0.05; done");
        let before = world.snapshot();
        let read = |file: &str| std::fs::read_to_string(bundle.path.join(file)).unwrap_or_default();
        let run = || {
            into("first", bundle.run(["--detach"])).run().success();
            until("it counts", || read("first").lines().count() > 3);
            bundle.checkpoint("images", NONE).run().success();
            read("first").lines().last().unwrap().parse::<u32>().unwrap() + 1
        };
        // A new file, in which there is no hole.
        let next = run();
        into("second", bundle.restore("images", NONE)).run().success();
        until("it counts", || read("second").lines().count() > 3);
        assert_eq!(read("second").lines().next(), Some(next.to_string().as_str()));
        bundle.delete();
        // Pipes.
        let next = run();
        let restore = ["restore", "--image-path", "images", &bundle.id];
        let again = bundle.nsrun(restore).with_criu().input("").start();
        until("it counts", || again.out().lines().count() > 3);
        assert_eq!(again.out().lines().next(), Some(next.to_string().as_str()));
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        again.wait().code(137);
        bundle.tidy(["images", "first", "second"]);
        before.assert_restored();
    });
}

#[test]
fn flags_with_one_dash_are_those_with_two() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let bundle = world.counting();
        bundle.checkpoint("images", ["-leave-running=false"]).run().success();
        // As containerd's shim has it.
        bundle.restore("images", ["-no-subreaper"]).run().success();
        bundle.counts_on();
        bundle.delete();
    });
}
