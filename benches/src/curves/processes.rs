//! Many processes in one container.

use std::fs;
use std::time::{Duration, Instant};

use super::{Curve, compared, one};
use crate::Result;
use crate::candidate::Candidate;
use crate::launch::{Case, Step};
use crate::table::Table;
use crate::world::World;

/// ps, pause and resume, kill --all, stats and delete --force with 1 to 10,000 processes.
pub fn processes(world: &World) -> Result<Vec<Table>> {
    let mut curve = Curve::new("processes", "with so many processes in the container");
    let mut delete = Curve::new("delete", "delete --force, once, with so many processes");
    for count in [1_u32, 10, 100, 1000, 10_000] {
        let size = count.to_string();
        let mut deletes = Vec::new();
        let mut cases = Vec::new();
        let mut started = Vec::new();
        for candidate in compared(world) {
            let id = candidate.id("processes");
            let step = |args: &[&str]| candidate.step(&world.dir, args);
            let result = start(world, candidate, &id, count);
            let name = |verb: &str| format!("{} {verb}", candidate.name);
            deletes.push(one(
                &name("delete"),
                result.clone().map(|()| step(&["delete", "--force", &id])),
            ));
            if let Err(why) = result {
                eprintln!("bench: {} with {count} processes: {why}", candidate.name);
                continue;
            }
            let pause: Vec<Step> = vec![step(&["pause", &id]), step(&["resume", &id])];
            cases.push(one(&name("ps"), Ok(step(&["ps", &id]))));
            cases.push(Case::new(&name("pause + resume"), Ok(pause)));
            cases.push(one(&name("kill --all"), Ok(step(&["kill", "--all", &id, "CONT"]))));
            if candidate.name == "nsrun" {
                cases.push(one(&name("events --stats"), Ok(step(&["events", "--stats", &id]))));
            }
            started.push((candidate, id));
        }
        curve.measure(world, &size, 8, &cases)?;
        // Once: there is nothing to be deleted the next time.
        let figures = deletes.iter().map(|case| {
            let step = case.steps.as_ref().ok().and_then(|steps| steps.first());
            let begin = Instant::now();
            let ended = step.and_then(|step| step.check().ok());
            (case.name.clone(), ended.map(|_| begin.elapsed().as_secs_f64() * 1e3))
        });
        let figures: Vec<_> = figures.collect();
        delete.put(&size, figures);
        for (candidate, id) in started {
            let _ = candidate.step(&world.dir, &["delete", "--force", &id]).check();
        }
    }
    Ok(vec![curve.table(world), delete.table(world)])
}

/// A container whose shell has `count - 1` children, when all are there.
fn start(world: &World, candidate: &Candidate, id: &str, count: u32) -> Result<()> {
    let script = format!(
        "i=1; while [ $i -lt {count} ]; do sleep 1000 & i=$((i+1)); done; wait; exec sleep 1000"
    );
    let bundle = world.bundle(
        candidate,
        &format!("processes-{count}"),
        &["/bin/sh", "-c", &script],
        |_| (),
    )?;
    candidate.step(&bundle, &["run", "--detach", id]).quietly()?;
    let pid_file = candidate.step(&bundle, &["state", id]).check()?;
    let state: serde_json::Value =
        serde_json::from_slice(&pid_file.stdout).map_err(|error| format!("state: {error}"))?;
    let children = format!("/proc/{0}/task/{0}/children", state["pid"]);
    let begin = Instant::now();
    loop {
        let there = fs::read_to_string(&children).unwrap_or_default().split_whitespace().count();
        if there + 1 >= count as usize {
            return Ok(());
        }
        if begin.elapsed() > Duration::from_secs(60) {
            let _ = candidate.step(&bundle, &["delete", "--force", id]).check();
            return Err(format!("{there} of {count} after a minute"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
