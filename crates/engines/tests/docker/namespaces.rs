//! --network, --pid, --ipc, --uts, --cgroupns, --cgroup-parent.

use crate::docker;

/// The sandbox's namespace of a kind: the engine's host.
fn host(docker: &engines::Docker, kind: &str) -> String {
    docker.sandbox.command("readlink", [format!("/proc/self/ns/{kind}")]).run().code(0).out
}

fn of(docker: &engines::Docker, options: &str, kind: &str) -> String {
    docker
        .run(options)
        .args(["busybox", "readlink", &format!("/proc/self/ns/{kind}")])
        .run()
        .code(0)
        .out
}

#[test]
fn each_is_new_or_the_hosts() {
    let Some(docker) = docker() else { return };
    for (option, kind) in [("network", "net"), ("pid", "pid"), ("ipc", "ipc"), ("uts", "uts")] {
        let hosts = host(docker, kind);
        assert_ne!(of(docker, "", kind), hosts, "{kind}");
        assert_eq!(of(docker, &format!("--{option} host"), kind), hosts, "{kind}");
    }
    assert_ne!(of(docker, "", "mnt"), host(docker, "mnt"));
    assert_eq!(of(docker, "", "user"), host(docker, "user"));
    let hosts = host(docker, "cgroup");
    assert_eq!(of(docker, "--cgroupns host", "cgroup"), hosts);
    assert_ne!(of(docker, "--cgroupns private", "cgroup"), hosts);
    docker.expect("--uts host", "hostname", "engines");
    docker.run("--uts host --hostname other busybox true").run().code(125);
}

#[test]
fn each_can_be_another_containers() {
    let Some(docker) = docker() else { return };
    let name = docker.background("--ipc shareable --hostname first", &["sleep", "1000"]);
    for (option, kind) in [("network", "net"), ("pid", "pid"), ("ipc", "ipc")] {
        let theirs =
            docker.exec("", &name, &format!("readlink /proc/self/ns/{kind}")).run().code(0).out;
        assert_eq!(of(docker, &format!("--{option} container:{name}"), kind), theirs);
    }
    // Their processes are seen, their loopback reached, their shared memory shared.
    let options =
        format!("--pid container:{name} --network container:{name} --ipc container:{name}");
    docker
        .exec("--detach", &name, "echo x > /dev/shm/x; nc -l -p 7777 -e echo hello")
        .run()
        .code(0);
    let script = "cat /proc/1/comm; until grep -q ':1E61 ' /proc/net/tcp*; do sleep 0.1; done; \
                  nc 127.0.0.1 7777 </dev/null; cat /dev/shm/x; hostname";
    docker.expect(&options, script, "sleep\nhello\nx\nfirst");
    docker.remove(&[&name]);
}

#[test]
fn kinds_of_networks() {
    let Some(docker) = docker() else { return };
    docker.expect(
        "--network none",
        "ls /sys/class/net | sort; ip -4 -o addr show lo | wc -l",
        "lo\n1",
    );
    docker.expect("--network bridge", "ls /sys/class/net | sort", "eth0\nlo");
    docker.expect(
        "--network bridge --mac-address 02:11:22:33:44:55",
        "cat /sys/class/net/eth0/address",
        "02:11:22:33:44:55",
    );
    let run = docker.sh("--network host", "ip -o link").run().code(0);
    assert!(run.out.contains("docker0"), "{}", run.out);
}

#[test]
fn kinds_of_ipc() {
    let Some(docker) = docker() else { return };
    docker.expect(
        "--ipc none",
        "test -d /dev/shm && touch /dev/shm/x 2>/dev/null; mount | grep -c /dev/shm || :",
        "0",
    );
    docker.expect("--ipc private", "mount | grep -c ' /dev/shm '", "1");
    let name = docker.background("--ipc private", &["sleep", "1000"]);
    let run = docker.run(&format!("--ipc container:{name} busybox true")).run().code(125);
    assert!(run.err.contains("non-shareable IPC"), "{}", run.err);
    docker.remove(&[&name]);
}

#[test]
fn init_is_pid_1_and_reaps() {
    let Some(docker) = docker() else { return };
    let script = "cat /proc/1/comm; (sleep 0.1 & exec true); sleep 0.4; \
                  grep -c '^State:.Z' /proc/[0-9]*/status | grep -c ':1'";
    let run = docker.sh("--init", &format!("{script} || :")).run().code(0);
    assert_eq!(run.out, "docker-init\n0\n");
    docker.sh("--init", "exit 6").run().code(6);
}

#[test]
fn control_groups_have_a_parent() {
    let Some(docker) = docker() else { return };
    let tag = &docker.sandbox.tag;
    let run = docker.sh("--cgroupns host", "cat /proc/self/cgroup").run().code(0);
    assert!(run.out.contains(&format!(":/{tag}/")), "{}", run.out);
    let run = docker
        .sh(&format!("--cgroupns host --cgroup-parent /{tag}-other/deep"), "cat /proc/self/cgroup");
    let run = run.run().code(0);
    assert!(run.out.contains(&format!(":/{tag}-other/deep/")), "{}", run.out);
    docker.expect("--cgroupns private", "grep :memory: /proc/self/cgroup | cut -d: -f3", "/");
    // What is mounted is its own group, and not to be written to.
    let script = "cd /sys/fs/cgroup/memory && test -e memory.limit_in_bytes && ls | grep -c docker; \
                  echo 1m 2>&1 >memory.limit_in_bytes | grep -c Read-only; mkdir x 2>/dev/null || echo no";
    let run = docker.sh("", script).run();
    assert!(run.out.contains("0\n") && run.out.contains("no"), "{} {}", run.out, run.err);
}
