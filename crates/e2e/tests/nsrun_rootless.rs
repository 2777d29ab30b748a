//! nsrun without privileges: for an ordinary user, and for an engine that has made itself root of
//! a user namespace.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use e2e::{Bundle, Cmd, Hierarchy, User, WindowSize, World, cell, each_view, on_this_host};
use serde_json::json;

/// No flags.
const NONE: [&str; 0] = [];

const SIZE: WindowSize = WindowSize(24, 80);

/// A bundle of the user's, whose container has his own ids as 0.
fn bundle(world: &World, user: &User) -> Bundle {
    let mut bundle = world.bundle();
    bundle.push("/linux/namespaces", json!({"type": "user"}));
    let own = json!([{"containerID": 0, "hostID": user.id, "size": 1}]);
    bundle.set("/linux/uidMappings", own.clone());
    bundle.set("/linux/gidMappings", own);
    bundle.set("/linux/cgroupsPath", json!(null));
    user.own_all(&bundle.path);
    let state = user.runtime_dir.join("nsrun");
    std::fs::create_dir_all(&state).unwrap();
    user.own(&state);
    bundle
}

#[test]
fn the_specification_for_him_runs_as_it_is() {
    each_view(|world: &World| {
        let user = world.user();
        let bundle = bundle(world, &user);
        std::fs::remove_file(bundle.path.join("config.json")).unwrap();
        let before = world.snapshot();
        user.run(bundle.nsrun(["spec", "--rootless"])).run().success();
        let file = bundle.path.join("config.json");
        let text = std::fs::read_to_string(&file).unwrap();
        let mut pty = user.run(bundle.run(NONE)).on_terminal(SIZE);
        pty.until("# ").type_in("id -u; echo $((40 + 2)); ls /sys/class/net; exit 5\n").until("42");
        assert_eq!(pty.wait().code(), Some(5), "{}", pty.screen());
        // What is below /sys is no more writable than that.
        let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
        config["process"]["terminal"] = json!(false);
        config["process"]["args"] = json!(["sh", "-c", "cat /proc/self/mountinfo"]);
        std::fs::write(&file, config.to_string()).unwrap();
        let out = user.run(bundle.run(NONE)).run().success().out;
        let sys = out.lines().filter(|line| line.split(' ').nth(4).unwrap().starts_with("/sys"));
        for line in sys {
            assert!(line.split(' ').nth(5).unwrap().starts_with("ro,"), "{line}");
        }
        std::fs::remove_file(file).unwrap();
        before.assert_restored();
    });
}

#[test]
fn each_verb_works() {
    each_view(|world: &World| {
        let user = world.user();
        let mut bundle = bundle(world, &user);
        bundle.args(["/probe", "sleep", "1000"]);
        let pid_file = world.path("pid");
        std::fs::write(&pid_file, "").unwrap();
        user.own(&pid_file);
        let before = world.snapshot();
        let run = |cmd: Cmd| user.run(cmd).run().success();
        let state = || run(bundle.verb("state")).json();
        run(bundle.create(NONE));
        assert_eq!(state()["status"], "created");
        for entry in std::fs::read_dir(user.runtime_dir.join("nsrun")).unwrap().flatten() {
            let stat = entry.metadata().unwrap();
            assert_eq!((stat.uid(), stat.mode() & 0o7777), (user.id, 0o700), "{entry:?}");
        }
        run(bundle.verb("start"));
        let pid = state()["pid"].as_i64().unwrap();
        assert_eq!(std::fs::metadata(format!("/proc/{pid}")).unwrap().uid(), user.id);
        let status = run(bundle.exec(["/probe", "status"]));
        assert_eq!((status.fact("uid"), status.fact("ppid")), ("0 0 0 0", "0"));
        let listed = run(bundle.nsrun(["list", "--quiet"])).out;
        assert_eq!(listed.trim(), bundle.id);
        run(bundle.verb("ps"));
        user.run(bundle.verb("pause")).run().code(1).error(&["control group", "Delegate=yes"]);
        let update = ["update", "--pids-limit", "9", &bundle.id];
        user.run(bundle.nsrun(update)).run().code(1).error(&["control group", "Delegate=yes"]);
        run(bundle.nsrun(["kill", &bundle.id, "KILL"]));
        e2e::until("stopped", || state()["status"] == "stopped");
        run(bundle.verb("delete"));
        // And all of it at once.
        run(bundle.run(["--detach"]).leaves_behind());
        run(bundle.nsrun(["delete", "--force", &bundle.id]));
        before.assert_restored();
    });
}

