//! Without privileges: an ordinary user, with a user namespace of the container's own.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use e2e::{Cmd, Rootfs, User, World, each_view, on_this_host, skip};

const NAMESPACES: [&str; 6] = ["NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER"];

/// A container.json of these namespaces, with the user's own ids as 0, and more fields.
fn json(user: &User, without: &[&str], more: &str) -> String {
    let own = format!(r#"[{{"container_id": 0, "host_id": {}, "size": 1}}]"#, user.id);
    json_of(without, &format!(r#", "uid_mappings": {own}, "gid_mappings": {own}{more}"#))
}

fn json_of(without: &[&str], more: &str) -> String {
    let names = NAMESPACES.iter().filter(|name| !without.contains(name));
    let list: Vec<_> = names.map(|name| format!(r#"{{"type": "{name}"}}"#)).collect();
    format!(r#"{{"namespaces": [{}]{more}}}"#, list.join(", "))
}

/// A root file system of the user's, and nsinit's directory, which stays.
fn place(world: &World, user: &User) -> Rootfs {
    let root = world.busybox();
    user.own_all(&root.path);
    let state = user.runtime_dir.join("nsinit");
    std::fs::create_dir_all(&state).unwrap();
    user.own(&state);
    root
}

fn sh(user: &User, root: &Rootfs, script: &str) -> Cmd {
    user.run(root.sh(script))
}

#[test]
fn his_own_id_is_enough() {
    each_view(|world: &World| {
        let user = world.user();
        let root = world.busybox();
        user.own_all(&root.path);
        root.configure(json(&user, &[], ""));
        std::fs::create_dir(user.runtime_dir.join("nsinit")).unwrap();
        user.own(&user.runtime_dir.join("nsinit"));
        let before = world.snapshot();
        let run = user.run(root.exec(["/probe", "status"])).run().success();
        assert_eq!(run.fact("uid-map"), format!("0 {} 1", user.id));
        assert_eq!((run.fact("pid"), run.fact("groups")), ("1", ""));
        assert!(run.fact("cap-eff").contains("CHOWN"));
        // Mounts, devices, a file, the exit code.
        let script = "test -c /dev/null && echo x >/dev/null && mount | grep -q ' /sys ' && \
            test -d /proc/1 && test -c /dev/pts/ptmx && echo mine >/tmp/file && exit 7";
        sh(&user, &root, script).run().code(7);
        assert_eq!(std::fs::metadata(root.file("tmp/file")).unwrap().uid(), user.id);
        std::fs::remove_file(root.file("tmp/file")).unwrap();
        before.assert_restored();
    });
}

#[test]
fn a_second_process_joins_and_all_goes() {
    each_view(|world: &World| {
        let user = world.user();
        let root = place(world, &user);
        root.configure(json(&user, &[], ""));
        let stranger = world.user();
        let before = world.snapshot();
        user.run(root.exec(["--detach", "/probe", "sleep", "1000"])).run().success();
        // State is the user's alone.
        for entry in std::fs::read_dir(user.runtime_dir.join("nsinit")).unwrap().flatten() {
            let stat = entry.metadata().unwrap();
            assert_eq!((stat.uid(), stat.mode() & 0o7777), (user.id, 0o700), "{entry:?}");
        }
        let run = user.run(root.exec(["/probe", "status"])).run().success();
        assert_eq!((run.fact("uid"), run.fact("ppid")), ("0 0 0 0", "0"));
        assert_eq!(run.fact("uid-map"), format!("0 {} 1", user.id));
        sh(&user, &root, "kill 1; ls /proc/1/root && echo $$ > /tmp/x && rm /tmp/x").run().code(0);
        let state = user.run(root.nsinit(["state"])).run().success().json();
        assert_eq!(state["status"], "running");
        // No process of his own, nor of another user, may look at the records but he and root.
        let stranger = stranger.run(root.nsinit(["state"]));
        let stranger = stranger.env("XDG_RUNTIME_DIR", &user.runtime_dir);
        stranger.run().code(1).error(&["Permission denied"]);
        user.run(root.nsinit(["kill", "KILL"])).run().success();
        user.run(root.nsinit(["delete", "--force"])).run().success();
        before.assert_restored();
    });
}

#[test]
fn a_terminal_works() {
    on_this_host(|world: &World| {
        let user = world.user();
        let root = place(world, &user);
        root.configure(json(&user, &[], ""));
        let before = world.snapshot();
        let cmd = user.run(root.exec(["--tty", "/bin/sh", "-c", "tty; stat -c %u /dev/console"]));
        let run = cmd.run().code(0);
        assert!(run.out.contains("/dev/pts/0") && run.out.contains('0'), "{}", run.out);
        before.assert_restored();
    });
}

#[test]
fn the_state_root_is_made_for_him_alone() {
    on_this_host(|world: &World| {
        let user = world.user();
        let root = world.busybox();
        user.own_all(&root.path);
        root.configure(json(&user, &[], ""));
        sh(&user, &root, "true").run().code(0);
        let stat = std::fs::metadata(user.runtime_dir.join("nsinit")).unwrap();
        assert_eq!((stat.uid(), stat.mode() & 0o7777), (user.id, 0o700));
        let nowhere = sh(&user, &root, "true").without_env("XDG_RUNTIME_DIR");
        nowhere.run().code(125).error(&["XDG_RUNTIME_DIR", "--root"]);
    });
}

#[test]
fn without_a_user_namespace_it_says_what_is_missing() {
    on_this_host(|world: &World| {
        let user = world.user();
        let root = place(world, &user);
        root.configure(json_of(&["NEWUSER"], ""));
        let before = world.snapshot();
        let run = sh(&user, &root, "true").run().code(125);
        run.error(&["Operation not permitted", "a user namespace of the container's own"]);
        before.assert_restored();
    });
}

/// His own id as 0, and what /etc/subuid gives him from 1.
fn ranges(user: &User, more: u32) -> String {
    let maps = format!(
        r#"[{{"container_id": 0, "host_id": {}, "size": 1}},
            {{"container_id": 1, "host_id": 200000, "size": {more}}}]"#,
        user.id
    );
    json_of(&[], &format!(r#", "uid_mappings": {maps}, "gid_mappings": {maps}"#))
}

#[test]
fn further_ids_are_mapped_by_the_hosts_helpers() {
    each_view(|world: &World| {
        let user = world.user();
        if !user.is_registered(world) {
            return;
        }
        let root = place(world, &user);
        root.configure(ranges(&user, 65536));
        let before = world.snapshot();
        let out = sh(&user, &root, "cat /proc/self/uid_map /proc/self/gid_map").run().code(0).out;
        assert_eq!(out.matches("200000").count(), 2, "{out}");
        // Other users inside are other users outside, and theirs are ended as well.
        let script = "touch /tmp/f && chown 1000:5 /tmp/f && stat -c %u:%g /tmp/f";
        assert_eq!(sh(&user, &root, script).run().code(0).out, "1000:5\n");
        let stat = std::fs::metadata(root.file("tmp/f")).unwrap();
        assert_eq!((stat.uid(), stat.gid()), (200_999, 200_004));
        std::fs::remove_file(root.file("tmp/f")).unwrap();
        let detach = ["--detach", "--user", "alice", "/probe", "sleep", "1000"];
        user.run(root.exec(detach)).run().code(0);
        let joined = user.run(root.exec(["--user", "alice", "/probe", "status"])).run().success();
        assert_eq!(joined.fact("uid"), "1000 1000 1000 1000");
        assert!(joined.fact("groups").contains("1010"), "setgroups is allowed");
        user.run(root.nsinit(["delete", "--force"])).run().success();
        before.assert_restored();
    });
}

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
fn ids_that_are_not_his_are_refused_by_name() {
    on_this_host(|world: &World| {
        let user = world.user();
        if !user.is_registered(world) {
            return;
        }
        let root = place(world, &user);
        let before = world.snapshot();
        root.configure(ranges(&user, 65537));
        let run = sh(&user, &root, "true").run().code(125);
        run.error(&["mapping the user ids", "200000", "not allowed", "/etc/subuid"]);
        root.configure(ranges(&user, 10));
        let without = sh(&user, &root, "true").env("PATH", "/nowhere");
        let error = ["there is no newuidmap", "CAP_SETUID", "Debian's package uidmap"];
        without.run().code(125).error(&error);
        std::fs::remove_file(root.file("container.json")).unwrap();
        before.assert_restored();
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

#[test]
fn namespaces_of_the_host_are_shown_by_its_own_mounts() {
    each_view(|world: &World| {
        let user = world.user();
        let root = place(world, &user);
        let before = world.snapshot();
        root.configure(json(&user, &["NEWNET"], ""));
        let script = "ls /sys/class/net && ! touch /sys/x; cat /proc/self/mountinfo";
        let out = sh(&user, &root, script).run().code(0).out;
        assert!(out.contains("lo\n"), "{out}");
        let below_sys =
            |line: &&str| line.split(' ').nth(4).is_some_and(|at| at.starts_with("/sys/"));
        for line in out.lines().filter(below_sys) {
            let options = line.split(' ').nth(5).unwrap();
            assert!(options.starts_with("ro,") && options.contains("nosuid"), "{line}");
        }
        root.configure(json(&user, &["NEWPID"], ""));
        let out = sh(&user, &root, "ls -d /proc/[0-9]* | wc -l; echo $$").run().code(0).out;
        let numbers: Vec<u32> = out.lines().map(|line| line.parse().unwrap()).collect();
        assert!(numbers[0] > 2 && numbers[1] > 2, "{out}");
        root.configure(json(&user, &["NEWIPC"], ""));
        let run = sh(&user, &root, "test -d /dev/mqueue").run();
        if Path::new("/dev/mqueue").is_dir() {
            run.code(0);
        } else {
            run.code(125).error(&["mqueue", "No such file", "a namespace of the container's own"]);
        }
        std::fs::remove_file(root.file("container.json")).unwrap();
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

#[test]
fn what_takes_a_privilege_is_refused_with_a_word_why() {
    on_this_host(|world: &World| {
        let user = world.user();
        let root = place(world, &user);
        let before = world.snapshot();
        for (more, words) in [
            (
                r#", "rlimits": [{"type": 7, "hard": 10000000, "soft": 10}]"#,
                ["setrlimit", "CAP_SYS_RESOURCE", "Operation not permitted"],
            ),
            (
                r#", "networks": [{"type": "veth", "address": "10.9.8.7/24"}]"#,
                ["veth", "Permission denied", "CAP_NET_ADMIN"],
            ),
            (
                r#", "additional_groups": [10]"#,
                ["setgroups", "newgidmap", "Operation not permitted"],
            ),
        ] {
            root.configure(json(&user, &[], more));
            let run = sh(&user, &root, "true").run().code(125);
            run.error(&words);
        }
        std::fs::remove_file(root.file("container.json")).unwrap();
        before.assert_restored();
    });
}

/// As an engine without root runs us (podman): root of a user namespace that it has made.
#[test]
fn root_of_a_user_namespace_makes_containers_in_it() {
    each_view(|world: &World| {
        let user = world.user();
        let root = place(world, &user);
        let engine = ["/usr/bin/unshare", "--user", "--map-root-user", "--mount"];
        let nested = r#"[{"container_id": 0, "host_id": 0, "size": 1}]"#;
        let nested = format!(r#", "uid_mappings": {nested}, "gid_mappings": {nested}"#);
        let before = world.snapshot();
        for (config, maps) in [
            (json_of(&["NEWUSER"], ""), format!("0 {} 1", user.id)),
            (json_of(&[], &nested), "0 0 1".to_owned()),
        ] {
            root.configure(&config);
            // The host's root is nobody in there, and his file not to be trusted.
            user.own(&root.file("container.json"));
            let as_engine = |cmd: Cmd| user.run(cmd.by(engine));
            let run = as_engine(root.exec(["/probe", "status"])).run().success();
            assert_eq!((run.fact("uid-map"), run.fact("pid")), (maps.as_str(), "1"));
            // All that follow are in the same user namespace, as an engine sees to it.
            let script = "\"$@\" exec --detach /probe sleep 1000 && \
                \"$@\" exec /probe status && \"$@\" delete --force";
            let verbs = as_engine(root.nsinit([""; 0]).by(["/bin/sh", "-ec", script, "sh"]));
            let run = verbs.run().code(0);
            assert_eq!((run.fact("uid-map"), run.fact("ppid")), (maps.as_str(), "0"));
        }
        std::fs::remove_file(root.file("container.json")).unwrap();
        before.assert_restored();
    });
}

/// The host's own root file system, with what he writes to it gone afterwards.
#[test]
fn a_view_of_the_host_is_his_as_well() {
    on_this_host(|world: &World| {
        let user = world.user();
        let state = user.runtime_dir.join("nsinit");
        std::fs::create_dir_all(&state).unwrap();
        user.own(&state);
        let before = world.snapshot();
        let script = "id -u && test -x /usr/bin/env && echo x >/usr/nsinit-test && \
            echo y >/nsinit-test && cat /usr/nsinit-test /nsinit-test && \
            test -c /dev/null && test -d /proc/self && ls -d /etc/passwd";
        let exec = Cmd::nsinit(["exec", "--host", "--", "/bin/sh", "-c", script]).dir("/");
        let run = user.run(exec).run().success();
        assert_eq!(run.out, "0\nx\ny\n/etc/passwd\n");
        assert!(!Path::new("/usr/nsinit-test").exists() && !Path::new("/nsinit-test").exists());
        // What is not for him stays so.
        let secret = Cmd::nsinit(["exec", "--host", "--", "cat", "/etc/shadow"]).dir("/");
        let run = user.run(secret).run();
        assert!(!run.status.success() && run.out.is_empty(), "{}", run.out);
        before.assert_restored();
    });
}
