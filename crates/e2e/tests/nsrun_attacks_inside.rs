//! Attacks on nsrun from inside a container, and on its records: attacks.md, rows 11 to 19, 21,
//! 22 and 26. Each is carried out; the host's own figures are compared afterwards.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use e2e::attack::{host_settings, point_at};
use e2e::{Bundle, Cmd, World, each_view, on_this_host};
use serde_json::json;

/// No flags.
const NONE: [&str; 0] = [];

#[test]
fn row_11_inheritable_capabilities_are_those_listed() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let by = ["setpriv", "--inh-caps", "+net_raw,+sys_admin", "--ambient-caps", "+sys_admin"];
        for user in [0, 1000] {
            bundle.set("/process/user", json!({"uid": user, "gid": user}));
            bundle.args(["/probe", "status"]);
            let run = bundle.run(NONE).by(by).run().success();
            assert_eq!((run.fact("cap-inh"), run.fact("cap-amb")), ("", ""), "{user}");
            bundle.args(["/probe", "sleep", "1000"]);
            bundle.detach();
            for flags in [&[][..], &["--cap", "CAP_NET_RAW"]] {
                let exec =
                    bundle.nsrun(["exec"]).args(flags).args([&bundle.id, "/probe", "status"]);
                let run = exec.by(by).run().code(0);
                assert_eq!(
                    (run.fact("cap-inh"), run.fact("cap-amb")),
                    ("", ""),
                    "{user} {flags:?}"
                );
            }
            bundle.delete();
        }
        // An ambient one that is not inheritable is not raised, and told of.
        bundle.set("/process/capabilities/ambient", json!(["CAP_KILL"]));
        bundle.args(["/probe", "status"]);
        let run = bundle.run(NONE).run().code(0);
        assert_eq!(run.fact("cap-amb"), "");
        run.error(&["warning", "ambient", "KILL left out"]);
    });
}

#[test]
fn row_13_devices_are_denied_unless_listed() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        for set in ["bounding", "effective", "permitted"] {
            bundle.push(&format!("/process/capabilities/{set}"), "CAP_MKNOD");
        }
        // mem, kmsg, fuse, loop0, a disk, a RAM disk, kvm
        let devices = ["c 1 1", "c 1 11", "c 10 229", "b 7 0", "b 8 0", "b 1 0", "c 10 232"];
        let attempt = devices
            .map(|device| format!("/probe mknod /tmp/x {device}; /probe open /tmp/x rw; /probe open /tmp/x; rm -f /tmp/x"))
            .join("; ");
        let rules = [
            json!(null),
            json!([{"allow": false, "access": "rwm"}]),
            json!([{"allow": false, "type": "c", "major": 1, "minor": 1, "access": "r"}]),
        ];
        for rules in rules {
            bundle.set("/linux/resources", json!({ "devices": rules }));
            bundle.sh(&format!("{attempt}; /probe open /dev/null rw"));
            let out = bundle.run(NONE).run().code(0).out;
            assert_eq!(out.matches("error EPERM open /tmp/x").count(), 14, "{rules}: {out}");
            assert!(out.ends_with("ok\n"), "{rules}: {out}");
        }
    });
}

#[test]
fn row_14_users_are_read_to_the_letter() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        for user in
            [json!("0"), json!(-1), json!(4_294_967_296_u64), json!(1.5), json!(4_294_967_295_u64)]
        {
            bundle.set("/process/user/uid", user.clone());
            let run = bundle.run(NONE).run();
            assert!(!run.status.success() && run.err.contains("uid"), "{user}: {}", run.err);
        }
        bundle.set("/process/user", json!({"uid": 0, "gid": 0}));
        bundle.detach();
        // An empty one is none: the configured user.
        for user in [
            ":",
            "1:",
            ":1",
            "1:1:1",
            "a",
            "a:b",
            "0:b",
            "4294967296",
            "4294967295",
            "-1",
            "0x0",
            " 0",
            "0 ",
            "+0",
            "1.0",
        ] {
            let user = format!("--user={user}");
            let run = bundle.nsrun(["exec", &user, &bundle.id, "/bin/true"]).run();
            assert!(!run.status.success() && run.err.contains("user"), "{user}: {}", run.err);
        }
        // A user of that name has uid 1002; a number is never looked up.
        let run = bundle.nsrun(["exec", "--user", "12345", &bundle.id, "/probe", "status"]);
        assert_eq!(run.run().success().fact("uid"), "12345 12345 12345 12345");
        bundle.delete();
    });
}

