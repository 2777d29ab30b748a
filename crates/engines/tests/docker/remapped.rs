//! A daemon whose containers have a user namespace: dockerd --userns-remap.

use engines::{Docker, View};

#[test]
fn roots_are_nobody_outside() {
    if !engines::in_time() {
        return;
    }
    let docker = Docker::remapped("remapped", View::Host).unwrap();
    docker.expect(
        "",
        "cat /proc/self/uid_map | tr -s ' '; id -u; touch /x && stat -c %u /x",
        " 0 300000 65536\n0\n0",
    );
    docker.expect("--user 1000:100", "id -u; id -g", "1000\n100");
    // Mounts, devices, limits, a terminal, exec.
    docker.expect("--memory 64m --tmpfs /m --read-only --cap-add NET_ADMIN", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes; touch /m/x && echo fine; ip link set lo down && echo down", "67108864\nfine\ndown");
    let name = docker.background("--tty", &["sleep", "1000"]);
    let run = docker
        .exec(
            "",
            &name,
            "id -u; for p in self 1; do readlink /proc/$p/ns/user; done | uniq | wc -l",
        )
        .run()
        .code(0);
    assert_eq!(run.out, "0\n1\n");
    let outside = docker.inspect(&name, ".State.Pid");
    let run = docker.sandbox.sh(&format!("stat -c %u /proc/{outside}")).run().code(0);
    assert_eq!(run.out, "300000\n");
    docker.remove(&[&name]);
    let hosts = docker.sandbox.command("readlink", ["/proc/self/ns/user"]).run().code(0).out;
    docker.expect("--userns host", "readlink /proc/self/ns/user", hosts.trim());
    docker.run("--network host --privileged busybox true").run().code(125);
    let privileged = docker.privileged();
    docker.sh(&format!("--network host --userns host {privileged}"), "true").run().code(0);
}