#[test]
fn a_named_group_is_missed_and_limits_are_refused() {
    each_view(|world: &World| {
        let user = world.user();
        let mut bundle = bundle(world, &user);
        bundle.args(["/bin/true"]).set("/linux/resources", json!(null));
        let before = world.snapshot();
        user.run(bundle.run(NONE)).run().success();
        let path = format!("/{}", bundle.id);
        bundle.set("/linux/cgroupsPath", path.as_str());
        let run = user.run(bundle.run(NONE)).run().code(0);
        run.error(&["caller's control group", &path[1..], "Delegate=yes"]);
        bundle.set("/linux/resources", json!({"pids": {"limit": 10}}));
        for path in [json!(path), json!(null)] {
            bundle.set("/linux/cgroupsPath", path);
            let run = user.run(bundle.run(NONE)).run().code(1);
            run.error(&["limits need a control group", "Delegate=yes"]);
        }
        bundle.set("/linux/resources", json!(null));
        before.assert_restored();
    });
}

#[test]
fn a_delegated_group_is_paused_limited_and_removed() {
    each_view(|world: &World| {
        let user = world.user();
        let mut bundle = bundle(world, &user);
        let wanted = |one: &Hierarchy| {
            one.unified || one.controllers.iter().any(|name| name == "pids" || name == "freezer")
        };
        let (cmd, groups) =
            user.delegated(world, user.run(bundle.nsrun(["run", "--detach", &bundle.id])), wanted);
        let has_pids = |group: &&std::path::PathBuf| {
            let offered = std::fs::read_to_string(group.join("cgroup.controllers"));
            let unified = offered.is_ok_and(|all| all.split_whitespace().any(|one| one == "pids"));
            unified || group.starts_with("/sys/fs/cgroup/pids")
        };
        let pids = groups.iter().find(has_pids).map(|group| group.join("nsrun").join(&bundle.id));
        if pids.is_some() {
            bundle.set("/linux/resources", json!({"pids": {"limit": 10}}));
        }
        let before = world.snapshot();
        cmd.leaves_behind().run().success();
        let status = |wanted: &str| {
            let state = user.run(bundle.verb("state")).run().success().json();
            assert_eq!(state["status"], wanted);
        };
        let limit = |text: &str| user.run(bundle.nsrun(["update", text, &bundle.id])).run();
        match &pids {
            Some(pids) => {
                let shown = || std::fs::read_to_string(pids.join("pids.max")).unwrap();
                assert_eq!(shown(), "10\n");
                limit("--pids-limit=7").success();
                assert_eq!(shown(), "7\n");
                let figures = user.run(bundle.nsrun(["events", "--stats", &bundle.id])).run();
                let figures = figures.success().json();
                assert_eq!(figures["data"]["pids"]["current"], json!(1));
                cell(world.place(), "rootless: a delegated limit, its figures");
            }
            // The view has no controllers to delegate.
            None => drop(limit("--pids-limit=7").code(1).error(&["pids"])),
        }
        if world.place() == "v1" {
            // Asked for by name, and not delegated.
            limit("--cpu-quota=10000").code(1).error(&["cpu needs", "Delegate=yes"]);
        }
        user.run(bundle.verb("pause")).run().success();
        status("paused");
        user.run(bundle.verb("resume")).run().success();
        status("running");
        user.run(bundle.verb("pause")).run().success();
        user.run(bundle.nsrun(["kill", &bundle.id, "KILL"])).run().success();
        user.run(bundle.verb("delete")).run().success();
        cell(world.place(), "rootless: freeze, kill, removal");
        before.assert_restored();
        for group in groups {
            for directory in [group.join("start"), group] {
                std::fs::remove_dir(directory).unwrap();
            }
        }
    });
}

