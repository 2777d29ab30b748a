//! What of a container's processes survives a checkpoint and a restore, by their own view.

use e2e::counting::no_criu;
use e2e::{Bundle, World, each_view, skip, until};
use serde_json::json;

/// No flags.
const NONE: [&str; 0] = [];

/// Whether this process has CAP_SYS_RESOURCE.
fn may_raise_limits() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    u64::from_str_radix(effective.trim(), 16).unwrap() & (1 << 24) != 0
}

/// What the probe has said so far.
fn said(bundle: &Bundle) -> String {
    std::fs::read_to_string(bundle.path.join("rootfs/said")).unwrap_or_default()
}

/// Sets things up in a container, saves it, brings it back, and has the probe look.
#[track_caller]
fn survives(bundle: &mut Bundle, kinds: &[&str], flags: &[&str], back: &[&str]) {
    let script = format!("exec /probe survive /go {} >/said 2>&1", kinds.join(" "));
    bundle.sh(&script);
    bundle.detach();
    until("set up", || said(bundle).contains("ready") || said(bundle).contains("probe:"));
    assert!(said(bundle).contains("ready"), "{}", said(bundle));
    bundle.checkpoint("images", flags).run().success();
    bundle.restore("images", back).run().success();
    judge(bundle, kinds);
}

#[track_caller]
fn judge(bundle: &Bundle, kinds: &[&str]) {
    std::fs::write(bundle.path.join("rootfs/go"), "").unwrap();
    until("an answer", || said(bundle).contains("end\n"));
    let said = said(bundle);
    assert!(!said.contains("lost"), "{said}");
    for kind in kinds {
        assert!(said.contains(&format!("ok {kind}\n")), "{kind}: {said}");
    }
    bundle.delete();
    bundle.tidy(["images", "rootfs/go", "rootfs/said"]);
}

#[test]
fn what_processes_have() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let kinds = [
            "memory",
            "files",
            "unlinked",
            "pipes",
            "epoll",
            "timers",
            "signals",
            "processes",
            "threads",
            "unix",
            "udp",
            "tmpfs",
            "shared",
            "devices",
        ];
        survives(&mut bundle, &kinds, &NONE, &NONE);
    });
}

#[test]
fn what_asks_for_a_flag() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        for (kind, flags, back) in [
            ("locks", "--file-locks", "--file-locks"),
            ("linked", "--link-remap", "--detach"),
            ("tcp", "--tcp-established", "--tcp-established"),
        ] {
            // First without: refused, and it goes on.
            bundle.sh(&format!("exec /probe survive /go {kind} >/said 2>&1"));
            bundle.detach();
            until("set up", || said(&bundle).contains("ready"));
            let run = bundle.checkpoint("images", NONE).run().code(1);
            run.error(&["checkpointing container", "dump.log"]);
            assert_eq!(bundle.status(), "running");
            judge(&bundle, &[kind]);
            survives(&mut bundle, &[kind], &[flags], &[back]);
        }
    });
}

#[test]
fn who_they_are() {
    if no_criu() {
        return;
    }
    if !may_raise_limits() {
        return skip(
            "CRIU asks for the limits of another user's process: CAP_SYS_RESOURCE is missing",
        );
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/process/user", json!({"uid": 1000, "gid": 1000, "additionalGids": [5, 1010]}));
        bundle.set(
            "/process/capabilities",
            json!({
            "bounding": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_KILL"],
            "permitted": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}),
        );
        bundle.set("/process/rlimits", json!([{"type": "RLIMIT_CORE", "soft": 7, "hard": 7}]));
        bundle.set("/process/oomScoreAdj", json!(321));
        bundle.set(
            "/linux/seccomp",
            json!({
            "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42}]}),
        );
        let path = bundle.path.join("rootfs");
        std::fs::write(path.join("said"), "").unwrap();
        std::os::unix::fs::chown(path.join("said"), Some(1000), Some(1000)).unwrap();
        survives(&mut bundle, &["memory", "threads"], &NONE, &NONE);
    });
}

#[test]
fn what_they_may() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/process/user", json!({"uid": 0, "gid": 0, "additionalGids": [5, 1010]}));
        bundle.set(
            "/process/capabilities",
            json!({"bounding": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_KILL"],
                "permitted": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}),
        );
        bundle.set("/process/oomScoreAdj", json!(321));
        bundle.set("/process/rlimits", json!([{"type": "RLIMIT_CORE", "soft": 7, "hard": 7}]));
        bundle.set("/process/noNewPrivileges", json!(false));
        bundle.set(
            "/linux/seccomp",
            json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42}]}),
        );
        survives(&mut bundle, &["memory", "threads"], &NONE, &NONE);
    });
}

#[test]
fn where_they_are() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        let data = world.path("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("file"), "the host's").unwrap();
        let below = data.join("below");
        std::fs::create_dir(&below).unwrap();
        e2e::Cmd::new("mount", ["-t", "tmpfs", "below"]).args([&below]).run().success();
        let data = data.to_str().unwrap();
        bundle.push(
            "/mounts",
            json!({"destination": "/data", "type": "bind", "source": data,
            "options": ["rbind", "ro"]}),
        );
        bundle.push(
            "/mounts",
            json!({"destination": "/plain", "type": "bind",
            "source": format!("{data}/file"), "options": ["bind", "nosuid", "noexec"]}),
        );
        bundle.push(
            "/mounts",
            json!({"destination": "/sys", "type": "sysfs", "source": "sysfs",
            "options": ["nosuid", "noexec", "nodev", "ro"]}),
        );
        bundle.push(
            "/mounts",
            json!({"destination": "/sys/fs/cgroup", "type": "cgroup",
            "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "ro"]}),
        );
        bundle.push(
            "/mounts",
            json!({"destination": "/dev/mqueue", "type": "mqueue",
            "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]}),
        );
        for path in ["/proc/keys", "/proc/acpi", "/sys/firmware", "/proc/timer_list"] {
            bundle.push("/linux/maskedPaths", path);
        }
        for path in ["/proc/bus", "/proc/irq", "/proc/sysrq-trigger"] {
            bundle.push("/linux/readonlyPaths", path);
        }
        bundle.push(
            "/linux/devices",
            json!({"path": "/dev/fuse", "type": "c", "major": 10,
            "minor": 229, "fileMode": 0o666, "uid": 0, "gid": 0}),
        );
        bundle.set("/hostname", "survivor");
        survives(&mut bundle, &["tmpfs", "devices", "shared"], &NONE, &NONE);
        e2e::Cmd::new("umount", [&below]).run().success();
    });
}
