//! Each create flag has its effect.

use e2e::{View, World, each_view, on_this_host};

#[test]
fn of_the_root_file_system() {
    each_view(|world: &World| {
        for root in world.roots() {
            let source = world.path("source");
            std::fs::create_dir(&source).unwrap();
            std::fs::write(source.join("file"), "here").unwrap();
            let before = world.snapshot();
            let path = source.to_str().unwrap();
            let [plain, ro, rw] = ["", ":ro", ":rw"].map(|how| format!("{path}:/mnt{how}"));
            for bind in [&plain, &rw] {
                let script = ["/bin/sh", "-c", "cat /mnt/file; echo > /mnt/new; rm /mnt/new"];
                assert_eq!(root.exec(["--bind", bind]).args(script).run().success().out, "here");
            }
            let script = ["/bin/sh", "-c", "cat /mnt/file; /probe open /mnt/new create"];
            let run = root.exec(["--bind", &ro]).args(script).run().code(1);
            assert_eq!(run.out, "hereerror EROFS open /mnt/new\n");
            // Two of them, one a single file, and a tmpfs.
            let file = format!("{path}/file:/etc/motd:ro");
            let flags = ["--bind", &ro, "--bind", &file, "--tmpfs", "/tmp", "--tmpfs", "/opt"];
            let script = "cat /mnt/file /etc/motd; echo > /opt/x; grep -c ' /tmp tmpfs\\| /opt tmpfs' \
                          /proc/mounts";
            std::fs::write(root.file("etc/motd"), "").unwrap();
            let run = root.exec(flags).args(["/bin/sh", "-c", script]).run().success();
            assert_eq!(run.out, "herehere2\n");
            let mounts = root.exec(["--tmpfs", "/opt", "/probe", "mounts"]).run().success();
            let opt = mounts.out.lines().find(|line| line.starts_with("/opt\t")).unwrap();
            assert!(opt.contains("nosuid") && opt.contains("nodev"), "{opt}");
            let run = root.exec(["--read-only", "/probe", "open", "/x", "create"]).run().code(1);
            assert_eq!(run.out, "error EROFS open /x\n");
            root.exec(["--read-only", "/bin/sh", "-c", "echo > /dev/shm/x"]).run().success();
            std::fs::remove_file(root.file("etc/motd")).unwrap();
            let from = ["exec", "--rootfs", root.path.to_str().unwrap(), "/bin/ls", "/probe"];
            let run = root.nsinit(from).dir(&source).run().success();
            assert_eq!(run.out, "/probe\n");
            if root.name().starts_with("bb") {
                before.assert_restored();
            }
        }
    });
}

#[test]
fn of_the_process() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let status = ["/probe", "status"];
            let run = root.exec(["--hostname", "web"]).args(status).run().success();
            assert_eq!(run.fact("hostname"), "web");
            assert!(run.all("env").contains(&"HOSTNAME=web"));
            let groups = ["--groups", "33", "--groups", "44", "--groups", "daemon"];
            let run = root.exec(groups).args(status).run().success();
            let groups: Vec<&str> = run.fact("groups").split(' ').collect();
            assert!(["33", "44", "1"].iter().all(|g| groups.contains(g)), "{groups:?}");
            for (typed, told) in [("TERM", "TERM"), ("9", "KILL"), ("none", "none")] {
                let run = root.exec(["--parent-death-signal", typed]).args(status).run().success();
                assert_eq!(run.fact("pdeathsig"), told);
            }
            let sysctl = ["--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.shmmni=123"];
            let cat = ["/bin/cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/shmmni"];
            assert_eq!(root.exec(sysctl).args(cat).run().success().out, "1\n123\n");
            before.assert_restored();
        }
    });
}

