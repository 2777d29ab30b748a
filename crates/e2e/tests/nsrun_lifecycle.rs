//! From `create` to `delete`: `create`, `start`, `state`, `kill`, `delete`, `pause`, `resume`.

use std::path::Path;

use e2e::{Bundle, World, each_view, on_this_host, until};
use serde_json::json;

/// No flags.
const NONE: [&str; 0] = [];

#[test]
fn a_container_is_created_started_and_deleted() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("echo begun > /run/begun; exec /probe sleep 1000");
        let before = world.snapshot();
        bundle.create(NONE).run().success();
        let state = bundle.state();
        assert_eq!(state["status"], "created");
        let pid = state["pid"].as_i64().unwrap();
        let begun = format!("/proc/{pid}/root/run/begun");
        assert!(!Path::new(&begun).exists());
        bundle.verb("start").run().success();
        until("begun", || Path::new(&begun).exists());
        let state = bundle.state();
        assert_eq!((&state["status"], state["pid"].as_i64()), (&"running".into(), Some(pid)));
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        bundle.until_stopped();
        assert_eq!(bundle.state()["pid"], 0);
        bundle.verb("delete").run().success();
        bundle.verb("state").run().code(1).error(&["container does not exist"]);
        before.assert_restored();
    });
}

#[test]
fn the_state_has_what_engines_look_for() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/annotations", json!({"org.example.a": "b", "x": ""}));
        bundle.create(NONE).run().success();
        let state = bundle.state();
        let keys: Vec<_> = state.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = [
            "annotations",
            "bundle",
            "created",
            "id",
            "ociVersion",
            "owner",
            "pid",
            "rootfs",
            "status",
        ];
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(keys, expected);
        assert_eq!(state["ociVersion"], "1.3.0");
        assert_eq!(state["id"], bundle.id.as_str());
        assert_eq!(state["bundle"], bundle.path.to_str().unwrap());
        assert_eq!(state["rootfs"], bundle.rootfs.path.to_str().unwrap());
        assert_eq!(state["owner"], "root");
        assert_eq!(state["annotations"], json!({"org.example.a": "b", "x": ""}));
        // RFC 3339, in UTC; `date` understands it, and it was just now.
        let created = state["created"].as_str().unwrap();
        assert!(created.ends_with('Z') && created.contains('T'), "{created}");
        let date = e2e::Cmd::new("date", ["-d", created, "+%s"]).run().success().out;
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        assert!(date.trim().parse::<u64>().unwrap().abs_diff(now) < 60, "{created}");
        bundle.delete();
        // A relative directory is told whole.
        let bundle_name = bundle.path.file_name().unwrap().to_str().unwrap();
        let run = ["run", "--detach", "-b", bundle_name, &bundle.id];
        bundle.nsrun(run).dir(world.scratch()).leaves_behind().run().success();
        assert_eq!(bundle.state()["bundle"], bundle.path.to_str().unwrap());
        bundle.delete();
    });
}

#[test]
fn a_container_is_started_once() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        bundle.verb("start").run().code(1).error(&["container does not exist"]);
        bundle.create(NONE).run().success();
        bundle.verb("start").run().success();
        bundle.verb("start").run().code(1).error(&["cannot start an already running container"]);
        bundle.nsrun(["kill", &bundle.id, "9"]).run().success();
        bundle.until_stopped();
        bundle.verb("start").run().code(1).error(&["cannot start a container that has stopped"]);
        bundle.verb("delete").run().success();
    });
}

#[test]
fn an_id_is_taken_once() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        bundle.create(NONE).run().success();
        let pid = bundle.state()["pid"].clone();
        for verb in ["create", "run"] {
            let taken = ["container with given ID already exists"];
            bundle.verb(verb).run().code(1).error(&taken);
        }
        // The one that is there is none the worse.
        assert_eq!(bundle.state()["pid"], pid);
        bundle.verb("start").run().success();
        bundle.delete();
        for id in ["", "..", "a/b", "a b", &"x".repeat(300)] {
            for verb in ["create", "run", "state", "delete", "start", "kill"] {
                bundle.nsrun([verb, id]).run().code(1).error(&["container id"]);
            }
        }
    });
}

