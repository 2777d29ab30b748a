//! Whatever step of nsrun fails, in itself or in its children: it says so and ends, nothing is
//! left without any delete, and the container that is there stays as it is. E2E_WHOLE tries each
//! errno of each call; a sample of them is tried else.

use std::time::Duration;

use e2e::trace::{Fault, faults, has_strace, run_with};
use e2e::{Bundle, Cmd, Run, Snapshot, World, each_view, on_this_host};
use serde_json::json;

/// No flags.
const NONE: [&str; 0] = [];

/// How many faults of a command are tried in each view.
const MOST: usize = 20;

fn restored(before: &Snapshot, at: &Fault, run: &Run) -> Result<(), String> {
    let left = before.wait_restored(Duration::from_secs(4));
    match left.is_empty() {
        true => Ok(()),
        false => Err(format!("{at}: {}: {}{left}", run.status, run.err)),
    }
}

/// A bundle that uses what nsrun has: limits, a tmpfs with a copy, a bind, masks.
fn bundle(world: &World) -> Bundle {
    let mut bundle = world.bundle();
    bundle.push(
        "/mounts",
        json!({"destination": "/opt", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}),
    );
    bundle.push(
        "/mounts",
        json!({"destination": "/mnt", "type": "bind", "source": "/tmp", "options": ["rbind", "ro"]}),
    );
    bundle.set("/linux/sysctl", json!({"net.ipv4.ip_forward": "1"}));
    if world.view == e2e::View::Host {
        bundle.set("/linux/resources", json!({"pids": {"limit": 100}}));
    }
    bundle
}

/// Tries faults of `cmd`, each after `prepare`; `judge` tells what is wrong afterwards.
fn each(
    world: &World,
    cmd: &Cmd,
    prepare: impl Fn(),
    judge: impl Fn(&Fault, &Run) -> Result<(), String>,
) {
    prepare();
    let all = faults(world, cmd, MOST);
    let (mut failed, mut wrong) = (0, Vec::new());
    for fault in &all {
        prepare();
        let run = run_with(world, cmd, fault);
        failed += usize::from(!run.status.success());
        if !run.status.success() && run.err.trim().is_empty() {
            wrong.push(format!("{fault}: {} without a word", run.status));
        }
        wrong.extend(judge(fault, &run).err());
    }
    println!("NOTE: {failed} of {} faults mattered", all.len());
    assert!(failed > 0);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

/// The bundle's container is gone, if it was there.
fn gone(bundle: &Bundle) {
    bundle.nsrun(["delete", "--force", &bundle.id]).run();
}

/// A container's making: what failed has left nothing, what went well is removed.
fn making(world: &World, bundle: &Bundle, cmd: &Cmd) {
    // Mount points that the root file system lacks are made by the first.
    bundle.create(NONE).run().success();
    gone(bundle);
    let before = world.snapshot();
    each(
        world,
        cmd,
        || gone(bundle),
        |fault, run| {
            // A fault that was meant for a child may strike nsrun's own cleaning up, which says so.
            let told = fault.follow && run.err.contains("something is left: nsrun delete --force");
            if run.status.success() || told {
                gone(bundle);
            }
            restored(&before, fault, run)
        },
    );
    gone(bundle);
    before.assert_restored();
}

#[test]
fn in_create() {
    each_view(|world: &World| {
        if has_strace() {
            let bundle = bundle(world);
            making(world, &bundle, &bundle.create(NONE));
        }
    });
}

#[test]
fn in_run() {
    each_view(|world: &World| {
        if has_strace() {
            let mut bundle = bundle(world);
            bundle.args(["/bin/true"]);
            making(world, &bundle, &bundle.run(NONE));
        }
    });
}

#[test]
fn in_run_in_the_background() {
    each_view(|world: &World| {
        if has_strace() {
            let bundle = bundle(world);
            making(world, &bundle, &bundle.run(["--detach"]).leaves_behind());
        }
    });
}

#[test]
fn in_start() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let bundle = bundle(world);
        let create = || {
            gone(&bundle);
            bundle.create(NONE).run().success();
        };
        create();
        gone(&bundle);
        let before = world.snapshot();
        each(world, &bundle.verb("start"), create, |fault, run| {
            let status = bundle.status();
            gone(&bundle);
            match status.as_str() {
                "running" => {}
                "created" | "stopped" if !run.status.success() => {}
                _ => return Err(format!("{fault}: {}, and it is {status}", run.status)),
            }
            restored(&before, fault, run)
        });
    });
}

#[test]
fn in_delete() {
    each_view(|world: &World| {
        if !has_strace() {
            return;
        }
        let bundle = bundle(world);
        let before = world.snapshot();
        let delete = bundle.nsrun(["delete", "--force", &bundle.id]);
        let detach = || {
            gone(&bundle);
            bundle.run(["--detach"]).leaves_behind().run().success();
        };
        detach();
        gone(&bundle);
        let before = Snapshot::again(&before);
        each(world, &delete, detach, |fault, run| {
            if !run.status.success() {
                gone(&bundle);
            }
            restored(&before, fault, run)
        });
    });
}

/// A command about a running container, which is as it was afterwards.
fn about_a_running_one(world: &World, command: impl Fn(&Bundle) -> Cmd) {
    if !has_strace() {
        return;
    }
    let bundle = bundle(world);
    bundle.create(NONE).run().success();
    gone(&bundle);
    let nothing = world.snapshot();
    let pid = bundle.detach();
    let before = world.snapshot();
    each(
        world,
        &command(&bundle),
        || {},
        |fault, run| {
            let mut state = bundle.state();
            if state["status"] == "paused" {
                bundle.verb("resume").run().success();
                state = bundle.state();
            }
            if (&state["status"], state["pid"].as_i64()) != (&"running".into(), Some(pid.into())) {
                return Err(format!("{fault}: {state}"));
            }
            restored(&before, fault, run)
        },
    );
    gone(&bundle);
    nothing.assert_restored();
}

#[test]
fn in_exec() {
    each_view(|world: &World| {
        about_a_running_one(world, |bundle| bundle.exec(["/bin/true"]));
    });
}

#[test]
fn in_update() {
    // The v2 view has no controllers to limit anything by.
    on_this_host(|world: &World| {
        about_a_running_one(world, |bundle| {
            bundle.nsrun(["update", "--pids-limit", "50", &bundle.id])
        });
    });
}

#[test]
fn in_pause_and_what_only_looks() {
    each_view(|world: &World| {
        about_a_running_one(world, |bundle| bundle.verb("pause"));
        about_a_running_one(world, |bundle| bundle.verb("ps"));
        about_a_running_one(world, |bundle| bundle.nsrun(["events", "--stats", &bundle.id]));
    });
}
