//! Limits, mounts, users and namespaces.

use crate::podman;

#[test]
fn limits_are_set() {
    let Some(podman) = podman() else { return };
    let options = "--network none --memory 64m --memory-swap 96m --cpus 0.5 --cpu-shares 300 \
                   --cpuset-cpus 1 --pids-limit 33 --ulimit nofile=123:456 --ulimit nproc=2048:4096 --oom-score-adj 500 \
                   --shm-size 2m";
    let script = "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes \
                  memory/memory.memsw.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.shares \
                  cpuset/cpuset.cpus pids/pids.max /proc/self/oom_score_adj; ulimit -n; ulimit -Hn; \
                  df -k /dev/shm | tail -n 1 | awk '{ print $2 }'";
    podman.expect(options, script, "67108864\n100663296\n50000\n300\n1\n33\n500\n123\n456\n2048");
}

#[test]
fn no_limit_of_processes_is_none() {
    let Some(podman) = podman() else { return };
    for limit in ["0", "-1"] {
        let options = format!("--network none --pids-limit {limit}");
        podman.expect(&options, "cat /sys/fs/cgroup/pids/pids.max; ls /bin/sh | wc -l", "max\n1");
    }
}

#[test]
fn mounts_have_their_options() {
    let Some(podman) = podman() else { return };
    let from = podman.sandbox.directory("source");
    std::fs::write(from.join("file"), "host\n").unwrap();
    let from = from.display();
    let refused = "cat /m/file; touch /m/x 2>/dev/null || echo refused";
    for option in ["ro", "ro,z", "ro,rslave", "O,upperdir=/nosuch"].iter().take(3) {
        podman.expect(&format!("--network none -v {from}:/m:{option}"), refused, "host\nrefused");
    }
    // An overlay of its own: what is written is gone afterwards.
    let write = "cat /m/file; echo written > /m/new && cat /m/new";
    podman.expect(&format!("--network none -v {from}:/m:O"), write, "host\nwritten");
    assert!(!std::path::Path::new(&format!("{from}/new")).exists());
    let flags = "grep ' /m ' /proc/self/mounts | cut -d' ' -f4 | tr , '\\n' | grep -E '^(ro|no)' | sort | tr '\\n' ' '";
    podman.expect(
        &format!("--network none -v {from}:/m:ro,nosuid,nodev,noexec"),
        flags,
        "nodev noexec nosuid ro",
    );
    podman.expect(
        "--network none --tmpfs /m:size=1m,mode=1750",
        "stat -c %a /m; df -k /m | tail -n 1 | awk '{ print $2 }'",
        "1750\n1024",
    );
    podman.expect(
        "--network none --read-only",
        "touch /x 2>/dev/null || echo no; touch /tmp/x && echo yes",
        "no\nyes",
    );
    podman.expect("--network none -v named:/etc", "grep -c ^alice: /etc/passwd", "1");
    podman.cli(["volume", "rm", "named"]).run().code(0);
    // The target of a device, and one without any.
    podman.expect("--network none --device /dev/fuse", "exec 3</dev/fuse && echo opened", "opened");
    podman.expect(
        "--network none --security-opt unmask=ALL",
        "(: >> /proc/sys/kernel/panic) && ls /sys/firmware >/dev/null && echo seen",
        "seen",
    );
}

#[test]
fn users_and_namespaces() {
    let Some(podman) = podman() else { return };
    let hosts = |kind: &str| {
        podman.sandbox.command("readlink", [format!("/proc/self/ns/{kind}")]).run().code(0).out
    };
    for (option, kind) in
        [("network", "net"), ("pid", "pid"), ("ipc", "ipc"), ("uts", "uts"), ("cgroupns", "cgroup")]
    {
        let run = podman
            .run(&format!("--{option} host"), &["readlink", &format!("/proc/self/ns/{kind}")]);
        assert_eq!(run.run().code(0).out, hosts(kind), "{kind}");
    }
    let maps = "--network none --uidmap 0:400000:65536 --gidmap 0:500000:65536";
    podman.expect(
        maps,
        "tr -s ' ' </proc/self/uid_map; id -u; touch /x; stat -c %u:%g /x /etc/passwd",
        " 0 400000 65536\n0\n0:0\n0:0",
    );
    let name = podman.background(maps, &["sleep", "1000"]);
    let pid = podman.inspect(&name, ".State.Pid");
    let run = podman.sandbox.sh(&format!("stat -c %u:%g /proc/{pid}")).run().code(0);
    assert_eq!(run.out, "400000:500000\n");
    podman.exec("--user alice", &name, "test $(id -u) = 1000").run().code(0);
    podman.remove(&[&name]);
    // What another has.
    let first = podman.background("--ipc shareable --network none", &["sleep", "1000"]);
    let script = "cat /proc/1/comm; ls /sys/class/net";
    podman.expect(
        &format!("--pid container:{first} --network container:{first} --ipc container:{first}"),
        script,
        "sleep\nlo",
    );
    podman.remove(&[&first]);
}

#[test]
fn privileges() {
    let Some(podman) = podman() else { return };
    let status = "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'";
    let drop = "--network none --cap-drop ALL --security-opt no-new-privileges";
    podman.expect(drop, status, "CapEff:0000000000000000\nNoNewPrivs:1\nSeccomp:2");
    let add = "--network none --cap-drop ALL --cap-add CHOWN --security-opt seccomp=unconfined";
    podman.expect(add, status, "CapEff:0000000000000001\nNoNewPrivs:0\nSeccomp:0");
    let sysctl = "--network none --sysctl net.core.somaxconn=77 --sysctl kernel.shmmni=99";
    podman.expect(sysctl, "cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shmmni", "77\n99");
}
