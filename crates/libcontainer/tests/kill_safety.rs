//! The creating process is killed at each of its system calls: what it leaves, `destroy` removes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod faults;

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use common::{HostSnapshot, output, test};
use faults::{Point, Scenario, World};
use libcontainer::{ErrorKind, Process, Status, Target};

fn main() -> std::process::ExitCode {
    libcontainer::init();
    if faults::is_creator() {
        return faults::creator();
    }
    common::run(vec![
        test("killed_in_run", || killed_in(Scenario::Run)).in_both_views(),
        test("killed_in_run_with_a_user_namespace", || killed_in(Scenario::UserNamespace))
            .in_both_views(),
        test("killed_in_run_without_a_cgroup", || killed_in(Scenario::Bare)),
        test("killed_in_held_start", || killed_in(Scenario::Held)).in_both_views(),
        test("killed_in_run_with_hooks", || killed_in(Scenario::Hooks)),
        test("killed_in_run_with_a_network_device", || killed_in(Scenario::Devices)),
        test("killed_in_release", || killed_in(Scenario::Release)),
        test("killed_amid_hooks", killed_amid_hooks).in_both_views(),
        test("killed_in_exec", || killed_in(Scenario::Exec)).in_both_views(),
        test("killed_in_destroy", || killed_in(Scenario::Destroy)).in_both_views(),
        test("supervisor_died", supervisor_died).in_both_views(),
        test("paused_and_killed_by_another", paused_and_killed_by_another).in_both_views(),
        test("held_and_released_by_another", held_and_released_by_another),
    ])
}

/// Long enough for what the kernel does by itself after a kill.
const SETTLE: Duration = Duration::from_secs(2);

fn killed_in(scenario: Scenario) {
    let Some(world) = World::new(scenario) else { return };
    let points = world.points();
    assert!(points.len() > 12, "only {} points: {points:?}", points.len());
    let mut wrong = Vec::new();
    let mut killed = 0;
    let began = std::time::Instant::now();
    for point in &points {
        match killed_at(&world, point) {
            Ok(struck) => killed += usize::from(struck),
            Err(why) => wrong.push(format!("killed before {point}: {why}")),
        }
    }
    println!(
        "  killed at {killed} of {} points of {scenario:?} in {:.1?}",
        points.len(),
        began.elapsed()
    );
    assert!(killed + wrong.len() > points.len() * 2 / 3);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), points.len(), wrong.join("\n"));
}

/// Whether the creator came to that point.
fn killed_at(world: &World, point: &Point) -> Result<bool, String> {
    let before = HostSnapshot::take(&world.place);
    world.prepare();
    let end = world.run_killed(point)?;
    // A point that this run did not come to ends well.
    if end.signal() != Some(9) && !end.success() {
        return Err(format!("the creator ended by {end}"));
    }
    world.clean_up(&before, SETTLE)?;
    Ok(!end.success())
}

/// A hook that runs goes with its creator, or with the init, and so does what it was for.
fn killed_amid_hooks() {
    let each = [
        (Scenario::Hooks, &["prestart", "createRuntime", "createContainer"][..]),
        (Scenario::Hooks, &["startContainer", "poststart"]),
        (Scenario::Release, &["startContainer", "poststart"]),
        (Scenario::Destroy, &["poststop"]),
    ];
    for (scenario, kinds) in each {
        let Some(world) = World::new(scenario) else { return };
        for kind in kinds {
            let before = HostSnapshot::take(&world.place);
            let outcome = world.run_killed_amid(kind).and_then(|()| {
                // The hooks that destroy runs are those of the record: the slow one, too.
                world.clean_up(&before, SETTLE)
            });
            assert_eq!(outcome, Ok(()), "{scenario:?} {kind}");
        }
    }
}

/// Its creator has ended, and somebody else goes on.
fn supervisor_died() {
    let Some(world) = World::new(Scenario::Run) else { return };
    let before = HostSnapshot::take(&world.place);
    let end = world.run_whole();
    assert!(end.success(), "{end}");
    {
        let container = world.place.factory().load(world.id()).unwrap();
        assert_eq!(container.status().unwrap(), Status::Running);
        let (said, code) = output(&["sh", "-c", "hostname; exit 3"], |it| container.exec(it));
        assert_eq!((said.trim(), code), ("nsinit", 3));
        let mut other = container.exec(Process::new(["sleep", "1000"]).silent()).unwrap();
        container.pause().unwrap();
        assert_eq!(container.status().unwrap(), Status::Paused);
        container.resume().unwrap();
        other.signal(15).unwrap();
        assert_eq!(other.wait().unwrap().signal(), Some(15));
        container.signal(9, Target::Init).unwrap();
        container.wait().ok();
        container.kill().unwrap();
        assert_eq!(container.status().unwrap(), Status::Stopped);
        container.destroy().unwrap();
    }
    world.clean_up(&before, SETTLE).unwrap();
}

/// A frozen process cannot end: whoever kills has to see to that.
fn paused_and_killed_by_another() {
    let Some(world) = World::new(Scenario::Run) else { return };
    let before = HostSnapshot::take(&world.place);
    assert!(world.run_whole().success());
    {
        let container = world.place.factory().load(world.id()).unwrap();
        container.pause().unwrap();
        let refused = container.exec(Process::new(["true"])).unwrap_err();
        assert_eq!(*refused.kind(), ErrorKind::Paused);
        let refused = container.destroy().unwrap_err();
        assert_eq!(*refused.kind(), ErrorKind::NotStopped);
        assert_eq!(container.status().unwrap(), Status::Paused);
    }
    world.clean_up(&before, SETTLE).unwrap();
}

/// The start socket outlives the program that made it.
fn held_and_released_by_another() {
    let Some(world) = World::new(Scenario::Held) else { return };
    let before = HostSnapshot::take(&world.place);
    assert!(world.run_whole().success());
    {
        let container = world.place.factory().load(world.id()).unwrap();
        assert_eq!(container.status().unwrap(), Status::Created);
        assert_eq!(output(&["echo", "in"], |it| container.exec(it)), ("in\n".to_owned(), 0));
        container.release().unwrap();
        assert_eq!(container.status().unwrap(), Status::Running);
        assert_eq!(*container.release().unwrap_err().kind(), ErrorKind::NotStopped);
    }
    world.clean_up(&before, SETTLE).unwrap();
}
