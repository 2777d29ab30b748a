//! A daemon that sees control groups of version 2 only.

use engines::{Containerd, View};

#[test]
fn containers_live_in_version_2() {
    if !engines::in_time() {
        return;
    }
    let containerd = Containerd::start("containerd-v2", View::V2).unwrap();
    let group = format!("0::/{}/", containerd.sandbox.tag);
    let id = containerd.sandbox.name("t");
    let run = containerd.run(
        "--rm --cpu-shares 0",
        &id,
        &["sh", "-c", "grep ^0: /proc/self/cgroup; sleep 0.2; exit 3"],
    );
    let run = run.run().code(3);
    // ctr gives it a namespace of its own where there is version 2 only.
    assert!(run.out == "0::/\n" || run.out.starts_with(&group), "{}", run.out);
    let id = containerd.background("--cpu-shares 0", &["sleep", "1000"]);
    containerd.ctr(["tasks", "pause", &id]).run().code(0);
    containerd.ctr(["tasks", "resume", &id]).run().code(0);
    containerd.ctr(["tasks", "exec", "--exec-id", "e", &id, "sh", "-c", "exit 4"]).run().code(4);
    containerd.remove(&id);
}
