//! Podman that sees control groups of version 2 only.

use engines::{Podman, View};

#[test]
fn containers_live_in_version_2() {
    if !engines::in_time() {
        return;
    }
    let podman = Podman::start("podman-v2", View::V2).unwrap();
    // Without controllers there is nothing to limit by; Podman would set one of its own.
    let options = "--network none --pids-limit -1";
    podman.run(options, &["sh", "-c", "exit 7"]).run().code(7);
    podman.expect(
        options,
        "grep ^0: /proc/self/cgroup; mount | grep -c 'type cgroup2 (ro,'",
        "0::/\n1",
    );
    let make = "mknod /tmp/fuse c 10 229; (exec 3</tmp/fuse) 2>&1 | grep -c permitted";
    podman.expect(&format!("{options} --cap-add MKNOD"), make, "1");
    let name = podman.background(options, &["sleep", "1000"]);
    podman.cli(["pause", &name]).run().code(0);
    assert_eq!(podman.inspect(&name, ".State.Status"), "paused");
    podman.cli(["unpause", &name]).run().code(0);
    podman.exec("", &name, "grep -q '^0::/$' /proc/self/cgroup").run().code(0);
    podman.remove(&[&name]);
}
