//! docker run -it, exec -it, attach.

use e2e::WindowSize;

use crate::docker;

#[test]
fn run_gives_a_terminal() {
    let Some(docker) = docker() else { return };
    let shell = docker.run("--interactive --tty busybox sh");
    let mut pty = shell.on_terminal(WindowSize(33, 101));
    pty.type_in(
        "until stty size 2>&1 | grep ^[1-9]; do sleep 0.1; done; tty; echo mark-$((40+2))\n",
    )
    .until("mark-42");
    let screen = pty.screen();
    assert!(screen.contains("/dev/pts/0") && screen.contains("33 101"), "{screen}");
    pty.resize(WindowSize(50, 132)).type_in("sleep 1; stty size\n").until("50 132");
    // It is the controlling terminal: keys are signals to the foreground job.
    pty.type_in("trap 'echo trap-$((5+5))' INT; sleep 100\n");
    std::thread::sleep(std::time::Duration::from_millis(500));
    pty.type_in("\u{3}").until("trap-10");
    pty.type_in("ls -l /dev/console | wc -l; : > /dev/console && echo console-$((1+1))\n");
    pty.until("console-2");
    pty.type_in("exit 9\n");
    assert_eq!(pty.wait().code(), Some(9));
}

#[test]
fn a_terminal_without_input() {
    let Some(docker) = docker() else { return };
    let run = docker.run("--tty busybox sh -c").args(["test -t 0 && test -t 1 && tty"]).run();
    assert_eq!(run.code(0).out, "/dev/pts/0\r\n");
}

#[test]
fn exec_gives_a_terminal_of_its_own() {
    let Some(docker) = docker() else { return };
    let name = docker.background("--tty", &["sleep", "1000"]);
    let shell = docker.cli(["exec", "--interactive", "--tty", &name, "sh"]);
    let mut pty = shell.on_terminal(WindowSize(20, 70));
    pty.type_in(
        "until stty size 2>&1 | grep ^[1-9]; do sleep 0.1; done; tty; echo mark-$((40+2))\n",
    )
    .until("mark-42");
    assert!(pty.screen().contains("/dev/pts/1"), "{}", pty.screen());
    assert!(pty.screen().contains("20 70"), "{}", pty.screen());
    pty.resize(WindowSize(30, 90)).type_in("sleep 1; stty size\n").until("30 90");
    pty.type_in("exit 5\n");
    assert_eq!(pty.wait().code(), Some(5));
    // The user owns it and may open it by its name.
    let shell = docker.cli(["exec", "-it", "--user", "1000", &name, "sh"]);
    let mut pty = shell.on_terminal(WindowSize(20, 70));
    pty.type_in("echo mark-$((6*7)) > $(tty)\n").until("mark-42");
    pty.type_in("exit\n");
    assert_eq!(pty.wait().code(), Some(0));
    docker.remove(&[&name]);
}

#[test]
fn attach_and_detach() {
    let Some(docker) = docker() else { return };
    let name = docker.background("--interactive --tty", &["sh"]);
    let attach = docker.cli(["attach", &name]);
    let mut pty = attach.on_terminal(WindowSize(24, 80));
    pty.type_in("echo mark-$((40+2))\n").until("mark-42");
    pty.type_in("\u{10}\u{11}");
    pty.until("read escape sequence").wait();
    assert_eq!(docker.inspect(&name, ".State.Running"), "true");
    let mut pty = attach.on_terminal(WindowSize(24, 80));
    pty.type_in("exit 3\n");
    assert_eq!(pty.wait().code(), Some(3));
    docker.remove(&[&name]);
}
