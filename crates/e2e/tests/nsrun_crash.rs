//! Whatever kills nsrun, at whichever side effect, `nsrun delete --force` leaves the host as it
//! was; and whatever step fails, nothing is left without any delete.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use e2e::trace::{fails_at, has_strace, killed_at, points, whole};
use e2e::{Bundle, Cmd, Snapshot, View, World, each_view, on_this_host};

/// No flags.
const NONE: [&str; 0] = [];

/// Of how many calls one is tried, so that it is 25 of each command in each view.
fn step(all: usize) -> usize {
    if whole() { 1 } else { (all / 25).max(1) }
}

fn clean_up(bundle: &Bundle, before: &Snapshot, at: &str) {
    bundle.delete();
    let left = before.wait_restored(Duration::from_secs(3));
    assert!(left.is_empty(), "{at}:\n{left}");
}

/// Kills `cmd` at some of its calls, spread over all, and cleans up after each; `prepare` makes
/// what it needs.
fn sweep(world: &World, bundle: &Bundle, cmd: &Cmd, follow: bool, prepare: impl Fn()) {
    let before = world.snapshot();
    prepare();
    let all = points(world, cmd, follow);
    clean_up(bundle, &before, "not killed");
    // Two views, two halves.
    let step = step(all.len());
    let first = usize::from(world.view == View::V2 && step > 1);
    let mut killed = 0;
    for point in all.iter().skip(first).step_by(step) {
        prepare();
        killed += usize::from(killed_at(cmd, point, follow));
        clean_up(bundle, &before, &format!("killed at call {} of {}", point.1, point.0));
    }
    println!("NOTE: killed at {killed} of {} calls", all.len());
    assert!(killed > 0);
}

#[test]
fn killed_while_it_creates() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let bundle = world.bundle();
        sweep(world, &bundle, &bundle.create(NONE), false, || {});
        sweep(world, &bundle, &bundle.create(NONE), true, || {});
    });
}

#[test]
fn killed_while_it_writes_a_pid_file() {
    on_this_host(|world: &World| {
        if !has_strace() {
            return;
        }
        let bundle = world.bundle();
        let place = world.path("pids");
        std::fs::create_dir(&place).unwrap();
        let file = place.join("pid");
        let create = bundle.create(["--pid-file", file.to_str().unwrap()]);
        std::fs::write(&file, "before").unwrap();
        let all = points(world, &create, false);
        bundle.delete();
        let last = |name: &str| all.iter().rfind(|point| point.0 == name).cloned().unwrap();
        for point in [last("openat"), last("write"), last("linkat"), last("unlinkat")] {
            std::fs::write(&file, "before").unwrap();
            assert!(killed_at(&create, &point, false), "{point:?}");
            for one in std::fs::read_dir(&place).unwrap() {
                assert_eq!(one.unwrap().path(), file, "{point:?}");
            }
            bundle.delete();
        }
    });
}

#[test]
fn killed_while_it_creates_with_a_service_manager() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let bundle = world.bundle();
        let path = world.path("manager");
        let _manager = UnixDatagram::bind(&path).unwrap();
        let cmd = bundle.create(NONE).env("NOTIFY_SOCKET", &path);
        sweep(world, &bundle, &cmd, false, || {});
    });
}

#[test]
fn killed_while_it_runs() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let mut bundle = world.bundle();
        sweep(world, &bundle, &bundle.run(["--detach"]).leaves_behind(), false, || {});
        bundle.args(["/bin/true"]);
        sweep(world, &bundle, &bundle.run(NONE), true, || {});
    });
}

#[test]
fn killed_while_it_starts() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let bundle = world.bundle();
        let create = || drop(bundle.create(NONE).run().success());
        sweep(world, &bundle, &bundle.verb("start"), false, create);
    });
}

#[test]
fn killed_while_it_executes() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let bundle = world.bundle();
        let run = || assert!(bundle.detach() > 0);
        let exec = ["exec", "--detach", &bundle.id, "/probe", "sleep", "1000"];
        let exec = bundle.nsrun(exec).leaves_behind();
        sweep(world, &bundle, &exec, true, run);
    });
}

#[test]
fn killed_while_it_updates() {
    // The v2 view has no controllers to limit anything by.
    on_this_host(|world: &World| {
        if !has_strace() {
            return;
        }
        let bundle = world.bundle();
        let run = || assert!(bundle.detach() > 0);
        let update = bundle.nsrun(["update", "--pids-limit", "50", &bundle.id]);
        sweep(world, &bundle, &update, false, run);
    });
}

#[test]
fn killed_while_it_pauses_and_resumes() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let bundle = world.bundle();
        let before = world.snapshot();
        bundle.detach();
        let mut killed = 0;
        for (verb, other) in [("pause", "resume"), ("resume", "pause")] {
            let cmd = bundle.verb(verb);
            let all = points(world, &cmd, false);
            for point in all {
                bundle.verb(other).run().success();
                killed += usize::from(killed_at(&cmd, &point, false));
                // Whatever it is now, that is true of all, and either verb goes on from there.
                let at = format!("{verb} killed at call {} of {}", point.1, point.0);
                let status = bundle.status();
                assert!(["running", "paused"].contains(&status.as_str()), "{at}: {status}");
                if (verb == "pause") == (status == "running") {
                    cmd.clone().run().success();
                }
            }
            bundle.verb(other).run();
            cmd.run();
        }
        assert!(killed > 0);
        clean_up(&bundle, &before, "killed while it pauses");
    });
}

#[test]
fn killed_where_the_kernel_has_no_cgroup_kill() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let mut bundle = world.bundle();
        bundle.sh("while :; do (sleep 0.1 & sleep 0.1 & wait) & sleep 0.01; done");
        let before = world.snapshot();
        bundle.detach();
        let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", "cgroup.kill"];
        let fault = ["-e", "trace=openat", "-e", "inject=openat:error=ENOENT"];
        let delete = bundle.nsrun(["delete", "--force", &bundle.id]);
        delete.by([&strace[..], &fault].concat()).run().success();
        let left = before.wait_restored(Duration::from_secs(3));
        assert!(left.is_empty(), "{left}");
    });
}

#[test]
fn killed_while_it_deletes() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let bundle = world.bundle();
        let run = || assert!(bundle.detach() > 0);
        let delete = bundle.nsrun(["delete", "--force", &bundle.id]);
        sweep(world, &bundle, &delete, false, run);
    });
}

#[test]
fn a_step_that_fails_leaves_nothing() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let mut bundle = world.bundle();
        bundle.args(["/bin/true"]);
        for cmd in [bundle.create(NONE), bundle.run(NONE)] {
            let before = world.snapshot();
            let all = points(world, &cmd, false);
            clean_up(&bundle, &before, "nothing failed");
            let step = step(all.len());
            let mut failed = 0;
            for (index, point) in all.iter().enumerate().step_by(step) {
                let errno = ["EIO", "ENOSPC", "EPERM", "EMFILE", "ENOMEM"][index % 5];
                let at = format!("{errno} at call {} of {}", point.1, point.0);
                if fails_at(&cmd, point, errno) {
                    failed += 1;
                    let left = before.wait_restored(Duration::from_secs(3));
                    assert!(left.is_empty(), "{at}:\n{left}");
                } else {
                    clean_up(&bundle, &before, &at);
                }
            }
            println!("NOTE: {failed} of {} calls mattered", all.len());
            assert!(failed > 0);
        }
    });
}