#[test]
fn of_namespaces() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let outside = e2e::Cmd::new(e2e::probe(), ["status"]).run().success();
            let of = |run: &e2e::Run, name: &str| {
                let prefix = format!("{name} ");
                run.all("ns").iter().find_map(|ns| ns.strip_prefix(&prefix)).unwrap().to_owned()
            };
            for (flag, file) in
                [("--ipc", "ipc"), ("--net", "net"), ("--uts", "uts"), ("--pid", "pid")]
            {
                let inside = |value: &str| {
                    let run = root.exec([flag, value, "/probe", "status"]).run().success();
                    of(&run, file)
                };
                assert_eq!(inside("host"), of(&outside, file), "{flag} host");
                assert_ne!(inside("private"), of(&outside, file), "{flag} private");
                // One to join: that of another container.
                let other = format!("{}-other", world.tag);
                root.detach(["--id", &other]);
                let state = root.nsinit(["state", "--id", &other]).run().success().json();
                let path = format!("/proc/{}/ns/{file}", state["init_process_pid"]);
                let link = std::fs::read_link(&path).unwrap();
                assert_eq!(format!("{file}:[{}]", inside(&path)), link.to_string_lossy());
                root.nsinit(["delete", "--force", &other]).run().success();
            }
            before.assert_restored();
        }
    });
}

#[test]
fn mnt_host_is_the_hosts_view() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        // The root file system is no mount of its own there: what is seen of it is /.
        let id = root.detach(["--mnt", "host"]);
        let pid = root.nsinit(["state", "--id", &id]).run().success().json();
        let pid = pid["init_process_pid"].to_string();
        let link = |path: String| std::fs::read_link(path).unwrap();
        assert_eq!(link(format!("/proc/{pid}/ns/mnt")), link("/proc/self/ns/mnt".into()));
        assert_eq!(link(format!("/proc/{pid}/root")), root.path);
        root.exec(["/bin/ls", "/probe"]).run().success();
        root.delete();
        before.assert_restored();
    });
}

#[test]
fn userns_root_uid_makes_a_user_namespace() {
    each_view(|world: &World| {
        for root in world.roots() {
            e2e::Cmd::new("chown", ["-hR", "100000:100000", root.path.to_str().unwrap()])
                .run()
                .success();
            let before = world.snapshot();
            let flags = ["--userns-root-uid", "100000"];
            let run = root.exec(flags).args(["/probe", "status"]).run().success();
            assert_eq!(run.fact("uid"), "0 0 0 0");
            assert_eq!(run.fact("uid-map"), "0 100000 65536");
            assert_eq!(run.fact("gid-map"), "0 100000 65536");
            assert_eq!(run.fact("cap-eff").split(' ').count(), 14);
            root.exec(flags)
                .args(["/bin/sh", "-c", "echo > /tmp/x; chown 7 /tmp/x"])
                .run()
                .success();
            let made = std::fs::metadata(root.file("tmp/x")).unwrap();
            use std::os::unix::fs::MetadataExt;
            assert_eq!((made.uid(), made.gid()), (100_007, 100_000));
            std::fs::remove_file(root.file("tmp/x")).unwrap();
            // Devices work, joins too.
            root.detach(flags);
            let script = "for d in null zero full urandom random tty; do [ -c /dev/$d ] || exit 1; \
                          done; head -c 4 /dev/urandom > /dev/null; id -u";
            assert_eq!(root.sh(script).run().success().out, "0\n");
            root.delete();
            if root.name().starts_with("bb") {
                before.assert_restored();
            }
        }
    });
}

