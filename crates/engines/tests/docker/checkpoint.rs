//! `docker checkpoint` and `docker start --checkpoint`, which are experimental.

use e2e::until;
use engines::Docker;

use crate::docker;

/// Counts, and ends with 3 when it is told to.
const COUNT: &str = "trap 'exit 3' TERM; i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done";

fn numbers(docker: &Docker, name: &str) -> Vec<u32> {
    let logs = docker.cli(["logs", name]).run().code(0).out;
    logs.lines().map(|line| line.trim().parse().unwrap()).collect()
}

#[track_caller]
fn counts_on(docker: &Docker, name: &str) {
    let before = numbers(docker, name).len();
    until("it counts", || numbers(docker, name).len() > before + 2);
}

/// Starts it from a checkpoint. containerd, which is lent the images, may still have them from
/// when they were made; and Docker takes that for an error until they are swept away.
#[track_caller]
fn start(docker: &Docker, name: &str, checkpoint: &str) {
    let mut said = String::new();
    until("it is back", || {
        let run = docker.cli(["start", "--checkpoint", checkpoint, name]).run();
        let swept = run.status.success() || !run.err.contains("already exists");
        said = run.err;
        swept
    });
    assert_eq!(docker.inspect(name, ".State.Status"), "running", "{said}");
}

#[test]
fn it_counts_on_where_it_left_off() {
    let Some(docker) = docker() else { return };
    if !engines::has_criu() {
        return;
    }
    for options in [
        // On the bridge, which a hook of Docker's connects it to.
        "--publish 80",
        "--network none --tty",
        "--network host --init --volume /usr:/mnt:ro --volume named:/volume",
        "--network none --read-only --tmpfs /fresh --memory 64m --cpus 0.5 --pids-limit 50",
        "--network none --pid host --ipc shareable --hostname other --cap-drop all",
    ] {
        let name = docker.background(options, &["sh", "-c", COUNT]);
        counts_on(docker, &name);
        docker.cli(["checkpoint", "create", &name, "first"]).run().code(0);
        until("its end", || docker.inspect(&name, ".State.Status") == "exited");
        let address = docker.inspect(&name, ".HostConfig.NetworkMode");
        start(docker, &name, "first");
        counts_on(docker, &name);
        let all = numbers(docker, &name);
        assert_eq!(all, (0..all.len() as u32).collect::<Vec<_>>(), "{options}");
        if address == "default" {
            let run = docker.exec("", &name, "ip -4 addr show eth0").run().code(0);
            let at = docker.inspect(&name, ".NetworkSettings.IPAddress");
            assert!(run.out.contains(&format!("inet {at}/")), "{}", run.out);
        }
        docker.cli(["stop", "--time", "20", &name]).run().code(0);
        assert_eq!(docker.inspect(&name, ".State.ExitCode"), "3", "{options}");
        docker.remove(&[&name]);
    }
}

#[test]
fn it_may_go_on_and_checkpoints_are_listed_and_removed() {
    let Some(docker) = docker() else { return };
    if !engines::has_criu() {
        return;
    }
    let name = docker.background("--network none", &["sh", "-c", COUNT]);
    counts_on(docker, &name);
    let pid = docker.inspect(&name, ".State.Pid");
    docker.cli(["checkpoint", "create", "--leave-running", &name, "one"]).run().code(0);
    assert_eq!(docker.inspect(&name, ".State.Pid"), pid);
    counts_on(docker, &name);
    let place = docker.sandbox.directory("checkpoints");
    let place = place.display().to_string();
    let elsewhere = ["--leave-running", "--checkpoint-dir", &place];
    docker.cli(["checkpoint", "create"]).args(elsewhere).args([&name, "two"]).run().code(0);
    assert!(std::fs::exists(format!("{place}/two/inventory.img")).unwrap());
    let list = || docker.cli(["checkpoint", "ls", &name]).run().code(0).out;
    assert!(list().contains("one") && !list().contains("two"), "{}", list());
    // Where it was, it begins again, a second time, too.
    for _ in 0..2 {
        docker.cli(["kill", &name]).run().code(0);
        until("its end", || docker.inspect(&name, ".State.Status") == "exited");
        start(docker, &name, "one");
        counts_on(docker, &name);
    }
    docker.cli(["checkpoint", "rm", &name, "one"]).run().code(0);
    assert!(!list().contains("one"), "{}", list());
    docker.remove(&[&name]);
}

#[test]
fn what_cannot_be_saved_goes_on() {
    let Some(docker) = docker() else { return };
    if !engines::has_criu() {
        return;
    }
    // Docker has no word for open connections.
    let script = "sleep 1000 | nc -l -p 7 & sleep 0.3; sleep 1000 | nc 127.0.0.1 7 & \
                  sleep 0.3; echo up; wait";
    let name = docker.background("--network none", &["sh", "-c", script]);
    until("up", || docker.cli(["logs", &name]).run().out.contains("up"));
    let run = docker.cli(["checkpoint", "create", &name, "bad"]).run();
    assert!(!run.status.success());
    assert!(run.err.contains("CRIU failed") && run.err.contains("tcp"), "{}", run.err);
    assert_eq!(docker.inspect(&name, ".State.Status"), "running");
    docker.exec("", &name, "true").run().code(0);
    docker.remove(&[&name]);
}
