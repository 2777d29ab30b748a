//! Configuration files of every era run unchanged.

use std::os::fd::OwnedFd;

use e2e::{Cmd, Rootfs, Run, World, data, each_view, workspace};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

/// Two of the samples name the same control group, whoever runs them: one at a time on a machine.
fn alone() -> OwnedFd {
    let path = data("container-2014-05.json");
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    file
}

fn place(root: &Rootfs, sample: &str) {
    std::fs::copy(data(sample), root.file("container.json")).unwrap();
}

fn capabilities(run: &Run) -> Vec<String> {
    let all = run.fact("cap-eff").to_uppercase();
    let mut all: Vec<String> =
        all.split([' ', ',']).map(|cap| cap.trim_start_matches("CAP_").to_owned()).collect();
    all.sort_unstable();
    all
}

/// What no file of those years lists, and every container had.
fn system_is_there(root: &Rootfs, options: &[&str]) {
    let script = "set -e; cd /dev; for n in null zero full tty urandom random ptmx; do [ -c $n ]; \
                  done; for l in fd stdin stdout stderr; do [ -L $l ]; done; \
                  for m in /proc /dev /dev/pts /dev/shm /dev/mqueue /sys; do \
                  grep -q \" $m \" /proc/mounts; done; [ -e /proc/1/status ]; echo all";
    let run = root.exec(options).args(["/bin/sh", "-c", script]).run().code(0);
    assert_eq!(run.out, "all\n");
}

#[test]
fn may_2014() {
    each_view(|world: &World| {
        let _alone = alone();
        for root in world.roots() {
            place(&root, "container-2014-05.json");
            world.watch("docker-koye");
            // Without its bridge it cannot run, and says which.
            root.exec(["/bin/true"]).run().code(125).error(&["docker0"]);
            let ip = |line: &str| Cmd::new("ip", line.split(' ')).run().success();
            ip("link add docker0 type bridge");
            ip("addr add 172.17.42.1/16 dev docker0");
            ip("link set docker0 up");
            let before = world.snapshot();
            let run = root.exec(["/probe", "status"]).run().code(0);
            assert_eq!(run.fact("hostname"), "koye");
            let env = ["HOME=/", "container=docker", "TERM=xterm-256color"];
            assert!(env.iter().all(|variable| run.all("env").contains(variable)));
            let kept = capabilities(&run);
            assert!(kept.contains(&"MKNOD".to_owned()), "{kept:?}");
            assert!(kept.contains(&"CHOWN".to_owned()), "{kept:?}");
            for dropped in ["SYS_ADMIN", "NET_ADMIN", "SETPCAP", "SYS_TIME", "AUDIT_WRITE"] {
                assert!(!kept.contains(&dropped.to_owned()), "{dropped} is there: {kept:?}");
            }
            for line in run.all("cgroup") {
                let path = line.splitn(3, ':').nth(2).unwrap();
                let right = path.ends_with("/docker/docker-koye");
                assert!(right || e2e::is_out_of_reach(line), "{line}");
            }
            let script = "ip addr show eth0; cat /proc/net/route; ping -c 1 -w 5 172.17.42.1";
            let run = root.exec(["/bin/busybox", "sh", "-c", script]);
            if root.name().starts_with("bb") {
                let out = run.run().code(0).out;
                assert!(out.contains("172.17.42.2/16"), "{out}");
                assert!(out.contains("eth0\t00000000\t012A11AC"), "{out}");
            }
            system_is_there(&root, &[]);
            before.assert_restored();
            ip("link del docker0");
        }
    });
}

