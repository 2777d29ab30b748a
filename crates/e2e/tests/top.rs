//! `nsinit top`: on a terminal whose screen is read, and as plain tables.

mod terminal_screen;

use std::time::{Duration, Instant};

use e2e::{Cmd, Pty, Rootfs, WindowSize, World, each_view, has_controller, on_this_host, until};
use rustix::process::Signal;
use terminal_screen::Screen;

const SIZE: WindowSize = WindowSize(20, 150);

/// What a person sees now.
fn screen(pty: &Pty, size: WindowSize) -> Screen {
    Screen::of(&pty.screen(), size.0.into(), size.1.into())
}

/// Waits until a person sees what `wanted` says yes to.
#[track_caller]
fn see(pty: &Pty, what: &str, wanted: impl Fn(&str) -> bool) {
    let end = Instant::now() + e2e::seconds(15);
    loop {
        let text = screen(pty, SIZE).text();
        if wanted(&text) {
            return;
        }
        assert!(Instant::now() < end, "{what} is not seen:\n{text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The ids in the order in which they are listed.
fn listed(pty: &Pty, ids: &[&str]) -> Vec<String> {
    let screen = screen(pty, SIZE);
    let first = |line: &String| line.split_whitespace().next().unwrap_or("").to_owned();
    screen.lines().iter().map(first).filter(|word| ids.contains(&&**word)).collect()
}

fn top(root: &Rootfs) -> Pty {
    root.nsinit(["top", "-d", "0.2"]).env("LC_ALL", "C.UTF-8").on_terminal(SIZE)
}

#[test]
fn it_lives_on_a_terminal() {
    each_view(|world: &World| {
        let (busy, idle, third) = (world.busybox(), world.busybox(), world.busybox());
        let before = world.snapshot();
        let id = idle.detach([""; 0]);
        let mut spinning = busy.sh("echo up; while :; do :; done").start();
        spinning.until("up");
        let state = busy.nsinit(["state"]).run().success().json();
        let busy_id = state["id"].as_str().unwrap().to_owned();
        let mut pty = top(&busy);
        let ids = [&*id, &*busy_id];
        // The busy one first, with its graph and about a processor.
        until("the busy one is first", || listed(&pty, &ids) == [&*busy_id, &*id]);
        see(&pty, "a graph", |text| text.contains(['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']));
        assert!(!pty.is_cooked());
        // By name, and the other way round.
        let mut names = ids.map(str::to_owned);
        names.sort();
        pty.type_in("n");
        until("sorted by name", || listed(&pty, &ids) == names);
        pty.type_in("n");
        names.reverse();
        until("the other way round", || listed(&pty, &ids) == names);
        // One that starts comes, one that ends goes.
        let new = third.detach([""; 0]);
        see(&pty, "the new one", |text| text.contains(&*new));
        third.delete();
        see(&pty, "its absence", |text| !text.contains(&*new));
        // The detail of the busy one.
        pty.type_in("c");
        until("the busy one is first", || listed(&pty, &ids) == [&*busy_id, &*id]);
        pty.type_in("\u{1b}[H\r");
        see(&pty, "its detail", |text| {
            text.contains(&format!("{busy_id}  running")) && text.contains("in user space")
        });
        let text = screen(&pty, SIZE).text();
        assert!(text.contains("pressure") && text.contains("Esc back"), "{text}");
        assert_eq!(text.contains("unlimited"), has_controller("memory"), "{text}");
        pty.type_in("\u{1b}");
        until("the list again", || listed(&pty, &ids).len() == 2);
        pty.type_in("q");
        assert_eq!(pty.wait().code(), Some(0));
        restored(&pty);
        busy.nsinit(["delete", "--force"]).run().success();
        let _ = spinning.wait();
        idle.delete();
        before.assert_restored();
    });
}

/// The terminal is as it was.
fn restored(pty: &Pty) {
    until("cooked again", || pty.is_cooked());
    for (on, off) in [("?1049h", "?1049l"), ("?25l", "?25h"), ("?7l", "?7h")] {
        until(off, || pty.screen().rfind(off) > pty.screen().rfind(on));
    }
}

#[test]
fn a_signal_restores_the_terminal() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
            let mut pty = top(&root);
            pty.until("q quit");
            pty.signal(signal);
            assert_eq!(pty.wait().code(), Some(code));
            restored(&pty);
        }
        for key in ["q", "\u{3}", "\u{1b}"] {
            let mut pty = top(&root);
            pty.until("q quit").type_in(key);
            assert_eq!(pty.wait().code(), Some(0), "{key:?}");
            restored(&pty);
        }
    });
}

#[test]
fn it_stops_and_goes_on() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let mut pty = top(&root);
        pty.until("q quit").type_in("\u{1a}");
        restored(&pty);
        let drawn = pty.screen().matches("?1049h").count();
        pty.signal(Signal::CONT);
        until("drawn again", || pty.screen().matches("?1049h").count() > drawn);
        until("raw again", || !pty.is_cooked());
        pty.type_in("q");
        assert_eq!(pty.wait().code(), Some(0));
        restored(&pty);
    });
}

#[test]
fn any_size_will_do() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let id = root.detach([""; 0]);
        let mut pty = top(&root);
        see(&pty, "the container", |text| text.contains(&*id));
        for size in [WindowSize(5, 40), WindowSize(1, 1), WindowSize(50, 200)] {
            let before = pty.screen().matches("\u{1b}[2J").count();
            pty.resize(size);
            until("drawn anew", || pty.screen().matches("\u{1b}[2J").count() > before);
        }
        // All of it is on the new screen, and nothing but it.
        until("listed", || {
            let screen = screen(&pty, WindowSize(50, 200));
            screen.text().contains(&*id) && screen.lines()[49].starts_with("q quit")
        });
        pty.type_in("q");
        assert_eq!(pty.wait().code(), Some(0));
        root.delete();
    });
}

#[test]
fn plain_tables() {
    each_view(|world: &World| {
        let root = world.busybox();
        let id = root.detach([""; 0]);
        let once = root.nsinit(["top", "--once"]).run().success().out;
        let mut lines = once.lines();
        let head: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
        assert_eq!(head[..5], ["ID", "STATUS", "CPU%", "MEMORY", "LIMIT"]);
        let row: Vec<&str> =
            lines.find(|line| line.starts_with(&*id)).unwrap().split_whitespace().collect();
        assert_eq!(row.len(), head.len(), "{once}");
        assert_eq!(row[1], "running");
        assert_ne!(row[2], "-", "{once}");
        // What the kernel does not count is not 0.
        assert_eq!(row[3] == "-", !has_controller("memory"), "{once}");
        assert_eq!(row[7] == "-", !has_controller("pids"), "{once}");
        assert!(!once.contains('\u{1b}'), "{once}");
        let twice = root.nsinit(["top", "-n", "2", "-d", "0.1s", "--id", &id]).run().success().out;
        assert_eq!(twice.matches(&*id).count(), 2, "{twice}");
        assert_eq!(twice.matches("STATUS").count(), 2, "{twice}");
        // Paused ones are listed as such; without a terminal it is one table.
        root.nsinit(["pause"]).run().success();
        let table = root.nsinit(["top"]).run().success().out;
        assert!(table.contains("paused"), "{table}");
        root.nsinit(["unpause"]).run().success();
        root.delete();
        for wrong in ["0", "0.01", "soon", "-1"] {
            let interval = format!("--interval={wrong}");
            Cmd::nsinit(["top", &*interval]).run().code(1).error(&["--interval"]);
        }
        root.nsinit(["top", "--id", "nobody"]).run().code(1).error(&["nobody"]);
    });
}
