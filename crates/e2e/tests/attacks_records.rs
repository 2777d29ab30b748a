//! Attacks on records and configurations, and on the runtime's own resources: attacks.md, rows
//! 16, 21, 22, 26, 27 and 29.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use e2e::attack::point_at;
use e2e::{Cmd, World, each_view, on_this_host};

#[test]
fn row_16_strings_of_any_length() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        for length in [64 << 10, (64 << 10) + 1, 1 << 20] {
            let long = "x".repeat(length);
            let value = |json: &str| json.replace('@', &long);
            for json in [
                r#"{"hostname": "@"}"#,
                r#"{"namespaces": [{"type": "@"}]}"#,
                r#"{"namespaces": [{"type": "NEWNET", "path": "/@"}]}"#,
                r#"{"cgroups": {"name": "@"}}"#,
                r#"{"mounts": [{"source": "@", "destination": "/@", "device": "tmpfs"}]}"#,
                r#"{"mounts": [{"source": "x", "destination": "/mnt", "device": "tmpfs", "data": "@"}]}"#,
                r#"{"user": "@"}"#,
                r#"{"working_dir": "/@"}"#,
                r#"{"mask_paths": ["/@"]}"#,
                r#"{"system_properties": {"@": "1"}}"#,
                r#"{"process_label": "@"}"#,
                r#"{"networks": [{"type": "veth", "bridge": "@", "address": "10.0.0.1/8"}]}"#,
                r#"{"capabilities": ["@"]}"#,
            ] {
                root.configure(value(json));
                // Some are longer than the kernel takes, and one (a path to mask) is nowhere.
                let run = root.exec(["true"]).run();
                let lines = run.err.lines().count();
                assert!(lines <= 1, "{json} {length}: {lines} lines");
                assert!(run.err.len() < 10_000, "{json} {length}: a line of {}", run.err.len());
                assert!(
                    matches!(run.status.code(), Some(0 | 125)),
                    "{json} {length}: {}",
                    run.status
                );
            }
            std::fs::remove_file(root.file("container.json")).unwrap();
            let text = "x".repeat(length.min(120_000));
            let run = root
                .exec(["--env", &format!("LONG={text}"), "/bin/sh", "-c", "echo ${#LONG}"])
                .run();
            assert_eq!(run.success().out.trim(), text.len().to_string());
        }
        std::fs::write(root.file("container.json"), "").unwrap();
        std::fs::remove_file(root.file("container.json")).unwrap();
        before.assert_restored();
    });
}

/// Everything below a directory, itself included.
fn walk(path: &Path, look: &mut impl FnMut(&Path, &std::fs::Metadata)) {
    let stat = std::fs::symlink_metadata(path).unwrap();
    look(path, &stat);
    if stat.is_dir() {
        std::fs::read_dir(path).unwrap().flatten().for_each(|entry| walk(&entry.path(), look));
    }
}

#[test]
fn row_21_records_are_roots_alone() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        for umask in ["000", "077"] {
            let script = format!("umask {umask}; exec \"$0\" \"$@\"");
            let cmd = root.exec(["--detach", "--", "/probe", "sleep", "100"]);
            cmd.by(["sh", "-c", &script]).run().success();
            let mut seen = 0;
            walk(Path::new("/run/nsinit"), &mut |path, stat| {
                let wanted = if stat.is_dir() { 0o700 } else { 0o600 };
                assert_eq!(stat.mode() & 0o7777, wanted, "{}", path.display());
                assert_eq!((stat.uid(), stat.gid()), (0, 0), "{}", path.display());
                seen += 1;
            });
            assert!(seen >= 3, "{seen}");
            let sockets = std::fs::read_to_string("/proc/net/unix").unwrap();
            assert!(!sockets.contains('@'), "an abstract socket: {sockets}");
            root.delete();
        }
    });
}