/// Attack 12: the user's own control groups are not the container's to change, whichever way they
/// are shown, also without a namespace of them.
#[test]
fn the_callers_groups_are_shown_and_cannot_be_changed() {
    each_view(|world: &World| {
        let user = world.user();
        // A cpuset takes nobody in before it has processors.
        let all = |one: &Hierarchy| !one.controllers.iter().any(|name| name == "cpuset");
        let mount = |at: &str, kind: &str, source: &str, options: &[&str]| json!({"destination": at, "type": kind, "source": source, "options": options});
        let bound = ["rbind", "nosuid", "noexec", "nodev", "ro"];
        let groups = mount("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "ro"]);
        let ways = [
            (true, vec![mount("/sys", "none", "/sys", &bound)]),
            (true, vec![mount("/sys", "none", "/sys", &bound), groups.clone()]),
            (false, vec![mount("/sys", "sysfs", "sysfs", &["ro"]), groups]),
        ];
        for (hosts_network, mounts) in ways {
            for own_groups in [false, true] {
                let mut bundle = bundle(world, &user);
                for one in &mounts {
                    bundle.push("/mounts", one.clone());
                }
                let kinds = ["pid", "network", "ipc", "uts", "mount", "cgroup", "user"];
                let left = kinds.into_iter().filter(|kind| {
                    (*kind != "network" || !hosts_network) && (*kind != "cgroup" || own_groups)
                });
                let left: Vec<_> = left.map(|kind| json!({"type": kind})).collect();
                bundle.set("/linux/namespaces", left);
                bundle.sh("find /sys/fs/cgroup -name cgroup.procs | while read f; do \
                    echo $$ > $f && echo wrote $f; done 2>/dev/null; \
                    find /sys/fs/cgroup -type d | while read d; do mkdir $d/x && echo made $d; \
                    done 2>/dev/null; echo looked; ls /sys/fs/cgroup | wc -l");
                let (cmd, groups) = user.delegated(world, user.run(bundle.run(NONE)), all);
                let out = cmd.run().code(0).out;
                assert!(out.starts_with("looked\n") && !out.contains("\n0\n"), "{out}");
                for group in groups {
                    for directory in [group.join("start"), group] {
                        std::fs::remove_dir(directory).unwrap();
                    }
                }
            }
        }
    });
}

/// As Podman without root runs us: root of its user namespace, told where to keep records.
#[test]
fn root_of_an_engines_namespace() {
    on_this_host(|world: &World| {
        let user = world.user();
        let mut bundle = bundle(world, &user);
        let root = user.runtime_dir.join("engine");
        let engine = ["/usr/bin/unshare", "--user", "--map-root-user", "--mount"];
        let nested = json!([{"containerID": 0, "hostID": 0, "size": 1}]);
        for own in [true, false] {
            if own {
                bundle.set("/linux/uidMappings", nested.clone());
                bundle.set("/linux/gidMappings", nested.clone());
            } else {
                let kinds = ["pid", "network", "ipc", "uts", "mount"];
                bundle.set("/linux/namespaces", json!(kinds.map(|kind| json!({"type": kind}))));
                bundle.set("/linux/uidMappings", json!(null));
                bundle.set("/linux/gidMappings", json!(null));
            }
            let before = world.snapshot();
            for global in [String::new(), format!("--root {}", root.display())] {
                let script = format!(
                    "\"$0\" {global} create {id} && \"$0\" {global} start {id} && \
                     \"$0\" {global} exec {id} /probe status && \"$0\" {global} delete --force {id}",
                    id = bundle.id
                );
                let cmd = bundle.nsrun(NONE).by(["/bin/sh", "-ec", &script]);
                let run = user.run(cmd.by(engine)).leaves_behind().run().success();
                let map = if own { "0 0 1".to_owned() } else { format!("0 {} 1", user.id) };
                assert_eq!((run.fact("uid"), run.fact("uid-map")), ("0 0 0 0", map.as_str()));
            }
            assert!(Path::new(&root).is_dir());
            std::fs::remove_dir(&root).unwrap();
            before.assert_restored();
        }
    });
}

#[test]
fn what_takes_a_privilege_is_refused_with_a_word_why() {
    on_this_host(|world: &World| {
        let user = world.user();
        let mut bundle = bundle(world, &user);
        bundle.args(["/bin/true"]);
        let cases = [
            ("/process/oomScoreAdj", json!(-500), ["OOM score", "CAP_SYS_RESOURCE"]),
            (
                "/process/rlimits",
                json!([{"type": "RLIMIT_NOFILE", "hard": 10_000_000, "soft": 10}]),
                ["setrlimit", "CAP_SYS_RESOURCE"],
            ),
            ("/process/user", json!({"uid": 7, "gid": 0}), ["setresuid", "does not map it"]),
            (
                "/process/user",
                json!({"uid": 0, "gid": 0, "additionalGids": [5]}),
                ["setgroups", "newgidmap"],
            ),
        ];
        for (pointer, value, words) in cases {
            bundle.set(pointer, value);
            let before = world.snapshot();
            let run = user.run(bundle.run(NONE)).run();
            assert!(!run.status.success(), "{pointer}");
            run.error(&words);
            before.assert_restored();
            let none =
                if pointer == "/process/user" { json!({"uid": 0, "gid": 0}) } else { json!(null) };
            bundle.set(pointer, none);
        }
        // What needs none is done.
        bundle.set("/process/oomScoreAdj", 500);
        bundle.set("/process/rlimits", json!([{"type": "RLIMIT_NOFILE", "hard": 100, "soft": 50}]));
        bundle.args(["/probe", "status"]);
        let run = user.run(bundle.run(NONE)).run().success();
        assert_eq!(run.fact("oom-score-adj"), "500");
        assert_eq!(run.fact("rlimit NOFILE"), "50 100");
    });
}