#[test]
fn row_15_groups_are_those_asked_for() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let by = ["setpriv", "--groups", "4242,27"];
        let groups = |run: e2e::Run| {
            let mut groups: Vec<u32> = run
                .success()
                .fact("groups")
                .split_whitespace()
                .map(|g| g.parse().unwrap())
                .collect();
            groups.sort_unstable();
            groups
        };
        bundle.args(["/probe", "status"]);
        for (user, wanted) in [
            (json!({"uid": 0, "gid": 0}), vec![]),
            (json!({"uid": 1000, "gid": 1000}), vec![]),
            (json!({"uid": 7, "gid": 8, "additionalGids": [5, 44]}), vec![5, 44]),
        ] {
            bundle.set("/process/user", user.clone());
            let found = groups(bundle.run(NONE).by(by).run());
            assert!(!found.contains(&4242) && !found.contains(&27), "{user}: {found:?}");
            assert!(wanted.iter().all(|group| found.contains(group)), "{user}: {found:?}");
        }
    });
}

#[test]
fn row_16_strings_of_any_length() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.args(["/bin/true"]);
        let before = world.snapshot();
        let original = bundle.config().clone();
        for length in [64 << 10, (64 << 10) + 1, 1 << 20] {
            let long = "x".repeat(length);
            for (pointer, value) in [
                ("/hostname", json!(long)),
                ("/domainname", json!(long)),
                ("/process/cwd", json!(format!("/{long}"))),
                ("/process/args", json!([long])),
                ("/process/env", json!([format!("X={long}")])),
                ("/process/apparmorProfile", json!(long)),
                ("/root/path", json!(long)),
                ("/mounts/0/destination", json!(format!("/{long}"))),
                ("/mounts/0/type", json!(long)),
                ("/mounts/0/source", json!(long)),
                ("/mounts/0/options", json!([long])),
                ("/linux/cgroupsPath", json!(long)),
                ("/linux/maskedPaths", json!([format!("/{long}")])),
                ("/linux/readonlyPaths", json!([format!("/{long}")])),
                ("/linux/mountLabel", json!(long)),
                (
                    "/linux/devices",
                    json!([{"path": format!("/{long}"), "type": "c", "major": 1, "minor": 3}]),
                ),
                ("/linux/resources/unified", json!({long.as_str(): long.as_str()})),
                ("/linux/seccomp", json!({"defaultAction": long})),
                (
                    "/linux/seccomp",
                    json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": long,
                    "listenerMetadata": long,
                    "syscalls": [{"names": [long], "action": "SCMP_ACT_NOTIFY"}]}),
                ),
                ("/process/selinuxLabel", json!(long)),
                ("/process/capabilities/bounding", json!([long])),
                ("/process/rlimits", json!([{"type": long, "soft": 1, "hard": 1}])),
                ("/ociVersion", json!(long)),
                ("/linux/sysctl", json!({long.as_str(): "1"})),
                ("/linux/namespaces/0/type", json!(long)),
                ("/linux/namespaces/0/path", json!(format!("/{long}"))),
                ("/annotations", json!({long.as_str(): long.as_str()})),
                ("/hooks", json!({"prestart": [{"path": format!("/{long}")}]})),
            ] {
                bundle.set(pointer, value);
                let run = bundle.run(NONE).run();
                let lines = run.err.lines().count();
                assert!(lines <= 1, "{pointer} {length}: {lines} lines");
                assert!(run.err.len() < 10_000, "{pointer} {length}: {} bytes", run.err.len());
                assert!(run.status.code().is_some_and(|c| c != 101), "{pointer}: {}", run.status);
                std::fs::write(bundle.path.join("config.json"), original.to_string()).unwrap();
                bundle.set("", original.clone());
            }
        }
        before.assert_restored();
    });
}