#[test]
fn june_2014() {
    each_view(|world: &World| {
        let _alone = alone();
        for root in world.roots() {
            place(&root, "container-2014-06.json");
            world.watch("docker-koye");
            let before = world.snapshot();
            let run = root.exec(["/probe", "status"]).run().code(0);
            assert_eq!(run.fact("hostname"), "koye");
            assert_eq!(run.fact("uid"), "1 1 1 1");
            let root_run = root.exec(["--user", "0", "/probe", "status"]).run().code(0);
            let wanted = "CHOWN DAC_OVERRIDE FOWNER KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP \
                          SETGID SETPCAP SETUID SYS_CHROOT";
            assert_eq!(capabilities(&root_run).join(" "), wanted);
            system_is_there(&root, &[]);
            system_is_there(&root, &["--user", "0"]);
            // `restrict_sys`: what tells or changes too much is read-only or not there.
            let open = ["--user", "0", "/probe", "open", "/proc/sys/kernel/hostname", "w"];
            let run = root.exec(open).run().code(1);
            assert!(run.out.contains("EROFS"), "{}", run.out);
            let mknod = "/probe mknod /tmp/m b 7 0; /probe open /tmp/m r; rm -f /tmp/m";
            let run = root.exec(["--user", "0", "/bin/sh", "-c", mknod]).run().code(0);
            assert!(run.out.contains("ok\nerror EPERM open /tmp/m"), "{}", run.out);
            before.assert_restored();
        }
    });
}

#[test]
fn of_2015() {
    each_view(|world: &World| {
        let _alone = alone();
        for root in world.roots() {
            place(&root, "container-2015.json");
            world.watch("nsinit/libcontainer");
            let before = world.snapshot();
            let run = root.exec(["/probe", "status"]).run().code(0);
            // Its root file system is in somebody else's home directory.
            assert_eq!(run.err.lines().count(), 1, "{}", run.err);
            assert!(run.err.contains("/home/michael/"), "{}", run.err);
            assert_eq!(run.fact("hostname"), "nsinit");
            assert_eq!(capabilities(&run).len(), 14);
            assert!(run.all("rlimit").contains(&"NOFILE 1024 1024"));
            assert_eq!(run.fact("pdeathsig"), "none");
            system_is_there(&root, &[]);
            let run = root.exec(["/probe", "open", "/proc/sys/kernel/hostname", "w"]).run().code(1);
            assert!(run.out.contains("EROFS"), "{}", run.out);
            let stat = root.exec(["/probe", "stat", "/dev/fuse"]).run().code(0);
            assert_eq!((stat.fact("rdev"), stat.fact("mode")), ("10:229", "0000"));
            before.assert_restored();
        }
    });
}

#[test]
fn an_oci_config_runs() {
    each_view(|world: &World| {
        for root in world.roots() {
            let bundle = world.path("bundle");
            std::fs::create_dir(&bundle).unwrap();
            let config = format!(
                r#"{{"ociVersion": "1.0.2", "hostname": "oci",
                "root": {{"path": "{}", "readonly": true}},
                "process": {{"cwd": "/tmp", "args": ["/probe", "status"], "user": {{"uid": 7, "gid": 8}},
                    "env": ["A=b"], "noNewPrivileges": true,
                    "capabilities": {{"bounding": ["CAP_KILL"], "effective": [], "permitted": []}},
                    "rlimits": [{{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}}]}},
                "mounts": [{{"destination": "/proc", "type": "proc", "source": "proc"}},
                    {{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}},
                    {{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
                      "options": ["nosuid", "size=1m"]}}],
                "linux": {{"namespaces": [{{"type": "pid"}}, {{"type": "mount"}}, {{"type": "uts"}},
                    {{"type": "ipc"}}, {{"type": "network"}}],
                    "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"]}}}}"#,
                root.path.display()
            );
            std::fs::write(bundle.join("config.json"), config).unwrap();
            let before = world.snapshot();
            let run = root.nsinit(["exec", "--config", "config.json"]).dir(&bundle).run().code(0);
            assert_eq!((run.fact("pid"), run.fact("hostname")), ("1", "oci"));
            assert_eq!((run.fact("uid"), run.fact("gid")), ("7 7 7 7", "8 8 8 8"));
            assert_eq!((run.fact("cwd"), run.fact("no-new-privs")), ("/tmp", "1"));
            assert!(run.all("rlimit").contains(&"NOFILE 100 200"));
            assert!(run.all("env").contains(&"A=b"));
            let words = ["exec", "--config", "config.json", "/probe", "open", "/x", "create"];
            let run = root.nsinit(words).dir(&bundle).run().code(1);
            assert!(run.out.contains("EROFS") || run.out.contains("EACCES"), "{}", run.out);
            before.assert_restored();
        }
    });
}