#[test]
fn row_22_many_commands_leave_nothing_in_the_monitor() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let mut monitor =
            root.exec(["/bin/sh", "-c", "echo up; exec sleep 10000"]).seconds(3000).start();
        monitor.until("up");
        let proc = format!("/proc/{}", monitor.pid());
        let figures = || {
            let status = std::fs::read_to_string(format!("{proc}/status")).unwrap();
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
            let resident: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
            let descriptors = std::fs::read_dir(format!("{proc}/fd")).unwrap().count();
            (resident, descriptors)
        };
        let storm = |count: usize| {
            for _ in 0..count {
                root.exec(["/bin/true"]).run().success();
            }
        };
        storm(20);
        let (before, (resident, descriptors)) = (world.snapshot(), figures());
        storm(if e2e::trace::whole() { 10_000 } else { 480 });
        // A storm of output goes to the caller; nothing of it is kept here.
        let run = root.exec(["/bin/sh", "-c", "yes | head -c 20000000"]).seconds(60).run();
        assert_eq!(run.success().out.len(), 20_000_000);
        before.assert_restored();
        let (resident_now, descriptors_now) = figures();
        assert_eq!(descriptors_now, descriptors);
        assert!(resident_now <= resident + 128, "{resident} kB, then {resident_now} kB");
        root.delete();
        monitor.wait();
    });
}

/// Every verb, with a container that cannot be understood.
#[track_caller]
fn every_verb_refuses(id: &str) {
    for args in [
        &["state"][..],
        &["stats"],
        &["ps"],
        &["kill"],
        &["pause"],
        &["unpause"],
        &["oom"],
        &["wait"],
        &["exec", "true"],
        &["update", "--memory-limit", "64m"],
        &["checkpoint"],
    ] {
        let (verb, more) = args.split_first().unwrap();
        let run = Cmd::nsinit([verb, "--id", id]).args(more).seconds(5).run();
        run.code(if *verb == "exec" { 125 } else { 1 }).error(&["nsinit: ", id]);
    }
}

#[test]
fn row_26_records_that_somebody_changed() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let id = root.detach::<&str>([]);
        let file = Path::new("/run/nsinit").join(&id).join("record.json");
        let good = std::fs::read(&file).unwrap();
        let text = String::from_utf8(good.clone()).unwrap();
        for bad in [
            text.replacen("\"version\":1", "\"version\":2", 1),
            text.replacen(&format!("\"id\":\"{id}\""), "\"id\":\"other\"", 1),
            text.replacen('{', "[", 1),
            format!("{}\nnot json\n", text.trim_end()),
            "null\n".to_owned(),
            "\n".to_owned(),
        ] {
            assert_ne!(bad.as_bytes(), good);
            std::fs::write(&file, &bad).unwrap();
            every_verb_refuses(&id);
            Cmd::nsinit(["list"]).run().code(0);
        }
        std::fs::write(&file, &good).unwrap();
        // What the container can write is never read: its own state.json says something else.
        let hostile = r#"{"id": "x", "init_process_pid": 1, "cgroup_paths": {"memory": "/"}}"#;
        std::fs::remove_file(root.file("state.json")).unwrap();
        std::fs::write(root.file("state.json"), hostile).unwrap();
        std::fs::write(root.file("pid"), "1\n").unwrap();
        let state = root.nsinit(["state"]).run().success().json();
        assert_eq!(state["id"], id.as_str());
        assert_ne!(state["init_process_pid"], 1);
        // Somebody else's number: he is not ended in the container's place.
        let mut innocent = Cmd::new("sleep", ["100"]).start();
        let text = point_at(&text, innocent.pid());
        std::fs::write(&file, text).unwrap();
        root.nsinit(["kill", "KILL"]).run().code(1).error(&["not running"]);
        root.delete();
        assert!(!innocent.ended() && !file.exists());
    });
}

#[test]
fn row_27_never_without_its_filter() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let file = world.path("config.json");
        for (seccomp, part) in [
            (r#"{"defaultAction": "SCMP_ACT_FOO"}"#, "SCMP_ACT_FOO"),
            (
                r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_FOO"]}"#,
                "SCMP_ARCH_FOO",
            ),
            (
                r#"{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_FOO"]}"#,
                "FLAG_FOO",
            ),
            (
                r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls":
                   [{"names": ["mkdir"], "action": "SCMP_ACT_FOO"}]}"#,
                "SCMP_ACT_FOO",
            ),
            (
                r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"],
                   "action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}]}"#,
                "index",
            ),
            (
                r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"],
                   "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_FOO"}]}]}"#,
                "SCMP_CMP_FOO",
            ),
        ] {
            let json = format!(
                r#"{{"ociVersion": "1.0.0", "root": {{"path": "{}"}},
                "process": {{"args": ["/bin/sh", "-c", "echo ran"], "cwd": "/"}},
                "mounts": [{{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}}],
                "linux": {{"namespaces": [{{"type": "mount"}}], "seccomp": {seccomp}}}}}"#,
                root.path.display()
            );
            std::fs::write(&file, json).unwrap();
            let before = world.snapshot();
            let run = root.exec(["--config", file.to_str().unwrap()]).run().code(125);
            assert!(run.out.is_empty(), "{seccomp}: {}", run.out);
            run.error(&["seccomp", part]);
            before.assert_restored();
        }
    });
}