#[test]
fn a_program_that_cannot_begin_shows_at_create_or_start() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.args(["/nowhere/no-such-program"]);
        let before = world.snapshot();
        let run = bundle.create(NONE).run().code(1);
        run.error(&["/nowhere/no-such-program", "no such file or directory"]);
        bundle.verb("state").run().code(1).error(&["container does not exist"]);
        before.assert_restored();
    });
}

#[test]
fn delete_removes_what_is_stopped_or_was_never_started() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        let before = world.snapshot();
        bundle.verb("delete").run().code(1).error(&["container does not exist"]);
        // Silent, whether it is there or not.
        let force =
            || assert_eq!(bundle.nsrun(["delete", "-f", &bundle.id]).run().success().out, "");
        force();
        bundle.create(NONE).run().success();
        bundle.verb("delete").run().success();
        before.assert_restored();
        let pid = bundle.detach();
        let run = bundle.verb("delete").run().code(1);
        run.error(&["cannot delete container", "that is not stopped: running"]);
        assert_eq!(bundle.state()["pid"], pid);
        force();
        before.assert_restored();
        // Right after a kill, too.
        bundle.detach();
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        bundle.verb("delete").run().success();
        before.assert_restored();
        bundle.detach();
        bundle.verb("pause").run().success();
        let run = bundle.verb("delete").run().code(1);
        run.error(&["that is not stopped: paused"]);
        force();
        before.assert_restored();
    });
}

#[test]
fn delete_force_removes_a_broken_record() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        let before = world.snapshot();
        let directory = Path::new("/run/nsrun").join(&bundle.id);
        for record in [Some("{\"version\": 99}\n"), Some("nonsense\n"), None] {
            std::fs::create_dir_all(&directory).unwrap();
            if let Some(text) = record {
                std::fs::write(directory.join("record.json"), text).unwrap();
                bundle.verb("delete").run().code(1).error(&["record", &bundle.id]);
            }
            bundle.nsrun(["delete", "--force", &bundle.id]).run().code(0);
            before.assert_restored();
        }
    });
}

/// What a container's trap says of a signal.
fn hears(bundle: &Bundle, pid: i32, args: &[&str], name: &str) {
    bundle.nsrun(["kill"]).args(args).run().success();
    let heard = format!("/proc/{pid}/root/run/{name}");
    until(name, || std::fs::remove_file(&heard).is_ok());
}

#[test]
fn kill_takes_signals_in_every_form() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let traps = ["HUP", "TERM", "USR1", "WINCH"]
            .map(|name| format!("trap 'touch /run/{name}' {name};"));
        bundle.sh(&format!("{} touch /run/ready; while :; do sleep 0.01; done", traps.concat()));
        let pid = bundle.detach();
        let ready = format!("/proc/{pid}/root/run/ready");
        until("ready", || Path::new(&ready).exists());
        let id = bundle.id.as_str();
        for (args, name) in [
            (vec![id], "TERM"),
            (vec![id, "TERM"], "TERM"),
            (vec![id, "SIGUSR1"], "USR1"),
            (vec![id, "sigusr1"], "USR1"),
            (vec![id, "hup"], "HUP"),
            (vec![id, "1"], "HUP"),
            (vec![id, "28"], "WINCH"),
            (vec!["--all", id, "USR1"], "USR1"),
        ] {
            hears(&bundle, pid, &args, name);
        }
        bundle.nsrun(["kill", id, "0"]).run().success();
        for wrong in ["NOTHING", "65", "1000", "SIG", "9x"] {
            bundle.nsrun(["kill", id, wrong]).run().code(1).error(&["unknown signal", wrong]);
        }
        bundle.nsrun(["kill", id, "KILL"]).run().success();
        bundle.until_stopped();
        for signal in ["TERM", "KILL", "0"] {
            let run = bundle.nsrun(["kill", id, signal]).run().code(1);
            run.error(&["container not running"]);
        }
        // Engines make sure by this that nobody is left.
        bundle.nsrun(["kill", "--all", id, "KILL"]).run().success();
        bundle.verb("delete").run().success();
        bundle.nsrun(["kill", id]).run().code(1).error(&["container does not exist"]);
    });
}