#[test]
fn security_levels_are_high_medium_and_low() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let at = |level: &str| {
                // reboot (169) and add_key (248) are what the default profile refuses.
                let script = "/probe status; /probe syscall 169 248; ls /proc/sys/kernel | wc -l; \
                              /probe mounts | cut -f1; /probe mknod /tmp/m c 1 11; \
                              /probe open /tmp/m r; rm -f /tmp/m; /probe socket 2 3 1";
                root.exec(["--security", level, "/bin/sh", "-c", script]).run()
            };
            let high = at("high");
            assert_eq!(high.fact("no-new-privs"), "1");
            assert_eq!(high.fact("seccomp"), "2");
            assert_eq!(high.fact("cap-eff").split(' ').count(), 11);
            let eff = high.fact("cap-eff").to_uppercase();
            assert!(["NET_RAW", "MKNOD", "AUDIT_WRITE"].iter().all(|cap| !eff.contains(cap)));
            assert!(high.out.contains("error EPERM mknod"), "{}", high.out);
            assert!(high.out.contains("error EPERM socket"), "{}", high.out);
            let medium = at("medium");
            assert_eq!((medium.fact("no-new-privs"), medium.fact("seccomp")), ("0", "2"));
            assert_eq!(medium.fact("cap-eff").split(' ').count(), 14);
            for run in [&high, &medium] {
                assert!(run.out.contains("syscall 169 EPERM"), "{}", run.out);
                assert!(run.out.contains("syscall 248 EPERM"), "{}", run.out);
                assert!(run.out.lines().any(|line| line == "/proc/kcore" || line == "/proc/keys"));
            }
            assert!(medium.out.contains("error EPERM open /tmp/m"), "{}", medium.out);
            let low = at("low");
            let own = e2e::Cmd::new(e2e::probe(), ["status"]).run().success();
            assert_eq!(low.fact("cap-eff"), own.fact("cap-eff"));
            assert!(!low.out.contains("syscall 248 EPERM"), "{}", low.out);
            let hidden =
                |line: &str| line.starts_with("/proc/") || line.starts_with("/sys/firmware");
            assert!(!low.out.lines().any(hidden), "{}", low.out);
            assert!(!low.out.contains("EPERM open /tmp/m"), "{}", low.out);
            // No level lets words be put into the caller's terminal.
            for level in ["high", "medium", "low"] {
                let run = root.exec(["--security", level, "-t", "/probe", "ioctl-tiocsti", "x"]);
                assert!(run.run().out.contains("error EPERM"), "{level}");
            }
            before.assert_restored();
        }
    });
}

#[test]
fn cgroup_mounts_the_containers_own() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let script = [
                "/bin/sh",
                "-c",
                "cd /sys/fs/cgroup && ls; find . -name cgroup.procs \
                           | xargs cat; /probe mkdir x; find . -name memory.limit_in_bytes",
            ];
            let run = root.exec(["--cgroup"]).args(script).run();
            let out = &run.out;
            match world.view {
                View::V2 => assert!(out.contains("cgroup.procs") && out.contains("\n1\n"), "{out}"),
                View::Host => {
                    for name in ["memory", "pids", "cpu", "unified"] {
                        assert!(out.lines().any(|line| line == name), "no {name}: {out}");
                    }
                    assert!(out.contains("./memory/memory.limit_in_bytes"), "{out}");
                }
            }
            assert!(out.contains("error EROFS mkdir"), "{out}");
            before.assert_restored();
        }
    });
}

/// A flag, its value, the hierarchy of version 1 and the file that shows it, and what it shows.
const LIMITS: [(&str, &str, &str, &str); 7] = [
    ("--memory-limit", "64m", "memory/memory.limit_in_bytes", "67108864"),
    ("--memory-limit", "67108864", "memory/memory.limit_in_bytes", "67108864"),
    ("--memory-limit", "-1", "memory/memory.limit_in_bytes", "9223372036854771712"),
    ("--memory-swappiness", "7", "memory/memory.swappiness", "7"),
    ("--cpushares", "512", "cpu/cpu.shares", "512"),
    ("--cpuset-cpus", "0", "cpuset/cpuset.cpus", "0"),
    ("--cpuset-mems", "0", "cpuset/cpuset.mems", "0"),
];

