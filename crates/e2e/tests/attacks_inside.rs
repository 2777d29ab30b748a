//! Attacks from inside a container on what is the host's: attacks.md, rows 11, 13 to 15, 17 to 20
//! and 23. Each is carried out; the host's own figures are compared afterwards.

use e2e::attack::{TYPE_IN, host_settings, typed_by};
use e2e::{Cmd, World, each_view, on_this_host};

#[test]
fn row_11_no_capability_is_inherited() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let check = |flags: &[&str]| {
            // The host's root may itself lack some of `low`, and is told.
            let run = root.exec(flags).args(["/probe", "status"]).run().code(0);
            assert_eq!((run.fact("cap-inh"), run.fact("cap-amb")), ("", ""), "{flags:?}");
            let none = flags.contains(&"alice");
            assert_eq!(run.fact("cap-eff").is_empty(), none, "{flags:?}");
        };
        for security in ["high", "medium", "low"] {
            for user in ["root", "alice"] {
                check(&["--security", security, "--user", user]);
            }
            root.detach(["--security", security]);
            for user in ["root", "alice"] {
                check(&["--user", user]);
            }
            root.delete();
        }
        // What the caller itself inherits is not passed on.
        let by = ["setpriv", "--inh-caps", "+net_raw,+sys_admin", "--ambient-caps", "+sys_admin"];
        let run = root.exec(["/probe", "status"]).by(by).run().success();
        assert_eq!((run.fact("cap-inh"), run.fact("cap-amb")), ("", ""));
    });
}

#[test]
fn row_13_devices_are_denied_unless_listed() {
    each_view(|world: &World| {
        let root = world.busybox();
        // mem, kmsg, fuse, loop0, a disk, a RAM disk, kvm
        let devices = ["c 1 1", "c 1 11", "c 10 229", "b 7 0", "b 8 0", "b 1 0", "c 10 232"];
        let attempt = devices
            .map(|device| format!("/probe mknod /tmp/x {device}; /probe open /tmp/x rw; /probe open /tmp/x; rm /tmp/x"))
            .join("; ");
        let script = format!("{attempt}; for i in 1 2; do /probe open /dev/null rw; done");
        let check = || {
            let out = root.sh(&script).run().code(0).out;
            assert_eq!(out.matches("error EPERM open /tmp/x").count(), 14, "{out}");
            // mknod of each, and /dev/null.
            assert_eq!(out.lines().filter(|line| *line == "ok").count(), 7 + 2, "{out}");
        };
        check();
        root.detach::<&str>([]);
        check();
        root.delete();
    });
}

#[test]
fn row_14_users_are_read_to_the_letter() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let refused = [
            "",
            ":",
            "1:",
            ":1",
            "1:1:1",
            "a:b",
            "0:b",
            "a:b:c",
            "4294967296",
            "4294967295",
            "-1",
            "0x0",
            " 0",
            "0 ",
            "+0",
            "1.0",
        ];
        for user in refused {
            let user = format!("--user={user}");
            root.exec([&user, "id"]).run().code(125).error(&["user"]);
        }
        // A user of that name has uid 1002; a number is never looked up.
        let run = root.exec(["--user", "12345", "/probe", "status"]).run().success();
        assert_eq!(run.fact("uid"), "12345 12345 12345 12345");
        let hostile = "root2:x:0:0::/:/bin/sh\nbad:x:4294967296:0::/:/bin/sh\nneg:x:-1:0::/:/bin/sh\n\
                       empty:x::0::/:/bin/sh\nword:x:x1:0::/:/bin/sh\n";
        std::fs::write(root.file("etc/passwd"), hostile).unwrap();
        for user in ["bad", "neg", "empty", "word"] {
            root.exec(["--user", user, "id"]).run().code(125).error(&["user"]);
        }
    });
}

#[test]
fn row_15_groups_are_those_asked_for() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        // The caller's own groups never come along.
        let by = ["setpriv", "--groups", "4242,27"];
        let groups = |args: &[&str]| {
            let run = root.exec(args).args(["id", "-G"]).by(by).run().success();
            let mut groups: Vec<u32> =
                run.out.split_whitespace().map(|g| g.parse().unwrap()).collect();
            groups.sort_unstable();
            groups
        };
        assert_eq!(groups(&[]), [0]);
        assert_eq!(groups(&["--groups", "5", "--groups", "video"]), [0, 5, 44]);
        assert_eq!(groups(&["--user", "7:8"]), [8]);
        assert_eq!(groups(&["--user", "7:8", "--groups", "9"]), [8, 9]);
        let alice = groups(&["--user", "alice"]);
        assert!(!alice.contains(&4242) && !alice.contains(&27), "{alice:?}");
    });
}

#[test]
fn row_17_sysctls_set_what_they_name() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let before = host_settings();
        for setting in [
            "kernel.core_pattern=|/bin/evil",
            "kernel/core_pattern=|/bin/evil",
            "net.ipv4.../kernel/core_pattern=|/bin/evil",
            "net/../kernel/core_pattern=|/bin/evil",
            "net.ipv4.ip_forward/../../../kernel/core_pattern=|/bin/evil",
            "vm.swappiness=3",
            "kernel.sysrq=1",
            "kernel.shm_rmid_forced+kernel.core_pattern=x",
            "=x",
            "kernel.=x",
        ] {
            root.exec(["--sysctl", setting, "true"]).run().code(125).error(&["sysctl"]);
        }
        for value in ["1\nkernel.core_pattern=|/bin/evil", "1+kernel.core_pattern=|/bin/evil"] {
            let setting = format!("net.ipv4.ip_forward={value}");
            let _ = root.exec(["--sysctl", &setting, "true"]).run();
        }
        let host = root.exec(["--net", "host", "--sysctl", "net.ipv4.ip_forward=1", "true"]);
        host.run().code(125).error(&["sysctl", "net"]);
        assert_eq!(host_settings(), before);
    });
}

