//! ctr tasks: exec, kill, pause, ps, metrics, delete.

use e2e::{WindowSize, until};

use crate::containerd;

#[test]
fn a_tasks_life() {
    let Some(containerd) = containerd() else { return };
    let id = containerd
        .background("", &["sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done"]);
    let task = |verb: &str, args: &[&str]| containerd.ctr(["tasks", verb]).args(args).run();
    let status = || {
        let out = task("list", &[]).code(0).out;
        let line = out.lines().find(|line| line.starts_with(&id)).unwrap_or_default();
        line.split_whitespace().nth(2).unwrap_or_default().to_owned()
    };
    assert_eq!(status(), "RUNNING");
    let exec = |n: &str, script: &str| task("exec", &["--exec-id", n, &id, "sh", "-c", script]);
    let run = exec("e1", "echo out; echo err >&2; sleep 0.2; exit 7").code(7);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("out\n", "err\n"));
    assert_eq!(
        task(
            "exec",
            &[
                "--exec-id",
                "e2",
                "--user",
                "1000:100",
                "--cwd",
                "/tmp",
                &id,
                "sh",
                "-c",
                "id -u; id -g; pwd; sleep 0.2"
            ]
        )
        .code(0)
        .out,
        "1000\n100\n/tmp\n"
    );
    let failed = task("exec", &["--exec-id", "e3", &id, "nosuch"]);
    assert!(failed.err.contains("executable file not found"), "{}", failed.err);
    let ps = task("ps", &[&id]).code(0);
    assert!(ps.out.lines().count() >= 2, "{}", ps.out);
    let metrics = task("metrics", &[&id]).code(0);
    assert!(metrics.out.contains("memory.usage_in_bytes"), "{}", metrics.out);
    task("pause", &[&id]).code(0);
    assert_eq!(status(), "PAUSED");
    task("resume", &[&id]).code(0);
    assert_eq!(status(), "RUNNING");
    task("kill", &["--signal", "SIGTERM", &id]).code(0);
    until("it stops", || status() == "STOPPED");
    let deleted = task("delete", &[&id]);
    assert!(deleted.err.contains("exit code 5"), "{}", deleted.err);
    containerd.ctr(["containers", "delete", &id]).run().code(0);
    // All at once, and by force.
    let id = containerd
        .background("", &["sh", "-c", "trap '' TERM; sleep 1000 & sleep 1001 & wait; wait"]);
    containerd.ctr(["tasks", "kill", "--all", "--signal", "SIGKILL", &id]).run().code(0);
    containerd.remove(&id);
    let id = containerd.background("", &["sleep", "1000"]);
    containerd.ctr(["tasks", "pause", &id]).run().code(0);
    containerd.remove(&id);
}

#[test]
fn create_and_start_apart() {
    let Some(containerd) = containerd() else { return };
    let id = containerd.sandbox.name("apart");
    // Its runtime is the one that containerd finds by the name runc: ours.
    let create = containerd.ctr(["containers", "create", engines::Containerd::IMAGE, &id]);
    create.args(["awk", r#"BEGIN { print "said"; system("sleep 0.2"); exit 6 }"#]).run().code(0);
    let run = containerd.ctr(["tasks", "start", &id]).run().code(6);
    assert_eq!(run.out, "said\n");
    containerd.remove(&id);
}

#[test]
fn exec_gives_a_terminal() {
    let Some(containerd) = containerd() else { return };
    let id = containerd.background("", &["sleep", "1000"]);
    let exec = containerd.ctr(["tasks", "exec", "--tty", "--exec-id", "terminal", &id, "sh"]);
    let mut pty = exec.on_terminal(WindowSize(20, 70));
    pty.type_in(
        "until stty size 2>&1 | grep ^[1-9]; do sleep 0.1; done; tty; echo mark-$((40+2))\n",
    );
    pty.until("mark-42");
    assert!(
        pty.screen().contains("20 70") && pty.screen().contains("/dev/pts/0"),
        "{}",
        pty.screen()
    );
    pty.type_in("exit 5\n");
    assert_eq!(pty.wait().code(), Some(5));
    containerd.remove(&id);
}
