//! A daemon that sees control groups of version 2 only. Their controllers are not here where
//! version 1 holds them; freezing, killing and device rules are.

use e2e::until;
use engines::{Docker, View};

#[test]
fn containers_live_in_version_2() {
    if !engines::in_time() {
        return;
    }
    let docker = Docker::start("docker-v2", View::V2).unwrap();
    docker.sh("", "exit 7").run().code(7);
    // A namespace of its own is the default there.
    docker.expect("", "grep ^0: /proc/self/cgroup; mount | grep -c 'type cgroup2 (ro,'", "0::/\n1");
    let run = docker.sh("--cgroupns host", "cat /proc/self/cgroup").run().code(0);
    assert!(run.out.contains(&docker.sandbox.tag), "{}", run.out);
    // Device rules are a program of the group.
    let make = "mknod /tmp/fuse c 10 229; (exec 3</tmp/fuse) 2>&1 | grep -c permitted";
    docker.expect("", make, "1");
    docker.expect("--device /dev/fuse", "exec 3</dev/fuse && echo opened", "opened");
    docker.expect(docker.privileged(), "exec 3</dev/fuse && echo opened", "opened");
    let name = docker.background("", &["sh", "-c", "while :; do echo tick; sleep 0.05; done"]);
    let ticks = || docker.cli(["logs", &name]).run().out.matches("tick").count();
    until("ticks", || ticks() > 2);
    docker.cli(["pause", &name]).run().code(0);
    let before = ticks();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(ticks(), before);
    docker.cli(["unpause", &name]).run().code(0);
    until("ticks again", || ticks() > before);
    let run = docker.exec("", &name, "grep ^0: /proc/self/cgroup").run().code(0);
    assert_eq!(run.out, "0::/\n");
    docker.cli(["stop", "--time", "1", &name]).run().code(0);
    assert_eq!(docker.inspect(&name, ".State.ExitCode"), "137");
    docker.cli(["start", &name]).run().code(0);
    docker.remove(&[&name]);
}
