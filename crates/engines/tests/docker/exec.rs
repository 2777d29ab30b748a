//! docker exec.

use crate::docker;

#[test]
fn a_process_joins_everything_of_the_container() {
    let Some(docker) = docker() else { return };
    let name = docker.background("--env A=1 --workdir /tmp --memory 64m", &["sleep", "1000"]);
    let exec = |script: &str| docker.exec("", &name, script).run().code(0).out;
    assert_eq!(exec("echo $A; pwd; test $$ != 1; cat /proc/1/comm"), "1\n/tmp\nsleep\n");
    for kind in ["mnt", "pid", "net", "ipc", "uts", "user"] {
        let script = format!("readlink /proc/1/ns/{kind}; readlink /proc/self/ns/{kind}");
        let (both, half) = (exec(&script), exec(&format!("readlink /proc/1/ns/{kind}")));
        assert_eq!(both, half.repeat(2), "{kind}");
    }
    assert_eq!(exec("cat /proc/1/cgroup"), exec("cat /proc/self/cgroup"));
    let security = "grep -E '^(Cap|Seccomp:|NoNewPrivs)' ";
    let theirs = exec(&format!("{security} /proc/1/status"));
    assert_eq!(theirs, exec(&format!("{security} /proc/self/status")));
    docker.remove(&[&name]);
}

#[test]
fn exit_codes_and_streams_are_the_processs() {
    let Some(docker) = docker() else { return };
    let name = docker.background("", &["sleep", "1000"]);
    let run = docker.exec("", &name, "echo out; echo err >&2; exit 7").run().code(7);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("out\n", "err\n"));
    docker.exec("", &name, "kill -KILL $$").run().code(137);
    let run = docker.exec("--interactive", &name, "wc -c").input(vec![b'x'; 300_000]).run();
    assert_eq!(run.code(0).out.trim(), "300000");
    let run = docker.exec("", &name, "head -c 3000000 /dev/zero").run().code(0);
    assert_eq!(run.out.len(), 3_000_000);
    // Many at a time, and none is left of them.
    let started: Vec<_> =
        (0..8).map(|n| docker.exec("", &name, &format!("echo {n}; exit {n}")).start()).collect();
    for (n, background) in started.into_iter().enumerate() {
        let run = background.wait().code(n as i32);
        assert_eq!(run.out.trim(), n.to_string());
    }
    let run = docker.exec("", &name, "set -- /proc/[0-9]*; echo $#").run().code(0);
    assert_eq!(run.out.trim(), "2", "only sleep and sh");
    docker.remove(&[&name]);
}

#[test]
fn who_where_and_with_what_are_as_told() {
    let Some(docker) = docker() else { return };
    let name = docker.background("--env A=1", &["sleep", "1000"]);
    let exec = |options: &str, script: &str| docker.exec(options, &name, script).run().code(0).out;
    assert_eq!(exec("--user 1000:100", "id -u; id -g; id -G"), "1000\n100\n100\n");
    assert_eq!(exec("--user alice", "id -G; echo $HOME"), "1000 29 44 1010 1011\n/home/alice\n");
    assert_eq!(exec("--workdir /etc --env A=2 --env B=3", "pwd; echo $A$B"), "/etc\n23\n");
    assert_eq!(exec("--user 1000", "grep CapEff /proc/self/status"), "CapEff:\t0000000000000000\n");
    // In the background.
    docker.exec("--detach", &name, "echo done > /tmp/done; sleep 1000").run().code(0);
    e2e::until("exec --detach", || docker.exec("", &name, "cat /tmp/done").run().out == "done\n");
    docker.remove(&[&name]);
}

#[test]
fn a_privileged_process_in_a_container_that_is_not() {
    let Some(docker) = docker() else { return };
    let runtime = docker.privileged().trim_end_matches("--privileged");
    let name = docker.background(runtime, &["sleep", "1000"]);
    let mount = "mount -t tmpfs tmpfs /mnt";
    let run = docker.exec("", &name, mount).run().code(1);
    assert!(run.err.contains("permission denied"), "{}", run.err);
    let caps = |options: &str| {
        docker.exec(options, &name, "grep CapEff /proc/self/status").run().code(0).out
    };
    assert_ne!(caps("--privileged"), caps(""));
    docker.remove(&[&name]);
}

#[test]
fn what_cannot_be_executed_is_told() {
    let Some(docker) = docker() else { return };
    let name = docker.background("", &["sleep", "1000"]);
    let exec = |options: &[&str], command: &str| {
        docker.cli(["exec"]).args(options).args([name.as_str(), command]).run()
    };
    let missing = exec(&[], "nosuch");
    let code = missing.status.code();
    assert!(matches!(code, Some(126 | 127)), "{code:?} {}", missing.err);
    let told = missing.out + &missing.err;
    assert!(told.contains("executable file not found in $PATH"), "{told}");
    let denied = exec(&[], "/etc/passwd").code(126);
    let told = denied.out + &denied.err;
    assert!(told.contains("permission denied"), "{told}");
    exec(&["--workdir", "/nosuch"], "true");
    // The container lives on.
    exec(&[], "true").code(0);
    docker.cli(["stop", "--time", "0", &name]).run().code(0);
    let run = exec(&[], "true").code(1);
    assert!(run.err.contains("is not running"), "{}", run.err);
    docker.remove(&[&name]);
}
