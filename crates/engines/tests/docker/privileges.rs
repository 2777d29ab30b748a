//! --user, --cap-add, --privileged, --security-opt, --sysctl.

use crate::docker;

#[test]
fn users_and_groups() {
    let Some(docker) = docker() else { return };
    let script = "id -u; id -g; id -G";
    for (options, lines) in [
        ("", "0\n0\n0"),
        ("--user 1234", "1234\n0\n0"),
        ("--user 1234:4321", "1234\n4321\n4321"),
        ("--user alice", "1000\n1000\n1000 29 44 1010 1011"),
        ("--user alice:wheel", "1000\n1010\n1010"),
        ("--user 1000", "1000\n1000\n1000 29 44 1010 1011"),
        ("--user bob --group-add render --group-add 77", "1001\n100\n77 100 44 1010 1011"),
    ] {
        let run = docker.sh(options, script).run().code(0);
        let sorted = |text: &str| {
            let mut words: Vec<u32> = text.split_whitespace().map(|w| w.parse().unwrap()).collect();
            words.sort_unstable();
            words.dedup();
            words
        };
        assert_eq!(sorted(&run.out), sorted(lines), "{options}: {}", run.out);
        assert_eq!(
            run.out.lines().take(2).collect::<Vec<_>>(),
            lines.lines().take(2).collect::<Vec<_>>()
        );
    }
    docker.expect(
        "--user alice",
        "echo $HOME; touch /x 2>/dev/null || echo no; touch ~/x && echo yes",
        "/home/alice\nno\nyes",
    );
}

/// The effective capabilities of a container's process, as a number.
#[track_caller]
fn capabilities(options: &str) -> Option<u64> {
    let docker = docker()?;
    let run = docker.sh(options, "grep CapEff /proc/self/status").run().code(0);
    Some(u64::from_str_radix(run.out.trim().trim_start_matches("CapEff:\t"), 16).unwrap())
}

#[test]
fn capabilities_are_added_and_dropped() {
    const CHOWN: u64 = 1;
    const NET_ADMIN: u64 = 1 << 12;
    let Some(default) = capabilities("") else { return };
    assert_eq!(default, 0xa804_25fb, "Docker's default set");
    assert_eq!(capabilities("--cap-add NET_ADMIN"), Some(default | NET_ADMIN));
    assert_eq!(
        capabilities("--cap-add CAP_NET_ADMIN --cap-drop chown"),
        Some((default | NET_ADMIN) & !CHOWN)
    );
    assert_eq!(capabilities("--cap-drop ALL"), Some(0));
    assert_eq!(capabilities("--cap-drop ALL --cap-add CHOWN"), Some(CHOWN));
    assert_eq!(capabilities("--user 1000"), Some(0));
    let docker = docker().unwrap();
    let privileged = docker.privileged();
    let all = capabilities(privileged).unwrap();
    assert!(all & default == default && all != default);
    let added = privileged.replace("--privileged", "--cap-add ALL");
    assert_eq!(capabilities(&added), Some(all));
    let other = "grep -E 'Cap(Bnd|Inh|Amb)' /proc/self/status | tr -d '\\t'";
    docker.expect(
        "--cap-drop ALL",
        other,
        "CapInh:0000000000000000\nCapBnd:0000000000000000\nCapAmb:0000000000000000",
    );
    // They are what the kernel goes by.
    docker.expect(
        "--cap-drop CHOWN",
        "chown 1000 /etc/passwd 2>&1 || :",
        "chown: /etc/passwd: Operation not permitted",
    );
}

