//! Whatever fails, and whoever is killed: a container that was to be saved goes on, one that was to
//! come back leaves nothing. And a checkpoint that somebody has tampered with is refused.

use std::os::unix::fs::symlink;
use std::time::Duration;

use e2e::counting::{COUNT, no_criu};
use e2e::trace::{has_strace, killed_at, points};
use e2e::{Bundle, World, each_view, on_this_host, until};
use serde_json::{Value, json};

/// No flags.
const NONE: [&str; 0] = [];

/// A container that was saved in `images`, and deleted.
fn saved(world: &World) -> Bundle {
    let bundle = world.counting();
    bundle.checkpoint("images", NONE).run().success();
    bundle.verb("delete").run().success();
    bundle
}

#[test]
fn what_was_tampered_with_is_refused_and_leaves_nothing() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let data = world.path("data");
        std::fs::create_dir(&data).unwrap();
        bundle.push(
            "/mounts",
            json!({"destination": "/data", "type": "bind", "options": ["bind"],
            "source": data.to_str().unwrap()}),
        );
        bundle.sh(COUNT);
        bundle.detach();
        bundle.goes_on();
        bundle.checkpoint("images", NONE).run().success();
        bundle.verb("delete").run().success();
        let images = bundle.path.join("images");
        let before = world.snapshot();
        let refused = |words: &[&str]| {
            let run = bundle.restore("images", NONE).run().code(1);
            run.error(words);
            let _ = std::fs::remove_file(images.join("restore.log"));
            let _ = std::fs::remove_file(images.join("stats-restore"));
        };
        // A link in place of memory, and of the log.
        let real = images.join("pages-1.img");
        let kept = images.join("kept");
        std::fs::rename(&real, &kept).unwrap();
        symlink("/etc/shadow", &real).unwrap();
        refused(&["pages-1.img", "tampered"]);
        std::fs::remove_file(&real).unwrap();
        // Memory that is missing is CRIU's to tell.
        refused(&["CRIU failed", "restore.log"]);
        std::fs::rename(&kept, &real).unwrap();
        // A note that asks for more than the configuration has.
        let file = images.join("libcontainer.json");
        let text = std::fs::read_to_string(&file).unwrap();
        let mut note: Value = serde_json::from_str(&text).unwrap();
        note["mounts"][0] = json!("/etc");
        std::fs::write(&file, note.to_string()).unwrap();
        refused(&["/etc", "the configuration has not"]);
        std::fs::write(&file, text.replace("file[", "/etc/passwd[")).unwrap();
        refused(&["libcontainer.json", "names no open file"]);
        std::fs::write(&file, "{").unwrap();
        refused(&["libcontainer.json", "broken"]);
        std::fs::remove_file(&file).unwrap();
        refused(&["libcontainer.json", "no complete checkpoint"]);
        std::fs::write(&file, &text).unwrap();
        bundle.tidy(NONE);
        let left = before.wait_restored(Duration::from_secs(3));
        assert!(!left.contains("process") && !left.contains("cgroup"), "{left}");
        // As it was, it is good.
        bundle.restore("images", NONE).run().success();
        bundle.goes_on();
        bundle.delete();
    });
}

#[test]
fn killed_while_it_restores() {
    if no_criu() || !has_strace() {
        return;
    }
    on_this_host(|world: &World| {
        let bundle = saved(world);
        let restore = bundle.restore("images", NONE);
        let before = world.snapshot();
        let all = points(world, &restore, false);
        bundle.delete();
        let step = (all.len() / 12).max(1);
        for point in all.iter().step_by(step) {
            killed_at(&restore, point, false);
            bundle.delete();
            bundle.tidy(["images/restore.log", "images/stats-restore"]);
            let mut left = before.wait_restored(Duration::from_secs(3));
            left = left.lines().filter(|line| !line.contains(" file ")).collect();
            assert!(left.is_empty(), "killed at call {} of {}: {left}", point.1, point.0);
        }
        bundle.restore("images", NONE).run().success();
        bundle.goes_on();
        bundle.delete();
    });
}

#[test]
fn killed_while_it_saves() {
    if no_criu() || !has_strace() {
        return;
    }
    on_this_host(|world: &World| {
        let bundle = world.counting();
        let save = bundle.checkpoint("images", ["--leave-running"]);
        let all = points(world, &save, false);
        let step = (all.len() / 10).max(1);
        for point in all.iter().step_by(step) {
            killed_at(&save, point, false);
            // CRIU is left to put things right.
            until("CRIU's end", || {
                let all = e2e::Cmd::new("ps", ["-eo", "comm"]).run().out;
                !all.lines().any(|line| line == "criu" || line.starts_with("ld-linux"))
            });
            assert_eq!(bundle.status(), "running", "killed at call {} of {}", point.1, point.0);
            bundle.goes_on();
        }
        save.run().success();
        bundle.goes_on();
        bundle.delete();
    });
}

/// The one line begins with what CRIU met first, and not with what that led to.
#[test]
fn the_cause_is_told_first() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh(&format!("exec 5</bin/other 6>>/log; {COUNT}"));
        let root = bundle.path.join("rootfs");
        std::fs::copy(root.join("bin/busybox"), root.join("bin/other")).unwrap();
        bundle.detach();
        bundle.goes_on();
        bundle.checkpoint("images", NONE).run().success();
        bundle.verb("delete").run().success();
        let refused = |cause: &str| {
            let run = bundle.restore("images", NONE).run().code(1);
            assert!(!run.err.contains("FAILED") && !run.err.contains("cgroupd"), "{}", run.err);
            run.error(&[&format!("CRIU failed: {cause}"), "restore.log"]);
            bundle.verb("state").run().code(1);
        };
        // Another program, one that is gone, an image that is cut off.
        let (program, kept) = (root.join("bin/other"), root.join("kept"));
        std::fs::copy(&program, &kept).unwrap();
        std::fs::write(&program, "another").unwrap();
        refused("File bin/other has bad size 7");
        std::fs::remove_file(&program).unwrap();
        refused("Can't open file bin/other");
        std::fs::rename(&kept, &program).unwrap();
        let core = bundle.path.join("images/core-1.img");
        let whole = std::fs::read(&core).unwrap();
        std::fs::write(&core, &whole[..100]).unwrap();
        refused("Read ");
        std::fs::write(&core, whole).unwrap();
        bundle.restore("images", NONE).run().success();
        bundle.goes_on();
        bundle.delete();
        // And of a checkpoint: the word that helps is in it.
        for (kind, cause) in [
            ("locks", "Some file locks are hold by dumping tasks! You can try --file-locks"),
            ("linked", "Can't create link remap for /"),
            ("tcp", "inet: Connected TCP socket, consider using --tcp-established option"),
        ] {
            bundle.sh(&format!("exec /probe survive /go {kind} >/said 2>&1"));
            bundle.detach();
            let said = || std::fs::read_to_string(root.join("said")).unwrap_or_default();
            until("set up", || said().contains("ready"));
            let run = bundle.checkpoint("images", NONE).run().code(1);
            assert!(!run.err.contains("FAILED"), "{}", run.err);
            run.error(&[&format!("CRIU failed: {cause}"), "dump.log"]);
            bundle.delete();
            std::fs::write(root.join("said"), "").unwrap();
        }
    });
}
