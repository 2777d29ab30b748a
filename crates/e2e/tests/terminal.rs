//! `nsinit exec --tty`.

use e2e::{WindowSize, World, each_view, until};
use rustix::process::Signal;

#[test]
fn a_terminal_inside_is_as_large_as_the_one_outside() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let shell = root.exec(["--tty", "/bin/sh"]);
            let mut pty = shell.on_terminal(WindowSize(33, 101));
            pty.type_in("stty size; tty; echo mark-$((40+2))\n").until("mark-42");
            let screen = pty.screen();
            assert!(screen.contains("33 101") && screen.contains("/dev/pts/0"), "{screen}");
            assert!(!pty.is_cooked(), "ours is not in raw mode");
            pty.resize(WindowSize(50, 132)).type_in("sleep 0.2; stty size\n").until("50 132");
            // It is the controlling one, with a session of its own, and connected to all three.
            pty.type_in("/probe status | grep -E '^(sid|tty)'; ls -l /proc/self/fd/2\n");
            pty.until("tty-foreground").until("/dev/pts/0");
            assert!(pty.screen().contains("sid 1\r\n"), "{}", pty.screen());
            pty.type_in("exit 7\n");
            assert_eq!(pty.wait().code(), Some(7));
            until("cooked again", || pty.is_cooked());
            before.assert_restored();
        }
    });
}

#[test]
fn keys_are_signals_to_the_foreground_inside() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let mut pty = root.exec(["-t", "/bin/sh"]).on_terminal(WindowSize(24, 80));
            pty.type_in("sleep 1000; echo ended-$?\n");
            pty.until("sleep 1000");
            std::thread::sleep(std::time::Duration::from_millis(300));
            pty.type_in("\u{3}").until("^C");
            pty.type_in("\necho after-$((1+1))\n").until("after-2");
            // Bytes go through whole: 8 bits, control characters, long lines.
            pty.type_in("stty raw -echo; head -c 4 | od -An -tx1; stty sane\n");
            std::thread::sleep(std::time::Duration::from_millis(300));
            pty.type_in("\u{1}\u{3}\u{e9}").until("01 03 c3 a9");
            // ^D ends what reads in cooked mode.
            pty.type_in("cat; exit 6\n");
            std::thread::sleep(std::time::Duration::from_millis(300));
            pty.type_in("\u{4}");
            assert_eq!(pty.wait().code(), Some(6));
            before.assert_restored();
        }
    });
}

#[test]
fn a_join_has_a_terminal_of_its_own() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            root.detach([""; 0]);
            let mut pty = root.exec(["-t", "/bin/sh"]).on_terminal(WindowSize(10, 20));
            pty.type_in("tty; stty size\n").until("/dev/pts/0").until("10 20");
            let mut second = root.exec(["-t", "/bin/sh"]).on_terminal(WindowSize(11, 21));
            second.type_in("tty; stty size\n").until("/dev/pts/1").until("11 21");
            second.resize(WindowSize(12, 22)).type_in("sleep 0.2; stty size\n").until("12 22");
            for (pty, code) in [(&mut pty, 3), (&mut second, 4)] {
                pty.type_in(&format!("exit {code}\n"));
                assert_eq!(pty.wait().code(), Some(code));
            }
            root.delete();
            before.assert_restored();
        }
    });
}

#[test]
fn a_resize_is_a_signal() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        let mut pty = root.exec(["-t", "/probe", "catch"]).on_terminal(WindowSize(24, 80));
        pty.until("ready").resize(WindowSize(40, 90)).until("got WINCH").until("size 40x90");
        pty.signal(Signal::USR1);
        pty.until("got USR1");
        pty.signal(Signal::INT);
        pty.until("got INT");
        pty.signal(Signal::INT);
        assert_eq!(pty.wait().code(), Some(0));
        before.assert_restored();
    });
}

#[test]
fn without_a_terminal_outside_it_is_fed_from_standard_input() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let run = root.exec(["-t", "/bin/sh"]).input("tty; exit 5\n").run().code(5);
            assert!(run.out.contains("/dev/pts/0\r\n"), "{}", run.out);
            // Much output arrives whole, though the command ends at once.
            let run = root.exec(["-t", "/bin/sh", "-c", "seq 1 20000"]).run().code(0);
            assert!(run.out.ends_with("20000\r\n"), "{}", &run.out[run.out.len() - 40..]);
            assert_eq!(run.out.lines().count(), 20000);
            before.assert_restored();
        }
    });
}

#[test]
fn the_terminal_comes_back_when_nsinit_is_ended() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        let shell = root.exec(["-t", "--init", "/bin/sh", "-c", "echo up; exec sleep 1000"]);
        let mut pty = shell.on_terminal(WindowSize(24, 80));
        pty.until("up");
        assert!(!pty.is_cooked());
        pty.signal(Signal::TERM);
        assert_eq!(pty.wait().code(), Some(143));
        assert!(pty.is_cooked());
        before.assert_restored();
    });
}

#[test]
fn output_that_nobody_takes_does_not_keep_signals_away() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        // Nobody reads from the FIFO: it is full soon, and so is the terminal.
        let (fifo, reader) = (world.path("fifo"), world.path("reader"));
        let plumb = format!(
            "mkfifo {0}; sleep 1000 < {0} > /dev/null 2>&1 & echo $! > {1}; exec \"$@\" > {0}",
            fifo.display(),
            reader.display()
        );
        let script = "trap 'exit 9' TERM; cat /dev/zero & while :; do sleep 0.05; done";
        let shell = root.exec(["-t", "/bin/sh", "-c", script]).by(["sh", "-c", &plumb, "sh"]);
        let mut running = shell.start();
        e2e::until("running", || root.file("pid").exists());
        std::thread::sleep(std::time::Duration::from_millis(500));
        // The first is for the shell inside; another ends the wait for somebody to read the rest.
        e2e::until("the end", || {
            running.signal(Signal::TERM);
            std::thread::sleep(std::time::Duration::from_millis(50));
            running.ended()
        });
        running.wait().code(9);
        let pid = std::fs::read_to_string(&reader).unwrap();
        e2e::Cmd::new("kill", ["-9", pid.trim()]).run().success();
        std::fs::remove_file(&fifo).unwrap();
        std::fs::remove_file(&reader).unwrap();
        before.assert_restored();
    });
}