#[test]
fn row_18_no_release_agent() {
    each_view(|world: &World| {
        let root = world.busybox();
        let script = "
            for kind in cgroup cgroup2; do
                for data in memory rdma devices ''; do /probe mount none /mnt $kind $data; done
            done
            unshare -Urm true && echo unshared
            for file in $(find /sys/fs/cgroup -name release_agent -o -name notify_on_release); do
                (echo /bin/evil > $file) 2>/dev/null && echo wrote $file
            done
            mkdir /sys/fs/cgroup/x 2>/dev/null && echo made a group
            for file in $(find /sys/fs/cgroup -name cgroup.procs); do
                (echo 1 > $file) 2>/dev/null && echo wrote $file
            done; true";
        for flags in [&[][..], &["--cgroup"]] {
            let out = root.exec(flags).args(["/bin/sh", "-c", script]).run().code(0).out;
            assert_eq!(out.matches("error EPERM mount").count(), 8, "{flags:?}: {out}");
            let bad = ["unshared", "wrote", "made", "ok"];
            assert!(!bad.iter().any(|bad| out.contains(bad)), "{flags:?}: {out}");
        }
    });
}

#[test]
fn row_19_what_tells_of_the_host_is_masked() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let before = host_settings();
        let script = "
            for file in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/latency_stats; do
                test -s $file && head -c 1 $file | grep -q . && echo read $file
            done
            for dir in /proc/acpi /proc/scsi /sys/firmware /proc/asound /sys/devices/virtual/powercap; do
                ls $dir 2>/dev/null | grep -q . && echo listed $dir
            done
            for file in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/vm/swappiness \
                /proc/irq/default_smp_affinity /proc/bus/pci/devices /proc/fs/nfsd/x \
                /sys/kernel/uevent_helper /sys/power/state; do
                (echo h > $file) 2>/dev/null && echo wrote $file
            done
            umount /proc/kcore /proc/sys /proc/keys 2>/dev/null && echo unmounted
            mount -o remount,rw /proc/sys 2>/dev/null && echo remounted
            /probe mount none /mnt proc; true";
        for user in ["root", "alice"] {
            let out = root.exec(["--user", user, "/bin/sh", "-c", script]).run().code(0).out;
            assert_eq!(out.trim(), "error EPERM mount /mnt", "{user}");
        }
        for (flag, value) in [
            ("--bind", "/etc:/proc/x"),
            ("--bind", "/etc/passwd:/proc/sysrq-trigger"),
            ("--bind", "/etc:/proc/self/attr"),
            ("--bind", "/etc:/proc"),
            ("--bind", "/etc:/tmp/../proc/acpi"),
            ("--tmpfs", "/proc/acpi"),
        ] {
            let run = root.exec([flag, value, "/bin/true"]).run().code(125);
            run.error(&["/proc"]);
        }
        assert_eq!(host_settings(), before);
    });
}

#[test]
fn row_20_nobody_types_into_the_callers_terminal() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let ways = [&["--tty"][..], &[], &["--security", "high"], &["--tty", "--user", "alice"]];
        for joins in [false, true] {
            if joins {
                root.detach(["--", "/probe", "sleep", "1000"]);
            }
            for flags in ways.iter().filter(|flags| !joins || !flags.contains(&"--security")) {
                let cmd = root.exec(*flags).args(["/bin/sh", "-c", TYPE_IN]);
                let (screen, typed) = typed_by(&cmd);
                assert!(screen.contains("done") && !screen.contains("ok"), "{flags:?}: {screen}");
                assert_eq!(typed, "", "{flags:?}: {screen}");
            }
        }
        root.delete();
        // With bits that the kernel does not look at, and the filter has to.
        let Some(root) = world.debian() else { return };
        let perl = "for my $number (0x5412, 0x100005412, 0x541c, 0xffffffff0000541c) { \
            my ($call, $text) = ($number, \"x\"); \
            print syscall(16, 0, $call, $text), \" \", $!+0, \"\\n\" }; print \"done\\n\"";
        let (screen, typed) = typed_by(&root.exec(["--tty", "perl", "-e", perl]));
        assert_eq!(screen.matches("-1 1").count(), 4, "EPERM is 1: {screen}");
        assert_eq!(typed, "", "{screen}");
    });
}

#[test]
fn row_23_limits_hold_in_a_user_namespace() {
    on_this_host(|world: &World| {
        if !std::path::Path::new("/sys/fs/cgroup/memory").is_dir() {
            return e2e::skip("no memory controller of cgroup version 1");
        }
        let root = world.busybox();
        let mapped =
            ["--userns-root-uid", "100000", "--memory-limit", "32m", "--memory-swap", "32m"];
        root.exec(mapped).args(["/probe", "eat-memory", "16"]).run().success();
        let run = root.exec(mapped).args(["/probe", "eat-memory", "64"]).run();
        assert_eq!(run.status.code(), Some(137), "{}", run.out);
        // Nor by a user namespace of its own, below.
        let low = [&mapped[..], &["--security", "low"]].concat();
        let run = root.exec(low).args(["unshare", "-Ur", "/probe", "eat-memory", "64"]).run();
        assert_ne!(run.status.code(), Some(0), "{}", run.out);
        assert!(!run.out.contains("ate 64"), "{}", run.out);
        let left = Cmd::new("cat", ["/proc/self/status"]).run().success();
        assert!(left.out.contains("Name:"));
    });
}