#[test]
fn privileged_may_nearly_everything() {
    let Some(docker) = docker() else { return };
    let script = "mount -t tmpfs tmpfs /mnt && echo mounted; ls /dev | grep -c -x full; \
                  ls /dev | wc -l; sysctl -w net.ipv4.ip_forward=0 >/dev/null && echo written; \
                  grep -E '^Seccomp:' /proc/self/status | tr -d '\\t'; \
                  touch /sys/fs/cgroup/x 2>&1 | grep -c Read-only; dd if=/dev/kmsg count=0 2>/dev/null && echo kmsg";
    let run = docker.sh(docker.privileged(), script).run();
    let lines: Vec<_> = run.out.lines().collect();
    assert_eq!(lines[..2], ["mounted", "1"], "{}", run.out);
    assert!(lines[2].parse::<u32>().unwrap() > 20, "all the host's devices: {}", run.out);
    assert_eq!(lines[3..], ["written", "Seccomp:0", "0", "kmsg"], "{}", run.out);
    let run = docker.sh("", "mount -t tmpfs tmpfs /mnt 2>&1; ls /dev | wc -l").run();
    assert!(run.out.contains("permission denied"), "{}", run.out);
}

#[test]
fn no_new_privileges() {
    let Some(docker) = docker() else { return };
    let script = "grep NoNewPrivs /proc/self/status | tr -d '\\t'";
    docker.expect("", script, "NoNewPrivs:0");
    docker.expect("--security-opt no-new-privileges", script, "NoNewPrivs:1");
    let name = docker.background("--security-opt no-new-privileges", &["sleep", "1000"]);
    let run = docker.exec("", &name, script).run().code(0);
    assert_eq!(run.out, "NoNewPrivs:1\n");
    docker.remove(&[&name]);
}

#[test]
fn system_calls_are_filtered() {
    let Some(docker) = docker() else { return };
    let script = "grep ^Seccomp: /proc/self/status | tr -d '\\t'; unshare -m true 2>&1 | grep -c permitted; mkdir /x && echo made";
    docker.expect("", script, "Seccomp:2\n1\nmade");
    let profile = docker.sandbox.work.join("profile.json");
    let text = r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}"#;
    std::fs::write(&profile, text).unwrap();
    let options = format!("--security-opt seccomp={}", profile.display());
    docker.expect(
        &options,
        "mkdir /x 2>&1; grep ^Seccomp: /proc/self/status | tr -d '\\t'",
        "mkdir: can't create directory '/x': No space left on device\nSeccomp:2",
    );
    let script = "grep ^Seccomp: /proc/self/status | tr -d '\\t'";
    docker.expect("--security-opt seccomp=unconfined", script, "Seccomp:0");
    let kills = text.replace("SCMP_ACT_ERRNO\", \"errnoRet\": 28", "SCMP_ACT_KILL_PROCESS\"");
    std::fs::write(&profile, kills).unwrap();
    docker.sh(&options, "exec mkdir /x").run().code(159);
}

#[test]
fn system_paths_are_masked_and_read_only() {
    let Some(docker) = docker() else { return };
    let script = "cat /proc/kcore | wc -c; ls /proc/acpi 2>/dev/null | wc -l; ls /sys/firmware | wc -l; \
                  (echo 1 > /proc/sys/kernel/panic) 2>&1 | grep -c 'Read-only'; wc -c < /proc/keys";
    docker.expect("", script, "0\n0\n0\n1\n0");
    let script = "(: >> /proc/sys/kernel/panic) && echo writable; mount | grep -c ' /proc/'";
    let run = docker.sh("--security-opt systempaths=unconfined", script).run();
    assert!(run.out.starts_with("writable\n0"), "{} {}", run.out, run.err);
}

#[test]
fn sysctls_are_written() {
    let Some(docker) = docker() else { return };
    let options = "--sysctl net.ipv4.ip_forward=0 --sysctl net.core.somaxconn=77 \
                   --sysctl kernel.shmmni=99 --sysctl kernel.msgmax=4242";
    let script =
        "cd /proc/sys; cat net/ipv4/ip_forward net/core/somaxconn kernel/shmmni kernel/msgmax";
    docker.expect(options, script, "0\n77\n99\n4242");
    // What is not the container's own is refused.
    for name in ["kernel.panic=1", "net.core.somaxconn=notanumber"] {
        docker.run(&format!("--sysctl {name} busybox true")).run().code(125);
    }
    docker.run("--network host --sysctl net.core.somaxconn=77 busybox true").run().code(125);
    docker.run("--ipc host --sysctl kernel.msgmax=77 busybox true").run().code(125);
}
