//! Whatever kills nsinit, `nsinit delete` leaves the host as it was; and many runs leave nothing.

use e2e::trace::{has_strace, killed_at, points};
use e2e::{Cmd, Rootfs, Snapshot, World, each_view};
use rustix::process::Signal;

fn clean_up(root: &Rootfs, before: &Snapshot, at: &str) {
    root.nsinit(["delete", "--force"]).run().success();
    let left = before.wait_restored(std::time::Duration::from_secs(3));
    assert!(left.is_empty(), "{at}:\n{left}");
}

/// Kills at `most` of the calls, spread over all.
fn sweep(world: &World, root: &Rootfs, cmd: &Cmd, follow: bool, most: usize) {
    let before = world.snapshot();
    let all = points(world, cmd, follow);
    clean_up(root, &before, "not killed");
    // Two views, two halves.
    let first = usize::from(world.view == e2e::View::V2);
    let step = (all.len() / most).max(1);
    let mut killed = 0;
    for point in all.iter().skip(first).step_by(step) {
        killed += usize::from(killed_at(cmd, point, follow));
        clean_up(root, &before, &format!("killed at call {} of {}", point.1, point.0));
    }
    println!("NOTE: killed at {killed} of {} calls", all.len());
    assert!(killed > most / 2, "killed at {killed} of {} only", all.len());
}

#[test]
fn killed_while_it_starts_a_container() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let root = world.busybox();
        sweep(world, &root, &root.exec(["/bin/true"]), false, 60);
    });
}

#[test]
fn killed_while_it_starts_one_in_the_background() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let root = world.busybox();
        // Each process is killed at its own call of that number: caller, monitor, init.
        sweep(world, &root, &root.exec(["--detach", "/bin/sleep", "1000"]), true, 60);
    });
}

#[test]
fn killed_while_it_connects_a_network() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let root = world.busybox();
        for line in ["link add br0 type bridge", "link set br0 up"] {
            Cmd::new("ip", line.split(' ')).run().success();
        }
        let flags = ["--veth-bridge", "br0", "--veth-address", "10.9.0.2/24", "/bin/true"];
        sweep(world, &root, &root.exec(flags), false, 40);
        Cmd::new("ip", ["link", "del", "br0"]).run().success();
    });
}

#[test]
fn killed_while_it_deletes() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let root = world.busybox();
        let before = world.snapshot();
        let delete = root.nsinit(["delete", "--force"]);
        root.detach([""; 0]);
        let all = points(world, &delete, false);
        for point in all.iter().step_by((all.len() / 20).max(1)) {
            root.detach([""; 0]);
            killed_at(&delete, point, false);
            clean_up(&root, &before, &format!("killed at call {} of {}", point.1, point.0));
        }
        println!("NOTE: of {} calls", all.len());
    });
}

#[test]
fn killed_while_a_container_runs() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            for stay in ["KILL", "none"] {
                let flags = ["--parent-death-signal", stay, "--tmpfs", "/opt", "/bin/sh", "-c"];
                let script = "sleep 1000 & echo up > /dev/shm/up; sleep 1000";
                let away = ["sh", "-c", "exec \"$@\" >/dev/null 2>&1", "sh"];
                let running = root.exec(flags).args([script]).by(away).start();
                e2e::until("state.json", || root.file("state.json").exists());
                running.signal(Signal::KILL);
                running.wait().signalled(Signal::KILL);
                clean_up(&root, &before, stay);
            }
            // The monitor of one in the background.
            root.exec(["--detach", "/probe", "sleep", "1000"]).run().success();
            let state = root.nsinit(["state"]).run().success().json();
            let pid = state["init_process_pid"].to_string();
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            let monitor = stat.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().to_owned();
            Cmd::new("kill", ["-9", &monitor]).run().success();
            e2e::until("its end", || !std::path::Path::new(&format!("/proc/{monitor}")).exists());
            root.exec(["/bin/true"]).run().success();
            root.nsinit(["kill", "CONT"]).run().success();
            clean_up(&root, &before, "the monitor");
        }
    });
}

#[test]
fn the_next_start_cleans_up_too() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        let mut running = root.exec(["/probe", "catch"]).start();
        running.until("ready").signal(Signal::KILL);
        running.wait().signalled(Signal::KILL);
        e2e::until("its end", || root.nsinit(["ps", "-q"]).run().out.is_empty());
        root.exec(["/bin/true"]).run().success();
        before.assert_restored();
    });
}

#[test]
fn two_hundred_runs_leave_nothing() {
    each_view(|world: &World| {
        let roots = [world.busybox(), world.busybox()];
        let before = world.snapshot();
        // Two containers at a time.
        std::thread::scope(|scope| {
            for root in &roots {
                scope.spawn(move || {
                    for run in 0..100 {
                        let words = ["/bin/sh", "-c", "exit $1", "sh"];
                        root.exec(words).args([(run % 7).to_string()]).run().code(run % 7);
                    }
                });
            }
        });
        before.assert_restored();
    });
}