#[test]
fn limits_stand_in_the_kernels_files() {
    on_this_host(|world: &World| {
        let hierarchies = e2e::hierarchies();
        if !hierarchies.iter().any(|h| h.controllers.iter().any(|c| c == "memory")) {
            return e2e::skip("the memory controller is not in a version 1 hierarchy here");
        }
        for root in world.roots() {
            let before = world.snapshot();
            for (flag, value, file, wanted) in LIMITS {
                root.detach([flag, value]);
                let (controller, name) = file.split_once('/').unwrap();
                let state = root.nsinit(["state"]).run().success().json();
                let group = state["cgroup_paths"][controller].as_str().unwrap().to_owned();
                let text = std::fs::read_to_string(format!("{group}/{name}")).unwrap();
                assert_eq!(text.trim(), wanted, "{flag} {value}");
                root.delete();
            }
            let both = ["--memory-limit", "64m", "--memory-swap", "96m"];
            root.detach(both);
            let state = root.nsinit(["state"]).run().success().json();
            let group = state["cgroup_paths"]["memory"].as_str().unwrap().to_owned();
            let file = format!("{group}/memory.memsw.limit_in_bytes");
            if let Ok(text) = std::fs::read_to_string(file) {
                assert_eq!(text.trim(), (96 << 20).to_string());
            }
            root.delete();
            before.assert_restored();
        }
    });
}

#[test]
fn labels_need_their_security_module() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        let loaded = std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
        for (flag, value, module) in [
            ("--apparmor-profile", "docker-default", "apparmor"),
            ("--process-label", "system_u:system_r:svirt_lxc_net_t:s0", "selinux"),
            ("--mount-label", "system_u:object_r:svirt_sandbox_file_t:s0", "selinux"),
        ] {
            if loaded.contains(module) {
                e2e::skip(format!("{module} is loaded: its own tests try {flag}"));
                continue;
            }
            let run = root.exec([flag, value, "/bin/true"]).run().code(125);
            assert_eq!(run.err.lines().count(), 1, "{}", run.err);
            assert!(run.err.to_lowercase().contains(module), "{flag}: {}", run.err);
        }
        before.assert_restored();
    });
}

#[test]
fn veth_connects_to_a_bridge() {
    each_view(|world: &World| {
        for root in world.roots() {
            let ip = |line: &str| e2e::Cmd::new("ip", line.split(' ')).run().success();
            ip("link add br0 type bridge");
            ip("addr add 10.9.0.1/24 dev br0");
            ip("link set br0 up");
            let before = world.snapshot();
            let flags = [
                "--veth-bridge",
                "br0",
                "--veth-address",
                "10.9.0.2/24",
                "--veth-gateway",
                "10.9.0.1",
                "--veth-mtu",
                "1400",
            ];
            let mut server =
                e2e::Cmd::new(e2e::probe(), ["listen", "10.9.0.1:80", "from-host"]).start();
            server.until("listening");
            let script = "cat /sys/class/net/eth0/mtu; cat /proc/net/route; \
                          i=0; while [ $i -lt 50 ] && ! grep -q up /sys/class/net/eth0/operstate; \
                          do i=$((i+1)); sleep 0.05; done; /probe connect 10.9.0.1:80";
            let run = root.exec(flags).args(["/bin/sh", "-c", script]).run().success();
            assert!(run.out.starts_with("1400\n"), "{}", run.out);
            assert!(run.out.contains("eth0\t00000000\t0100090A"), "{}", run.out);
            assert!(run.out.ends_with("got from-host\n"), "{}", run.out);
            assert!(server.wait().success().out.contains("peer 10.9.0.2"));
            root.detach(flags);
            let stats = root.nsinit(["stats"]).run().success().json();
            assert!(stats["Interfaces"][0]["Name"].is_string(), "{stats}");
            root.delete();
            before.assert_restored();
            let wrong = ["--veth-bridge", "nobridge", "--veth-address", "10.9.0.2/24", "/bin/true"];
            root.exec(wrong).run().code(125).error(&["nobridge"]);
            before.assert_restored();
            ip("link del br0");
        }
    });
}

#[test]
fn systemd_that_is_not_there_is_refused_in_words() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        if !std::path::Path::new("/run/systemd/system").is_dir() {
            for flag in ["--systemd", "--cgroup-manager=systemd", "--cgroup-manager=delegated"] {
                let run = root.exec([flag, "/bin/true"]).run().code(125);
                run.error(&["systemd is not the init of this host"]);
            }
        }
        before.assert_restored();
    });
}
