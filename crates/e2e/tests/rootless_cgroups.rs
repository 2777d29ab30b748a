//! Control groups without privileges: none, those that are delegated, and the caller's own.

use std::path::Path;

use e2e::rootless::{json, json_of, place, sh};
use e2e::{World, each_view, on_this_host, skip};

/// Where the container's root is nobody of the host's, others than the user are moved between
/// control groups, joined and ended all the same.
#[test]
fn his_own_id_need_not_be_among_them() {
    each_view(|world: &World| {
        let user = world.user();
        if !user.is_registered(world) {
            return;
        }
        let root = place(world, &user);
        let maps = r#"[{"container_id": 0, "host_id": 200000, "size": 65536}]"#;
        root.configure(json_of(
            &[],
            &format!(r#", "uid_mappings": {maps}, "gid_mappings": {maps}"#),
        ));
        let wanted = |one: &e2e::Hierarchy| {
            one.unified || one.controllers.iter().any(|name| name == "pids" || name == "freezer")
        };
        let detach = root.exec(["--detach", "/probe", "sleep", "1000"]);
        let (detach, groups) = user.delegated(world, user.run(detach), wanted);
        let before = world.snapshot();
        detach.run().success();
        let (exec, _) = user.delegated(world, user.run(root.exec(["/probe", "status"])), wanted);
        let run = exec.run().code(0);
        assert_eq!((run.fact("uid"), run.fact("uid-map")), ("0 0 0 0", "0 200000 65536"));
        let own = run.all("cgroup").iter().filter(|line| line.contains("/nsinit/")).count();
        assert_eq!(own, groups.len(), "{}", run.out);
        user.run(root.nsinit(["pause"])).run().success();
        user.run(root.nsinit(["unpause"])).run().success();
        user.run(root.nsinit(["delete", "--force"])).run().success();
        before.assert_restored();
        for group in groups {
            for directory in [group.join("start"), group] {
                std::fs::remove_dir(directory).unwrap();
            }
        }
    });
}

#[test]
fn limits_without_a_group_are_refused() {
    each_view(|world: &World| {
        let user = world.user();
        let root = place(world, &user);
        root.configure(json(&user, &[], ""));
        let before = world.snapshot();
        let run = user.run(root.exec(["--memory-limit", "64m", "/bin/true"])).run().code(125);
        let how = ["systemd-run --user", "cgroup.subtree_control"];
        run.error(&["limits need a control group"]).error(&how);
        user.run(root.exec(["--detach", "/probe", "sleep", "1000"])).run().success();
        user.run(root.nsinit(["pause"])).run().code(1).error(&["pausing needs"]).error(&how);
        user.run(root.nsinit(["delete", "--force"])).run().success();
        before.assert_restored();
    });
}

/// A group that was asked for by name is missed, and told of.
#[test]
fn a_named_group_that_may_not_be_made_is_told_of() {
    each_view(|world: &World| {
        let user = world.user();
        let root = place(world, &user);
        let before = world.snapshot();
        root.configure(json(&user, &[], r#", "cgroups": {"parent": "some", "name": "where"}"#));
        let run = sh(&user, &root, "true").run().code(0);
        run.error(&["warning", "caller's control group", "some/where", "Delegate=yes"]);
        std::fs::remove_file(root.file("container.json")).unwrap();
        before.assert_restored();
    });
}

#[test]
fn what_is_delegated_is_used() {
    each_view(|world: &World| {
        let user = world.user();
        let root = place(world, &user);
        root.configure(json(&user, &[], ""));
        let pids = |one: &e2e::Hierarchy| {
            one.unified || one.controllers.iter().any(|name| name == "pids" || name == "freezer")
        };
        let cmd = root.exec(["--detach", "/probe", "sleep", "1000"]);
        let (cmd, groups) = user.delegated(world, user.run(cmd), pids);
        let before = world.snapshot();
        cmd.run().code(0);
        let state = user.run(root.nsinit(["state"])).run().success().json();
        let paths = state["cgroup_paths"].as_object().unwrap().clone();
        assert_eq!(paths.len(), groups.len(), "{paths:?}");
        let pid = state["init_process_pid"].as_i64().unwrap().to_string();
        for path in paths.values().map(|path| Path::new(path.as_str().unwrap())) {
            assert!(groups.iter().any(|group| path.starts_with(group)), "{path:?}");
            let procs = std::fs::read_to_string(path.join("cgroup.procs")).unwrap();
            assert!(procs.lines().any(|line| line == pid), "{path:?}: {procs}");
        }
        // Others join it, it is frozen and killed as one.
        let cmd = root.exec(["/probe", "status"]);
        let (cmd, _) = user.delegated(world, user.run(cmd), pids);
        let run = cmd.run().code(0);
        for group in run.all("cgroup").iter().filter(|line| line.contains(&world.tag)) {
            assert!(group.contains("/nsinit/"), "{group}");
        }
        // Not from elsewhere: the kernel lets nobody take a process out of what is not his.
        let elsewhere = user.run(root.exec(["/bin/true"])).run().code(125);
        elsewhere.error(&["Permission denied", "delegated as well"]);
        user.run(root.nsinit(["pause"])).run().success();
        user.run(root.nsinit(["unpause"])).run().success();
        user.run(root.nsinit(["delete", "--force"])).run().success();
        before.assert_restored();
        for group in groups {
            for directory in [group.join("start"), group] {
                std::fs::remove_dir(directory).unwrap();
            }
        }
    });
}

#[test]
fn a_delegated_limit_holds() {
    on_this_host(|world: &World| {
        let user = world.user();
        let root = place(world, &user);
        root.configure(json(&user, &[], ""));
        if !e2e::hierarchies().iter().any(|one| one.controllers.iter().any(|c| c == "memory")) {
            return skip("no version 1 memory controller to delegate");
        }
        let before = world.snapshot();
        let memory = |one: &e2e::Hierarchy| one.controllers.iter().any(|name| name == "memory");
        let cmd = root.exec(["--memory-limit", "16m", "/probe", "eat-memory", "64"]);
        let (cmd, groups) = user.delegated(world, user.run(cmd), memory);
        let run = cmd.run().code(137);
        assert!(run.out.contains("ate 10") && !run.out.contains("ate 20"), "{}", run.out);
        // A controller that is not delegated has no limit to give.
        let cmd = root.exec(["--cpushares", "100", "/bin/true"]);
        let (cmd, _) = user.delegated(world, user.run(cmd), memory);
        cmd.run().code(125).error(&["cpu needs", "Delegate=yes"]);
        for group in groups {
            for directory in [group.join("start"), group] {
                std::fs::remove_dir(directory).unwrap();
            }
        }
        before.assert_restored();
    });
}

/// Attack 12: the user's own control groups are not the container's to change, whichever way they
/// are shown.
#[test]
fn the_callers_groups_are_shown_and_cannot_be_changed() {
    each_view(|world: &World| {
        let user = world.user();
        let root = place(world, &user);
        // A cpuset takes nobody in before it has processors.
        let all = |one: &e2e::Hierarchy| !one.controllers.iter().any(|name| name == "cpuset");
        let ways: [(&[&str], &[&str]); 4] = [
            (&["NEWNET"], &[]),
            (&["NEWNET"], &["--cgroup"]),
            (&[], &["--cgroup"]),
            (&[], &["--bind", "/sys:/sys:ro"]),
        ];
        for (without, flags) in ways {
            root.configure(json(&user, without, ""));
            let script = "find /sys/fs/cgroup -name cgroup.procs | while read f; do \
                echo $$ > $f && echo wrote $f; done 2>/dev/null; \
                find /sys/fs/cgroup -type d | while read d; do mkdir $d/x && echo made $d; done \
                2>/dev/null; find /sys/fs/cgroup -name cgroup.procs | wc -l";
            let cmd = root.exec(flags).args(["/bin/sh", "-c", script]);
            let (cmd, groups) = user.delegated(world, user.run(cmd), all);
            // Not in a group of its own: that would be the container's to see.
            let out = cmd.run().code(0).out;
            assert!(
                !out.contains("wrote") && !out.contains("made"),
                "{without:?} {flags:?}: {out}"
            );
            for group in groups {
                for directory in [group.join("start"), group] {
                    std::fs::remove_dir(directory).unwrap();
                }
            }
        }
    });
}
