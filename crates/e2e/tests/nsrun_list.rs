//! What `list`, `state` and `kill` see of containers, and how little they read for that.

use std::path::{Path, PathBuf};

use e2e::{Bundle, Cmd, World, each_view, hierarchies, on_this_host, trace};
use serde_json::Value;

const NONE: [&str; 0] = [];

fn directory(bundle: &Bundle) -> PathBuf {
    Path::new("/run/nsrun").join(&bundle.id)
}

/// What `list` says of a container.
fn listed(bundle: &Bundle) -> Value {
    let list = bundle.nsrun(["list", "--format", "json"]).run().success().json();
    let mut all = list.as_array().unwrap().iter();
    all.find(|one| one["id"] == *bundle.id).unwrap().clone()
}

/// What both show, which is the same.
#[track_caller]
fn seen(bundle: &Bundle) -> Value {
    let state = bundle.state();
    assert_eq!(listed(bundle), state);
    state["status"].clone()
}

#[test]
fn list_and_state_see_the_same() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.args(["sleep", "1000"]);
        bundle.set("/annotations", serde_json::json!({"org.example.key": "value"}));
        bundle.create(NONE).run().success();
        assert_eq!(seen(&bundle), "created");
        assert_eq!(listed(&bundle)["annotations"]["org.example.key"], "value");
        bundle.verb("pause").run().success();
        assert_eq!(seen(&bundle), "paused");
        bundle.verb("resume").run().success();
        bundle.verb("start").run().success();
        assert_eq!(seen(&bundle), "running");
        bundle.verb("pause").run().success();
        assert_eq!(seen(&bundle), "paused");
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        bundle.until_stopped();
        assert_eq!(seen(&bundle), "stopped");
        bundle.delete();
        bundle.detach();
        assert_eq!(seen(&bundle), "running");
        bundle.delete();
    });
}

#[test]
fn a_group_above_is_frozen() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let parent = format!("{}-above", bundle.id);
        bundle.set("/linux/cgroupsPath", format!("/{parent}/between/{}", bundle.id));
        let before = world.snapshot();
        bundle.detach();
        let tell = |v1: &str, v2: &str| {
            for group in hierarchies().iter().map(|one| one.path.join(&parent)) {
                for (file, text) in [("freezer.state", v1), ("cgroup.freeze", v2)] {
                    let file = group.join(file);
                    // On a hybrid host, the freezer is version 1's.
                    if file.exists() && (v1_freezer() != file.ends_with("cgroup.freeze")) {
                        std::fs::write(file, text).unwrap();
                    }
                }
            }
        };
        tell("FROZEN", "1");
        e2e::until("it is frozen", || bundle.status() == "paused");
        assert_eq!(seen(&bundle), "paused");
        tell("THAWED", "0");
        e2e::until("it is thawed", || bundle.status() == "running");
        assert_eq!(seen(&bundle), "running");
        bundle.delete();
        before.assert_restored();
    });
}

fn v1_freezer() -> bool {
    hierarchies().iter().any(|one| one.path.ends_with("freezer"))
}

/// What a record says of a complete container spares a look at its lock; without that, as where its
/// creator was killed or is an older one, the lock is looked at.
#[test]
fn the_lock_tells_where_the_record_does_not() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.args(["sleep", "1000"]);
        let record = directory(&bundle).join("record.json");
        let told = || std::fs::read_to_string(&record).unwrap().lines().last().unwrap().to_owned();
        let while_locked = |verb: &str| {
            let locked = ["flock".into(), directory(&bundle).into_os_string()];
            bundle.nsrun([verb, &bundle.id]).by(locked).run().success().json()["status"].clone()
        };
        bundle.create(NONE).run().success();
        assert!(told().contains("\"made\":\"held\""), "{}", told());
        assert_eq!(while_locked("state"), "created");
        let forget = || {
            let text = std::fs::read_to_string(&record).unwrap();
            let text = text.replace(",\"made\":\"held\"", "").replace(",\"made\":\"begun\"", "");
            std::fs::write(&record, text).unwrap();
        };
        forget();
        assert_eq!(while_locked("state"), "creating");
        assert_eq!(seen(&bundle), "created");
        bundle.verb("start").run().success();
        assert_eq!(seen(&bundle), "running");
        bundle.delete();
        bundle.detach();
        assert!(told().contains("\"made\":\"begun\""), "{}", told());
        assert_eq!(while_locked("state"), "running");
        forget();
        assert_eq!(seen(&bundle), "running");
        bundle.exec(["true"]).run().success();
        bundle.delete();
    });
}

/// How many bytes of its record a command reads.
fn read_of_record(world: &World, cmd: &Cmd) -> usize {
    let log = world.path("reads");
    let calls = "trace=read,pread64,readv,preadv,preadv2,mmap,sendfile,copy_file_range,splice";
    let strace = ["strace", "-f", "-y", "-qq", "-s", "1", "-e", calls, "-o"];
    cmd.clone()
        .by(strace.iter().map(|word| word.as_ref()).chain([log.as_os_str()]))
        .run()
        .success();
    let log = std::fs::read_to_string(log).unwrap();
    let reads = log.lines().filter(|line| line.contains("record.json>"));
    let read: usize =
        reads.map(|line| line.rsplit_once("= ").unwrap().1.parse::<usize>().unwrap()).sum();
    assert!(read > 0, "{log}");
    read
}

#[test]
fn a_configuration_of_megabytes_is_not_read() {
    on_this_host(|world: &World| {
        if !trace::has_strace() {
            return;
        }
        let mut bundle = world.bundle();
        bundle.args(["sleep", "1000"]);
        let paths: Vec<_> = (0..8000).map(|n| format!("/none/{n}/{}", "x".repeat(200))).collect();
        bundle.set("/linux/maskedPaths", paths);
        bundle.detach();
        let file = directory(&bundle).join("record.json");
        assert!(file.metadata().unwrap().len() > 1 << 20);
        for args in [&["list"][..], &["state", &bundle.id], &["kill", &bundle.id, "0"]] {
            let read = read_of_record(world, &bundle.nsrun(args));
            assert!(read < 20 << 10, "{args:?} reads {read} bytes");
        }
        // Who needs it reads it.
        bundle.exec(["true"]).run().success();
        bundle.delete();
    });
}

#[test]
fn a_damaged_configuration_keeps_nobody_from_its_state() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.args(["sleep", "1000"]);
        bundle.detach();
        let file = directory(&bundle).join("record.json");
        let text = std::fs::read_to_string(&file).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines[1] = "[not a configuration";
        std::fs::write(&file, lines.join("\n") + "\n").unwrap();
        assert_eq!(seen(&bundle), "running");
        bundle.nsrun(["kill", &bundle.id, "0"]).run().success();
        bundle.exec(["true"]).run().code(255).error(&["is broken"]);
        bundle.delete();
    });
}