#[test]
fn row_17_sysctls_set_what_they_name() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.args(["/bin/true"]);
        let before = host_settings();
        for (key, value) in [
            ("kernel.core_pattern", "|/bin/evil"),
            ("kernel/core_pattern", "|/bin/evil"),
            ("net.ipv4.../kernel/core_pattern", "|/bin/evil"),
            ("net/../kernel/core_pattern", "|/bin/evil"),
            ("net.ipv4.ip_forward/../../../kernel/core_pattern", "|/bin/evil"),
            ("vm.swappiness", "3"),
            ("kernel.sysrq", "1"),
            ("kernel.shm_rmid_forced+kernel.core_pattern", "x"),
            ("", "x"),
            ("kernel.", "x"),
        ] {
            bundle.set("/linux/sysctl", json!({key: value}));
            let run = bundle.run(NONE).run();
            assert!(!run.status.success() && run.err.contains("sysctl"), "{key}: {}", run.err);
        }
        for value in ["1\nkernel.core_pattern=|/bin/evil", "1+kernel.core_pattern=|/bin/evil"] {
            bundle.set("/linux/sysctl", json!({"net.ipv4.ip_forward": value}));
            let _ = bundle.run(NONE).run();
        }
        bundle.set("/linux/sysctl", json!({"net.ipv4.ip_forward": "1"}));
        bundle.set("/linux/namespaces", json!([{"type": "mount"}, {"type": "pid"}]));
        bundle.set("/hostname", json!(null));
        let run = bundle.run(NONE).run();
        assert!(!run.status.success() && run.err.contains("sysctl"), "{}", run.err);
        assert_eq!(host_settings(), before);
    });
}

#[test]
fn rows_12_and_18_control_groups_are_read_only() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.push(
            "/mounts",
            json!({"destination": "/sys", "type": "sysfs", "source": "sysfs",
            "options": ["nosuid", "noexec", "nodev", "ro"]}),
        );
        bundle.push(
            "/mounts",
            json!({"destination": "/sys/fs/cgroup", "type": "cgroup",
            "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}),
        );
        let script = "
            for kind in cgroup cgroup2; do
                for data in memory rdma devices ''; do /probe mount none /mnt $kind $data; done
            done
            for file in $(find /sys/fs/cgroup -name release_agent -o -name notify_on_release); do
                (echo /bin/evil > $file) 2>/dev/null && echo wrote $file
            done
            mkdir /sys/fs/cgroup/x 2>/dev/null && echo made a group
            for file in $(find /sys/fs/cgroup -name cgroup.procs); do
                (echo 1 > $file) 2>/dev/null && echo wrote $file
            done; true";
        bundle.sh(script);
        for namespaces in [true, false] {
            if !namespaces {
                let kinds = ["pid", "network", "ipc", "uts", "mount"];
                bundle.set("/linux/namespaces", json!(kinds.map(|kind| json!({"type": kind}))));
            }
            let out = bundle.run(NONE).run().code(0).out;
            assert_eq!(out.matches("error EPERM mount").count(), 8, "{out}");
            assert!(!["wrote", "made", "ok"].iter().any(|bad| out.contains(bad)), "{out}");
        }
    });
}

#[test]
fn row_19_what_tells_of_the_host_is_masked() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let before = host_settings();
        // As `nsrun spec` has them.
        let file = bundle.path.join("config.json");
        std::fs::remove_file(&file).unwrap();
        bundle.nsrun(["spec"]).run().success();
        let spec: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for paths in ["maskedPaths", "readonlyPaths"] {
            bundle.set(&format!("/linux/{paths}"), spec["linux"][paths].clone());
        }
        bundle.push(
            "/mounts",
            json!({"destination": "/sys", "type": "sysfs", "source": "sysfs",
            "options": ["nosuid", "noexec", "nodev", "ro"]}),
        );
        bundle.sh("
            for file in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/latency_stats; do
                test -s $file && head -c 1 $file | grep -q . && echo read $file
            done
            for dir in /proc/acpi /proc/scsi /sys/firmware /proc/asound /sys/devices/virtual/powercap; do
                ls $dir 2>/dev/null | grep -q . && echo listed $dir
            done
            for file in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/vm/swappiness \\
                /proc/irq/default_smp_affinity /proc/bus/pci/devices /proc/fs/nfsd/x \\
                /sys/kernel/uevent_helper /sys/power/state; do
                (echo h > $file) 2>/dev/null && echo wrote $file
            done
            umount /proc/kcore /proc/sys /proc/keys 2>/dev/null && echo unmounted
            mount -o remount,rw /proc/sys 2>/dev/null && echo remounted
            /probe mount none /mnt proc; true");
        for user in [0, 1000] {
            bundle.set("/process/user", json!({"uid": user, "gid": user}));
            let out = bundle.run(NONE).run().code(0).out;
            assert_eq!(out.trim(), "error EPERM mount /mnt", "{user}");
        }
        for (destination, source) in [
            ("/proc/x", "/etc"),
            ("/proc/sysrq-trigger", "/etc/passwd"),
            ("/proc/self/attr", "/etc"),
            ("/proc", "/etc"),
            ("/tmp/../proc/acpi", "/etc"),
        ] {
            let mut bundle = world.bundle();
            bundle.push(
                "/mounts",
                json!({"destination": destination, "type": "bind",
                "source": source, "options": ["rbind"]}),
            );
            let run = bundle.run(NONE).run();
            assert!(
                !run.status.success() && run.err.contains("/proc"),
                "{destination}: {}",
                run.err
            );
        }
        assert_eq!(host_settings(), before);
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
        let bundle = world.bundle();
        for umask in ["000", "077"] {
            let script = format!("umask {umask}; exec \"$0\" \"$@\"");
            bundle.create(NONE).by(["sh", "-c", &script]).run().success();
            let mut seen = 0;
            walk(Path::new("/run/nsrun"), &mut |path, stat| {
                let wanted = if stat.is_dir() { 0o700 } else { 0o600 };
                assert_eq!(stat.mode() & 0o7777, wanted, "{}", path.display());
                assert_eq!((stat.uid(), stat.gid()), (0, 0), "{}", path.display());
                seen += 1;
            });
            assert!(seen >= 4, "{seen}");
            let sockets = std::fs::read_to_string("/proc/net/unix").unwrap();
            assert!(!sockets.contains('@'), "an abstract socket: {sockets}");
            bundle.delete();
        }
    });
}