/// The kernel lists some 700 at a time.
#[test]
fn all_of_many_processes_are_told() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("for i in $(seq 2000); do sleep 1000 & done; touch /run/ready; wait");
        let pid = bundle.detach();
        let ready = format!("/proc/{pid}/root/run/ready");
        until("ready", || Path::new(&ready).exists());
        let told = bundle.nsrun(["ps", "--format", "json", &bundle.id]).run().success().json();
        assert_eq!(told.as_array().unwrap().len(), 2001);
        bundle.delete();
    });
}

/// Few descriptors are no reason to leave somebody out.
#[test]
fn kill_reaches_more_processes_than_it_may_have_descriptors() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let one = "(trap 'touch /run/heard.'$i USR1; touch /run/ready.$i; \
                    while :; do sleep 0.1; done) &";
        bundle
            .sh(&format!("trap : USR1; for i in $(seq 40); do {one} done; while :; do wait; done"));
        let pid = bundle.detach();
        let run = format!("/proc/{pid}/root/run");
        let all = |what: &str| (1..=40).all(|i| Path::new(&format!("{run}/{what}.{i}")).exists());
        until("ready", || all("ready"));
        let kill = bundle.nsrun(["kill", "--all", &bundle.id, "USR1"]);
        kill.by(["prlimit", "--nofile=32"]).run().success();
        until("heard", || all("heard"));
        bundle.delete();
    });
}

#[test]
fn a_created_container_can_be_asked_to_end() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        let before = world.snapshot();
        for signal in ["TERM", "INT", "KILL"] {
            bundle.create(NONE).run().success();
            bundle.nsrun(["kill", &bundle.id, "WINCH"]).run().success();
            assert_eq!(bundle.status(), "created");
            bundle.nsrun(["kill", &bundle.id, signal]).run().success();
            bundle.until_stopped();
            bundle
                .verb("start")
                .run()
                .code(1)
                .error(&["cannot start a container that has stopped"]);
            bundle.verb("delete").run().success();
        }
        before.assert_restored();
    });
}

#[test]
fn kill_ends_all_of_a_container_that_shares_its_pid_namespace() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let kinds = ["mount", "ipc", "uts", "network", "cgroup"];
        bundle.set("/linux/namespaces", kinds.map(|kind| json!({"type": kind})).to_vec());
        bundle.sh("/probe sleep 1000 & /probe sleep 1000 & wait");
        let before = world.snapshot();
        let pid = bundle.detach();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let count = || std::fs::read_to_string(&children).unwrap().split_whitespace().count();
        until("two children", || count() == 2);
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        bundle.until_stopped();
        bundle.verb("delete").run().success();
        before.assert_restored();
        // Also when the first of them has ended before.
        bundle.sh("/probe sleep 1000 & exit 0");
        let before = world.snapshot();
        bundle.run(["-d"]).leaves_behind().run().success();
        bundle.until_stopped();
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        until("nobody left", || {
            bundle.nsrun(["kill", &bundle.id, "KILL"]).run().status.code() == Some(1)
        });
        bundle.verb("delete").run().success();
        before.assert_restored();
    });
}

