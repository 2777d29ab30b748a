//! Podman as an ordinary user.

use std::sync::OnceLock;

use e2e::WindowSize;
use engines::{Podman, View};

static PODMAN: OnceLock<Result<Podman, String>> = OnceLock::new();

#[track_caller]
fn podman() -> Option<&'static Podman> {
    engines::shared(&PODMAN, || Podman::rootless("rootless", View::Host))
}

#[test]
fn output_and_exit_codes_are_the_commands() {
    let Some(podman) = podman() else { return };
    let script = ["sh", "-c", "echo out; echo err >&2; exit 7"];
    let run = podman.run("--network none", &script).run().code(7);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("out\n", "err\n"));
    podman.run("--network none", &["nosuch"]).run().code(127);
    podman.run("--network none", &["/etc/passwd"]).run().code(126);
}

#[test]
fn root_inside_is_the_user_outside() {
    let Some(podman) = podman() else { return };
    let from = podman.sandbox.work.join("home");
    let script =
        "id -u; tr -s ' ' </proc/self/uid_map; touch /m/by-root; stat -c %u /m/by-root /etc/passwd";
    let volume = format!("--network none -v {}:/m", from.display());
    podman.expect(&volume, script, "0\n 0 54321 1\n 1 700000 65536\n0\n0");
    let meta = std::fs::metadata(from.join("by-root")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&meta), 54321);
    podman.expect("--network none --user alice", "id -u", "1000");
    podman.expect(
        &format!("--userns keep-id {volume}"),
        "id -u; stat -c %u /m/by-root",
        "54321\n54321",
    );
    podman.expect(
        "--network none --privileged --read-only",
        "mount -t tmpfs tmpfs /mnt && echo mounted",
        "mounted",
    );
    podman.expect(
        "--network none --tmpfs /t --cap-drop ALL",
        "touch /t/x && grep CapEff /proc/self/status | tr -d '\\t'",
        "CapEff:0000000000000000",
    );
}

#[test]
fn a_containers_life() {
    let Some(podman) = podman() else { return };
    let name = podman.background(
        "--network none",
        &["sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done"],
    );
    podman.exec("", &name, "exit 4").run().code(4);
    let exec = podman.cli(["exec", "--interactive", "--tty", &name, "sh"]);
    let mut pty = exec.on_terminal(WindowSize(20, 70));
    pty.type_in("tty; echo mark-$((40+2)); exit 5\n").until("mark-42");
    assert_eq!(pty.wait().code(), Some(5));
    podman.cli(["top", &name]).run().code(0);
    podman.cli(["stop", "--time", "20", &name]).run().code(0);
    assert_eq!(podman.inspect(&name, ".State.ExitCode"), "3");
    podman.cli(["start", &name]).run().code(0);
    podman.cli(["kill", &name]).run().code(0);
    podman.remove(&[&name]);
}

#[test]
fn a_network_of_its_own() {
    let Some(podman) = podman() else { return };
    if !std::path::Path::new("/dev/net/tun").exists() {
        return e2e::skip("no /dev/net/tun for slirp4netns");
    }
    let run = podman.run("", &["sh", "-c", "ip -o -4 addr show tap0"]).run().code(0);
    assert!(run.out.contains("10.0.2.100"), "{}", run.out);
}

#[test]
fn a_pod_and_a_build() {
    let Some(podman) = podman() else { return };
    let pod = podman.sandbox.name("pod");
    let infra = format!("{}:latest", Podman::IMAGE);
    let create = ["pod", "create", "--name", &pod, "--infra-image", &infra, "--network", "none"];
    podman.cli(create).args(["--infra-command", "sleep 1000"]).run().code(0);
    let run = podman.cli(["run", "--rm", "--pull=never", "--pod", &pod, Podman::IMAGE, "hostname"]);
    assert_eq!(run.run().code(0).out.trim(), pod);
    podman.cli(["pod", "rm", "--force", "--time", "0", &pod]).run().code(0);
    let context = podman.sandbox.directory("context");
    let file = format!("FROM {}\nRUN id -u > /who\n", Podman::IMAGE);
    std::fs::write(context.join("Dockerfile"), file).unwrap();
    let build =
        podman.cli(["build", "--pull-never", "--isolation", "oci", "--tag", "localhost/built"]);
    build.args(["--network", "none"]).args([&context]).run().code(0);
    let run = podman.cli(["run", "--rm", "--network", "none", "localhost/built", "cat", "/who"]);
    assert_eq!(run.run().code(0).out, "0\n");
}
