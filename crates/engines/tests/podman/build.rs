//! podman build.

use crate::podman;

#[test]
fn a_build_runs_its_steps() {
    let Some(podman) = podman() else { return };
    let context = podman.sandbox.directory("context");
    let file = format!(
        "FROM {}\nUSER alice\nWORKDIR /home/alice\nRUN id -u > who; echo built >> who\nCMD cat /home/alice/who\n",
        engines::Podman::IMAGE
    );
    std::fs::write(context.join("Dockerfile"), file).unwrap();
    let build =
        podman.cli(["build", "--pull-never", "--isolation", "oci", "--tag", "localhost/built"]);
    // A step is in this very group, which has to be its own.
    let group = format!("/{}/build", podman.sandbox.tag);
    build.args(["--cgroup-parent", &group]).args([&context]).run().code(0);
    let run = podman.cli(["run", "--rm", "--pull=never", "--network", "none"]);
    let run = run.args(podman.parent()).args(["localhost/built"]);
    assert_eq!(run.run().code(0).out, "1000\nbuilt\n");
}