#[test]
fn pause_and_resume() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("i=0; while :; do i=$((i + 1)); echo $i > /run/count; sleep 0.01; done");
        let before = world.snapshot();
        for verb in ["pause", "resume"] {
            bundle.verb(verb).run().code(1).error(&["container does not exist"]);
        }
        let pid = bundle.detach();
        let count =
            || std::fs::read_to_string(format!("/proc/{pid}/root/run/count")).unwrap_or_default();
        until("it counts", || !count().is_empty());
        let not_paused = ["cannot resume a container that is not paused"];
        bundle.verb("resume").run().code(1).error(&not_paused);
        bundle.verb("pause").run().success();
        assert_eq!(bundle.status(), "paused");
        let frozen = count();
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert_eq!(count(), frozen);
        bundle.verb("pause").run().code(1).error(&["paused"]);
        bundle.exec(["true"]).run().code(255).error(&["paused"]);
        bundle.verb("resume").run().success();
        assert_eq!(bundle.status(), "running");
        until("it goes on", || count() != frozen);
        // What is killed ends, paused or not.
        bundle.verb("pause").run().success();
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        bundle.until_stopped();
        let not_running = ["cannot pause a container that is not running"];
        bundle.verb("pause").run().code(1).error(&not_running);
        bundle.verb("resume").run().code(1).error(&not_paused);
        bundle.verb("delete").run().success();
        before.assert_restored();
    });
}

#[test]
fn a_created_container_is_paused_and_goes_on_as_created() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.args(["sleep", "1000"]);
        bundle.create(NONE).run().success();
        bundle.verb("pause").run().success();
        assert_eq!(bundle.status(), "paused");
        bundle.verb("pause").run().code(1).error(&["paused"]);
        bundle.exec(["true"]).run().code(255).error(&["paused"]);
        bundle.verb("start").run().code(1).error(&["cannot start a paused container"]);
        bundle.verb("resume").run().success();
        assert_eq!(bundle.status(), "created");
        bundle.verb("start").run().success();
        assert_eq!(bundle.status(), "running");
        bundle.nsrun(["delete", "--force", &bundle.id]).run().success();
    });
}

#[test]
fn what_is_not_the_runtimes_is_not_removed() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        let place = std::path::Path::new("/run/nsrun").join(&bundle.id);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("notes"), "mine").unwrap();
        let told = ["notes", place.to_str().unwrap(), "is not the runtime's"];
        bundle.nsrun(["delete", "--force", &bundle.id]).run().code(1).error(&told);
        assert!(place.join("notes").is_file());
        std::fs::remove_file(place.join("notes")).unwrap();
        bundle.delete();
        assert!(!place.exists());
    });
}

#[test]
fn a_container_that_names_no_group_has_one() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/linux/cgroupsPath", json!(null));
        let before = world.snapshot();
        let pid = bundle.detach();
        let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        assert!(groups.contains(&format!("/nsrun/{}\n", bundle.id)), "{groups}");
        bundle.verb("pause").run().success();
        bundle.verb("resume").run().success();
        bundle.delete();
        before.assert_restored();
    });
}

#[test]
fn a_group_that_is_there_already() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        let before = world.snapshot();
        let groups: Vec<_> =
            e2e::hierarchies().into_iter().map(|one| one.path.join(&bundle.id)).collect();
        let make = || groups.iter().for_each(|group| std::fs::create_dir(group).unwrap());
        // Empty, it is taken.
        make();
        bundle.create(NONE).run().success();
        bundle.delete();
        before.assert_restored();
        // One that is frozen would hold whatever comes into it.
        for verb in ["create", "run"] {
            make();
            for (file, text) in [("cgroup.freeze", "1"), ("freezer.state", "FROZEN")] {
                for group in groups.iter().filter(|group| group.join(file).exists()) {
                    std::fs::write(group.join(file), text).unwrap();
                }
            }
            let run = bundle.verb(verb).run();
            assert_ne!(run.status.code(), Some(0));
            run.error(&[&bundle.id, "frozen"]);
            for group in &groups {
                // Empty ones go with the container that they were meant for.
                let _ = std::fs::remove_dir(group);
            }
        }
        before.assert_restored();
    });
}