#[test]
fn row_29_no_container_writes_its_next_configuration() {
    each_view(|world: &World| {
        let root = world.busybox();
        let attack = "
            for way in 'echo {} > F' 'echo {} >> F' 'rm -f F' 'mv F /x' 'ln -sf /etc/passwd F' \
                'mv /tmp/mine F' 'umount F' 'umount -l F' 'mount -o remount,rw,bind F' \
                'chmod 777 F' 'chown 1000 F' 'truncate -s 0 F'; do
                echo '{\"hostname\": \"evil\"}' > /tmp/mine
                eval \"$(echo \"$way\" | sed s,F,/container.json,g)\" 2>/dev/null && echo \"did $way\"
            done; echo attacked";
        let nested = format!("unshare -Urm /bin/sh -c '{}'", attack.replace('\'', "'\\''"));
        for own in [Some(r#"{"hostname": "good"}"#), None] {
            match own {
                Some(json) => drop(root.configure(json)),
                None => std::fs::remove_file(root.file("container.json")).unwrap_or_default(),
            }
            for (flags, script) in [
                (&[][..], attack),
                (&["--user", "alice"], attack),
                (&["--userns-root-uid", "100000"], attack),
                (&["--security", "low", "--userns-root-uid", "100000"], &nested),
            ] {
                let run = root.exec(flags).args(["/bin/sh", "-c", script]).run();
                assert!(run.out.contains("attacked"), "{flags:?}: {}{}", run.out, run.err);
                assert!(!run.out.contains("did"), "{own:?} {flags:?}: {}", run.out);
                let now = std::fs::read_to_string(root.file("container.json")).ok();
                assert_eq!(now.as_deref(), own, "{flags:?}");
            }
        }
    });
}

#[test]
fn row_29_nor_does_the_image_ship_where_records_go() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let canary = world.path("canary");
        std::fs::write(&canary, "host").unwrap();
        for name in ["state.json", "pid"] {
            for kind in ["link", "dangling", "fifo", "directory"] {
                let path = root.file(name);
                match kind {
                    "link" => symlink(&canary, &path).unwrap(),
                    "dangling" => symlink(world.path("nothing"), &path).unwrap(),
                    "fifo" => drop(Cmd::new("mkfifo", [&path]).run().success()),
                    _ => std::fs::create_dir(&path).unwrap(),
                }
                root.exec(["--", "/probe", "sleep", "0.1"]).seconds(10).run().success();
                assert_eq!(std::fs::read_to_string(&canary).unwrap(), "host", "{name} {kind}");
                let _ = std::fs::remove_file(&path);
                let _ = std::fs::remove_dir(&path);
            }
        }
        // A configuration that is not a file of root's or the caller's is not read.
        let config = root.file("container.json");
        let outside = world.path("outside.json");
        std::fs::write(&outside, r#"{"hostname": "evil"}"#).unwrap();
        symlink(&outside, &config).unwrap();
        root.exec(["hostname"]).run().code(125).error(&["container.json"]);
        std::fs::remove_file(&config).unwrap();
        Cmd::new("mkfifo", [&config]).run().success();
        root.exec(["hostname"]).seconds(10).run().code(125).error(&["container.json", "regular"]);
        std::fs::remove_file(&config).unwrap();
        std::fs::create_dir(&config).unwrap();
        root.exec(["hostname"]).run().code(125).error(&["container.json"]);
        std::fs::remove_dir(&config).unwrap();
        root.configure(r#"{"hostname": "evil"}"#);
        std::fs::set_permissions(&config, PermissionsExt::from_mode(0o644)).unwrap();
        chown(&config, Some(1000), Some(1000)).unwrap();
        root.exec(["hostname"]).run().code(125).error(&["container.json", "1000"]);
    });
}
