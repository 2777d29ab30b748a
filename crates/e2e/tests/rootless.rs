//! Without privileges: an ordinary user, with a user namespace of the container's own. His control
//! groups are in `rootless_cgroups`.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use e2e::rootless::{json, json_of, place, sh};
use e2e::{Cmd, User, World, each_view, on_this_host};

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
