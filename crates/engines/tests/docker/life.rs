//! create, start, stop, kill, pause, restart, update, and what is told of a container.

use e2e::until;

use crate::docker;

/// Says `ready`, then waits for TERM, which ends it with 3.
const OBEYS: &[&str] = &["sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done"];

#[track_caller]
fn until_ready(docker: &engines::Docker, name: &str) {
    until("ready in the log", || docker.cli(["logs", name]).run().out.contains("ready"));
}

#[test]
fn stop_asks_and_then_kills() {
    let Some(docker) = docker() else { return };
    let name = docker.background("", OBEYS);
    until_ready(docker, &name);
    docker.cli(["stop", "--time", "20", &name]).run().code(0);
    assert_eq!(docker.inspect(&name, ".State.ExitCode"), "3");
    docker.cli(["start", &name]).run().code(0);
    until("ready again", || docker.cli(["logs", &name]).run().out.matches("ready").count() == 2);
    docker.cli(["restart", "--time", "20", &name]).run().code(0);
    assert_eq!(docker.inspect(&name, ".State.Running"), "true");
    // One that does not listen, and its children.
    let deaf = docker.background("", &["sh", "-c", "trap '' TERM; sleep 1000 & wait; wait"]);
    docker.cli(["stop", "--time", "1", &deaf]).run().code(0);
    assert_eq!(docker.inspect(&deaf, ".State.ExitCode"), "137");
    docker.remove(&[&name, &deaf]);
}

