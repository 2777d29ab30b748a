//! podman run: output, terminals, environment.

use e2e::WindowSize;

use crate::podman;

#[test]
fn output_and_exit_codes_are_the_commands() {
    let Some(podman) = podman() else { return };
    let run = podman.run("", &["sh", "-c", "echo out; echo err >&2; exit 7"]).run().code(7);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("out\n", "err\n"));
    podman.run("--network none", &["true"]).run().code(0);
    podman.run("--network none", &["sh", "-c", "sh -c 'kill -SEGV $$'; exit $?"]).run().code(139);
    let run = podman.run("--network none --interactive", &["wc", "-c"]).input(vec![b'x'; 300_000]);
    assert_eq!(run.run().code(0).out.trim(), "300000");
    let run = podman.run("--network none", &["head", "-c", "3000000", "/dev/zero"]).run().code(0);
    assert_eq!(run.out.len(), 3_000_000);
}

#[test]
fn terminals() {
    let Some(podman) = podman() else { return };
    let shell = podman.run("--network none --interactive --tty", &["sh"]);
    let mut pty = shell.on_terminal(WindowSize(33, 101));
    let script =
        "until stty size 2>&1 | grep ^[1-9]; do sleep 0.1; done; tty; echo mark-$((40+2))\n";
    pty.type_in(script).until("mark-42");
    assert!(
        pty.screen().contains("/dev/pts/0") && pty.screen().contains("33 101"),
        "{}",
        pty.screen()
    );
    pty.resize(WindowSize(50, 132)).type_in("sleep 1; stty size\n").until("50 132");
    pty.type_in("exit 9\n");
    assert_eq!(pty.wait().code(), Some(9));
    let name = podman.background("--network none", &["sleep", "1000"]);
    let exec = podman.cli(["exec", "--interactive", "--tty", &name, "sh"]);
    let mut pty = exec.on_terminal(WindowSize(20, 70));
    pty.type_in(script).until("mark-42");
    assert!(pty.screen().contains("20 70"), "{}", pty.screen());
    pty.type_in("exit 5\n");
    assert_eq!(pty.wait().code(), Some(5));
    podman.remove(&[&name]);
}

#[test]
fn environment_user_and_place_are_as_told() {
    let Some(podman) = podman() else { return };
    let options = "--env A=1 --workdir /tmp --hostname box --user alice --group-add 77 \
                   --umask 0077 --init --network none";
    let script = "echo $A; pwd; hostname; id -u; id -G; umask; cat /proc/1/comm";
    podman.expect(
        options,
        script,
        "1\n/tmp\nbox\n1000\n1000 29 44 77 1010 1011\n0077\npodman-init",
    );
    podman.expect("--tz UTC --network none", "echo $$", "1");
    // Descriptors beyond the three.
    let work = podman.sandbox.directory("fds");
    std::fs::write(work.join("file"), "from descriptor 3\n").unwrap();
    let run = podman.run("--network none --preserve-fds 1", &["sh", "-c", "cat <&3"]);
    let script = format!("exec 3<{}/file; exec \"$@\"", work.display());
    let run = run.by(["sh", "-c", &script, "sh"]).run();
    assert_eq!(run.code(0).out, "from descriptor 3\n");
}