#[test]
fn every_example_runs() {
    each_view(|world: &World| {
        let examples = std::fs::read_dir(workspace().join("sample_configs")).unwrap().flatten();
        let mut names: Vec<_> = examples
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .collect();
        names.sort();
        assert!(names.len() >= 12, "{names:?}");
        Cmd::new("ip", "link add nsinit0 type bridge".split(' ')).run().success();
        Cmd::new("ip", "addr add 10.88.0.1/24 dev nsinit0".split(' ')).run().success();
        Cmd::new("ip", "link set nsinit0 up".split(' ')).run().success();
        for path in names {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            // Limits by version 2 need its controllers, which version 1 holds on some machines.
            let limits = ["limits", "memory-and-pids"].contains(&name.as_str());
            if limits && world.view == e2e::View::V2 && !has_memory() {
                e2e::skip(format!("{name}.json: no memory controller in the v2 view"));
                continue;
            }
            for root in world.roots() {
                if name == "user-namespace" {
                    let owner = ["-hR", "100000:100000", root.path.to_str().unwrap()];
                    Cmd::new("chown", owner).run().success();
                }
                std::fs::copy(&path, root.file("container.json")).unwrap();
                let run = root.sh("hostname; exit 3").run();
                assert!(run.status.code() == Some(3) && run.err.is_empty(), "{name}: {run:?}");
                let wanted = match name.as_str() {
                    "limits" => "demo",
                    "memory-and-pids" => "small",
                    "minimal" | "landlock" => "nsinit",
                    "numbered-seccomp" => "nomkdir",
                    "user-namespace" => "userns",
                    name => name,
                };
                assert!(run.out.trim() == wanted || name == "minimal", "{name}: {}", run.out);
                effects(&name, &root);
            }
        }
    });
}

fn has_memory() -> bool {
    std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers")
        .is_ok_and(|text| text.split_whitespace().any(|name| name == "memory"))
}

/// What an example is there to show.
fn effects(name: &str, root: &Rootfs) {
    let out = |script: &str| root.sh(script).run().out;
    match name {
        "readonly" => assert!(out("/probe open /x create; echo > /tmp/x").contains("EROFS")),
        "seccomp" => {
            assert!(out("/probe mkdir /tmp/x").contains("EPERM"));
            assert!(out("/probe socket 10 1 0").contains("EAFNOSUPPORT"));
            assert_eq!(out("/probe socket 2 1 0"), "ok\n");
        }
        "numbered-seccomp" => assert!(out("/probe mkdir /tmp/x").contains("EPERM")),
        "sysctl" => assert_eq!(out("cat /proc/sys/net/core/somaxconn"), "1024\n"),
        "user" => assert_eq!(out("id -u; id -g; umask; pwd"), "1000\n1000\n0077\n/tmp\n"),
        "user-namespace" => assert!(out("cat /proc/self/uid_map").contains("100000")),
        "devices" => {
            assert!(out("/probe open /dev/kmsg r").contains("EPERM"));
            assert!(out("/probe open /dev/zero w").contains("EPERM"));
            assert!(out("/probe stat /dev/queue").contains("type fifo"));
        }
        "veth" => {
            assert_eq!(out("cat /sys/class/net/eth0/address"), "02:42:0a:58:00:02\n");
            assert!(out("cat /proc/net/route").contains("eth0\t000200C0\t0100580A"));
        }
        "mounts" => {
            assert!(out("/probe open /host/etc/x create").contains("EROFS"));
            assert!(out("grep ' /work ' /proc/mounts").contains("size=32768k"));
            assert!(out("ls /sys/fs/cgroup").len() > 4);
        }
        "limits" => assert_eq!(out("ulimit -n"), "256\n"),
        "memory-and-pids" => assert_eq!(out("ulimit -n; ulimit -c"), "256\n0\n"),
        _ => {}
    }
}