#[test]
fn kill_sends_any_signal() {
    let Some(docker) = docker() else { return };
    let script = "trap 'echo got-usr1' USR1; trap 'exit 12' HUP; echo ready; \
                  while :; do sleep 0.1; done";
    let name = docker.background("--stop-signal HUP", &["sh", "-c", script]);
    until_ready(docker, &name);
    for signal in ["USR1", "SIGUSR1", "10"] {
        docker.cli(["kill", "--signal", signal, &name]).run().code(0);
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    until("three", || docker.cli(["logs", &name]).run().out.matches("got-usr1").count() == 3);
    docker.cli(["stop", "--time", "20", &name]).run().code(0);
    assert_eq!(docker.inspect(&name, ".State.ExitCode"), "12");
    docker.cli(["start", &name]).run().code(0);
    docker.cli(["kill", &name]).run().code(0);
    let run = docker.cli(["wait", &name]).run().code(0);
    assert_eq!(run.out.trim(), "137");
    let run = docker.cli(["kill", &name]).run().code(1);
    assert!(run.err.contains("is not running"), "{}", run.err);
    docker.remove(&[&name]);
}

#[test]
fn pause_holds_everything_until_unpause() {
    let Some(docker) = docker() else { return };
    let name = docker.background("", &["sh", "-c", "while :; do echo tick; sleep 0.05; done"]);
    let ticks = || docker.cli(["logs", &name]).run().out.matches("tick").count();
    until("ticks", || ticks() > 2);
    docker.cli(["pause", &name]).run().code(0);
    assert_eq!(docker.inspect(&name, ".State.Status"), "paused");
    let before = ticks();
    std::thread::sleep(std::time::Duration::from_millis(400));
    assert_eq!(ticks(), before);
    let run = docker.cli(["pause", &name]).run().code(1);
    assert!(run.err.contains("already paused"), "{}", run.err);
    let run = docker.exec("", &name, "true").run().code(1);
    assert!(run.err.contains("is paused"), "{}", run.err);
    docker.cli(["unpause", &name]).run().code(0);
    until("ticks again", || ticks() > before);
    // A paused one can be removed too.
    docker.cli(["pause", &name]).run().code(0);
    docker.remove(&[&name]);
}

#[test]
fn create_start_attach_wait_remove() {
    let Some(docker) = docker() else { return };
    let name = docker.sandbox.name("created");
    let create = ["create", "--name", &name, "busybox", "sh", "-c", "echo said; exit 4"];
    docker.cli(create).run().code(0);
    assert_eq!(docker.inspect(&name, ".State.Status"), "created");
    let run = docker.cli(["start", "--attach", &name]).run().code(4);
    assert_eq!(run.out, "said\n");
    docker.cli(["start", &name]).run().code(0);
    assert_eq!(docker.cli(["wait", &name]).run().code(0).out, "4\n");
    assert_eq!(docker.cli(["logs", &name]).run().code(0).out, "said\nsaid\n");
    docker.cli(["rm", &name]).run().code(0);
    docker.cli(["inspect", &name]).run().code(1);
}

#[test]
fn restart_policies_start_it_again() {
    let Some(docker) = docker() else { return };
    let failing = docker.background("--restart on-failure:2", &["sh", "-c", "echo x; exit 5"]);
    until("it gave up", || {
        docker.inspect(&failing, ".RestartCount") == "2"
            && docker.inspect(&failing, ".State.Status") == "exited"
    });
    assert_eq!(docker.cli(["logs", &failing]).run().out, "x\nx\nx\n");
    let good = docker.background("--restart on-failure:2", &["true"]);
    docker.cli(["wait", &good]).run().code(0);
    assert_eq!(docker.inspect(&good, ".RestartCount"), "0");
    // Killed from inside, it comes back; stopped by its owner, it does not.
    let always = docker.background("--restart always", OBEYS);
    until_ready(docker, &always);
    docker.exec("", &always, "kill -TERM 1").run().code(0);
    until("it is back", || {
        docker.inspect(&always, ".RestartCount") == "1"
            && docker.inspect(&always, ".State.Running") == "true"
    });
    docker.cli(["stop", "--time", "1", &always]).run().code(0);
    assert_eq!(docker.inspect(&always, ".State.Running"), "false");
    docker.remove(&[&failing, &good, &always]);
}

#[test]
fn update_changes_a_running_container() {
    let Some(docker) = docker() else { return };
    let name = docker.background("--memory 64m --pids-limit 50", &["sleep", "1000"]);
    let read = |file: &str| {
        let run = docker.exec("", &name, &format!("cat /sys/fs/cgroup/{file}")).run().code(0);
        run.out.trim().to_owned()
    };
    let update = |words: &str| {
        let run = docker.cli(["update"]).args(words.split(' ')).args([&name]).run();
        run.code(0);
    };
    update("--memory 128m --memory-swap 256m");
    assert_eq!(read("memory/memory.limit_in_bytes"), (128 << 20).to_string());
    update("--memory 32m --memory-swap 64m");
    assert_eq!(read("memory/memory.limit_in_bytes"), (32 << 20).to_string());
    update("--pids-limit 77");
    assert_eq!(read("pids/pids.max"), "77");
    update("--cpus 0.25");
    assert_eq!(read("cpu/cpu.cfs_quota_us"), "25000");
    update("--cpu-shares 512 --cpuset-cpus 0 --cpuset-mems 0");
    assert_eq!(read("cpu/cpu.shares"), "512");
    assert_eq!(read("cpuset/cpuset.cpus"), "0");
    assert_eq!(read("memory/memory.limit_in_bytes"), (32 << 20).to_string(), "the rest stays");
    assert_eq!(read("pids/pids.max"), "77", "and this");
    update("--restart no");
    docker.remove(&[&name]);
}

#[test]
fn stats_and_top_tell_of_it() {
    let Some(docker) = docker() else { return };
    let name = docker.background("--memory 64m", &["sh", "-c", "sleep 1000 & sleep 1001"]);
    let format = "{{.PIDs}}|{{.MemUsage}}|{{.CPUPerc}}|{{.NetIO}}";
    let run = docker.cli(["stats", "--no-stream", "--format", format, &name]).run().code(0);
    let fields: Vec<_> = run.out.trim().split('|').collect();
    // A shell may run its last command in its own place.
    assert!(["2", "3"].contains(&fields[0]), "{}", run.out);
    assert!(fields[1].ends_with("/ 64MiB") && !fields[1].starts_with("0B"), "{}", run.out);
    let run = docker.cli(["top", &name]).run().code(0);
    assert!(run.out.contains("sleep 1000") && run.out.contains("sleep 1001"), "{}", run.out);
    let run = docker.cli(["top", &name, "-o", "pid,comm"]).run().code(0);
    assert!(run.out.lines().any(|line| line.ends_with("sleep")), "{}", run.out);
    docker.remove(&[&name]);
}

#[test]
fn logs_cp_diff_commit_export() {
    let Some(docker) = docker() else { return };
    let script = "echo one; echo two >&2; echo new > /added; sleep 1000";
    let name = docker.background("", &["sh", "-c", script]);
    let mut follow = docker.cli(["logs", "--follow", &name]).start();
    follow.until("one");
    let work = docker.sandbox.directory("cp");
    std::fs::write(work.join("in"), "carried in").unwrap();
    let inside = |path: &str| format!("{name}:{path}");
    let from = work.join("in").display().to_string();
    docker.cli(["cp", &from, &inside("/tmp/here")]).run().code(0);
    let run = docker.exec("", &name, "cat /tmp/here").run().code(0);
    assert_eq!(run.out, "carried in");
    let out = work.join("out").display().to_string();
    docker.cli(["cp", &inside("/added"), &out]).run().code(0);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "new\n");
    let run = docker.cli(["diff", &name]).run().code(0);
    assert!(run.out.lines().any(|line| line == "A /added"), "{}", run.out);
    let image = docker.sandbox.name("image");
    docker.cli(["commit", &name, &image]).run().code(0);
    docker.run(&format!("{image} cat /added /tmp/here")).run().code(0);
    docker.cli(["export", "--output", &out, &name]).run().code(0);
    docker.remove(&[&name]);
    let run = follow.wait();
    assert_eq!((run.out.as_str(), run.err.as_str()), ("one\n", "two\n"));
    docker.cli(["rmi", &image]).run().code(0);
}
