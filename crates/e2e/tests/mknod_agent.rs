//! The example agent (crates/libcontainer/examples/mknod_agent.rs) makes devices for a container
//! that may make none.

use std::path::PathBuf;
use std::process::{Child, Command};

use e2e::{World, on_this_host, skip};
use serde_json::json;

/// Where cargo puts the examples that it builds with the tests.
fn agent() -> Option<PathBuf> {
    let built = std::env::current_exe().ok()?.parent()?.parent()?.join("examples/mknod_agent");
    built.exists().then_some(built)
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SCRIPT: &str = "mkdir -p /tmp/d; cd /tmp/d; mknod null c 1 3 && echo thrown > null && ls -ln null; \
    mknod /tmp/zero c 1 5 && head -c 2 /tmp/zero | od -An -tx1; mknod ../tty c 5 0; mknod tty c 5 0 && ls $PWD/tty; \
    mknod null c 1 3; mknod /none/null c 1 3; mknod /tmp/disk b 8 0; mknod /tmp/mem c 1 1; \
    mknod /tmp/fifo p && ls /tmp/fifo; ln -s /../../../tmp /tmp/up; mknod /tmp/up/full c 1 7 && ls /tmp/full; \
    ls /tmp";

#[test]
fn devices_for_who_may_make_none() {
    on_this_host(|world: &World| {
        let Some(agent) = agent() else { return skip("the example is not built") };
        let socket = world.path("mknod.sock");
        let running = Command::new(agent).arg(&socket).spawn().unwrap();
        let _running = Running(running);
        e2e::until("the agent listens", || socket.exists());
        let mut bundle = world.bundle();
        for set in ["bounding", "effective", "permitted"] {
            bundle.set(&format!("/process/capabilities/{set}"), json!(["CAP_CHOWN"]));
        }
        bundle.set("/process/user/umask", 0o077);
        bundle.set(
            "/linux/seccomp",
            json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": socket,
                "syscalls": [{"names": ["mknod", "mknodat"], "action": "SCMP_ACT_NOTIFY"}]}),
        );
        bundle.sh(SCRIPT);
        let run = bundle.run([""; 0]).run();
        for line in ["00 00", "/tmp/d/tty", "/tmp/fifo", "/tmp/full"] {
            assert!(run.out.contains(line), "{line} is not in {}\n{}", run.out, run.err);
        }
        assert!(run.out.contains("crw-------"), "{}", run.out);
        for line in [
            // Not out of the directory that a relative path is looked up in.
            "mknod: ../tty: Operation not permitted",
            "mknod: null: File exists",
            "mknod: /none/null: No such file or directory",
            "mknod: /tmp/disk: Operation not permitted",
            "mknod: /tmp/mem: Operation not permitted",
        ] {
            assert!(run.err.contains(line), "{line} is not in {}\n{}", run.err, run.out);
        }
    });
}