#[test]
fn row_22_a_storm_leaves_nothing_in_the_supervisor() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("echo up; exec sleep 10000");
        let mut supervisor = bundle.run(NONE).seconds(3000).start();
        supervisor.until("up");
        let proc = format!("/proc/{}", supervisor.pid());
        let figures = || {
            let status = std::fs::read_to_string(format!("{proc}/status")).unwrap();
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
            let resident: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
            (resident, std::fs::read_dir(format!("{proc}/fd")).unwrap().count())
        };
        let storm = |count: usize| {
            for _ in 0..count {
                bundle.exec(["/bin/true"]).run().success();
            }
        };
        storm(20);
        let (before, (resident, descriptors)) = (world.snapshot(), figures());
        storm(if e2e::trace::whole() { 10_000 } else { 200 });
        let run = bundle.exec(["/bin/sh", "-c", "yes | head -c 20000000"]).seconds(60).run();
        assert_eq!(run.success().out.len(), 20_000_000);
        before.assert_restored();
        let (resident_now, descriptors_now) = figures();
        assert_eq!(descriptors_now, descriptors);
        assert!(resident_now <= resident + 128, "{resident} kB, then {resident_now} kB");
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        supervisor.wait();
    });
}

/// Every verb, with a container that cannot be understood.
#[track_caller]
fn every_verb_refuses(bundle: &Bundle) {
    for args in [
        &["state"][..],
        &["start"],
        &["exec"],
        &["ps"],
        &["kill"],
        &["pause"],
        &["resume"],
        &["update", "--pids-limit", "5"],
        &["events", "--stats"],
        &["checkpoint"],
    ] {
        let more: &[&str] = if args[0] == "exec" { &["true"] } else { &[] };
        let run = bundle.nsrun(args).args([&bundle.id]).args(more).seconds(5).run();
        assert!(!run.status.success(), "{args:?}: {}", run.out);
        assert!(run.err.contains(&bundle.id), "{args:?}: {}", run.err);
    }
}

#[test]
fn row_26_records_that_somebody_changed() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        bundle.detach();
        let file = Path::new("/run/nsrun").join(&bundle.id).join("record.json");
        let good = std::fs::read(&file).unwrap();
        let text = String::from_utf8(good.clone()).unwrap();
        for bad in [
            text.replacen("\"version\":1", "\"version\":2", 1),
            text.replacen(&format!("\"id\":\"{}\"", bundle.id), "\"id\":\"other\"", 1),
            text.replacen('{', "[", 1),
            format!("{}\nnot json\n", text.trim_end()),
            "null\n".to_owned(),
            "\n".to_owned(),
        ] {
            assert_ne!(bad.as_bytes(), good);
            std::fs::write(&file, &bad).unwrap();
            every_verb_refuses(&bundle);
            bundle.nsrun(["list"]).run().code(0);
        }
        std::fs::write(&file, &good).unwrap();
        assert_eq!(bundle.status(), "running");
        // Somebody else's number: he is not ended in the container's place.
        let mut innocent = Cmd::new("sleep", ["100"]).start();
        std::fs::write(&file, point_at(&text, innocent.pid())).unwrap();
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().code(1).error(&["not running"]);
        bundle.delete();
        assert!(!innocent.ended() && !file.exists());
    });
}
