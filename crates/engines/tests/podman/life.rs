//! stop, kill, pause, restart, update, stats, top, logs, healthchecks.

use e2e::until;

use crate::podman;

#[test]
fn stop_kill_pause_start() {
    let Some(podman) = podman() else { return };
    let script =
        "trap 'exit 3' TERM; trap 'echo usr1' USR1; echo ready; while :; do sleep 0.1; done";
    let name = podman.background("--network none", &["sh", "-c", script]);
    let log = || podman.cli(["logs", &name]).run().out;
    until("ready", || log().contains("ready"));
    podman.cli(["kill", "--signal", "USR1", &name]).run().code(0);
    until("the signal", || log().contains("usr1"));
    podman.cli(["pause", &name]).run().code(0);
    assert_eq!(podman.inspect(&name, ".State.Status"), "paused");
    assert!(!podman.exec("", &name, "true").run().status.success());
    podman.cli(["unpause", &name]).run().code(0);
    podman.exec("", &name, "exit 4").run().code(4);
    podman.cli(["stop", "--time", "20", &name]).run().code(0);
    assert_eq!(podman.inspect(&name, ".State.ExitCode"), "3");
    podman.cli(["start", &name]).run().code(0);
    podman.cli(["restart", "--time", "0", &name]).run().code(0);
    podman.cli(["kill", &name]).run().code(0);
    assert_eq!(podman.cli(["wait", &name]).run().code(0).out.trim(), "137");
    podman.remove(&[&name]);
    let deaf =
        podman.background("--network none", &["sh", "-c", "trap '' TERM; sleep 1000 & wait; wait"]);
    podman.cli(["stop", "--time", "1", &deaf]).run().code(0);
    assert_eq!(podman.inspect(&deaf, ".State.ExitCode"), "137");
    // A paused one can be removed.
    podman.cli(["start", &deaf]).run().code(0);
    podman.cli(["pause", &deaf]).run().code(0);
    podman.remove(&[&deaf]);
}

#[test]
fn restart_policies_start_it_again() {
    let Some(podman) = podman() else { return };
    let name =
        podman.background("--network none --restart on-failure:2", &["sh", "-c", "echo x; exit 5"]);
    until("it gave up", || {
        podman.inspect(&name, ".RestartCount") == "2"
            && podman.inspect(&name, ".State.Status") == "exited"
    });
    assert_eq!(podman.cli(["logs", &name]).run().out, "x\nx\nx\n");
    podman.remove(&[&name]);
}

#[test]
fn what_is_told_of_a_running_one() {
    let Some(podman) = podman() else { return };
    let name = podman.background("--memory 64m", &["sh", "-c", "sleep 1000 & sleep 1001"]);
    let format = "{{.PIDs}}|{{.MemUsage}}";
    let run = podman.cli(["stats", "--no-stream", "--format", format, &name]).run().code(0);
    assert!(run.out.starts_with(['2', '3']) && run.out.contains("67.11MB"), "{}", run.out);
    let run = podman.cli(["top", &name]).run().code(0);
    assert!(run.out.contains("sleep 1000"), "{}", run.out);
    let run = podman.cli(["ps", "--format", "{{.Names}} {{.Status}}"]).run().code(0);
    assert!(run.out.contains(&format!("{name} Up")), "{}", run.out);
    let work = podman.sandbox.directory("cp");
    std::fs::write(work.join("in"), "carried in").unwrap();
    let from = work.join("in").display().to_string();
    podman.cli(["cp", &from, &format!("{name}:/tmp/here")]).run().code(0);
    assert_eq!(podman.exec("", &name, "cat /tmp/here").run().code(0).out, "carried in");
    // Changed as it runs.
    let update = ["update", "--memory", "128m", "--cpus", "0.25"];
    podman.cli(update).args([&name]).run().code(0);
    let read = |file: &str| podman.exec("", &name, &format!("cat /sys/fs/cgroup/{file}")).run().out;
    assert_eq!(read("memory/memory.limit_in_bytes"), "134217728\n");
    assert_eq!(read("cpu/cpu.cfs_quota_us"), "25000\n");
    podman.remove(&[&name]);
}

#[test]
fn health_is_asked_for() {
    let Some(podman) = podman() else { return };
    let name = podman.sandbox.name("health");
    // No systemd, no timer: it is asked by hand.
    let run = podman.cli(["run", "--detach", "--pull=never", "--name", &name, "--network", "none"]);
    let run = run.args(podman.parent());
    let run = run.args(["--health-cmd", "test -e /well", "--health-interval", "disable"]);
    let run = run.args([engines::Podman::IMAGE, "sleep", "1000"]).run();
    run.code(0);
    podman.cli(["healthcheck", "run", &name]).run().code(1);
    podman.exec("", &name, "echo > /well").run().code(0);
    podman.cli(["healthcheck", "run", &name]).run().code(0);
    podman.remove(&[&name]);
}
