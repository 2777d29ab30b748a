//! Short verbs on running containers, and what runtimes leave in memory beside them.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::candidate::{Candidate, Kind};
use crate::figures::{self, Held};
use crate::launch::{self, Case, Plan};
use crate::table::Table;
use crate::world::World;

/// So many containers are listed.
const LISTED: u32 = 100;

/// state and kill, with what is left of each runtime while its container runs.
pub fn verbs(world: &World) -> Result<Vec<Table>> {
    let held: Vec<(&Candidate, Result<Held>)> =
        world.of(&[Kind::Oci]).into_iter().map(|c| (c, Held::start(world, c))).collect();
    let mut tables = Vec::new();
    // The first process of a PID namespace is not hurt by a signal that it does not handle.
    for (key, args) in [("state", &["state"][..]), ("kill", &["kill"])] {
        let mut cases = host(world)?;
        for (candidate, held) in &held {
            let steps = held.as_ref().map_err(String::clone).map(|held| {
                let mut args = [args, &[&held.id]].concat();
                args.extend((key == "kill").then_some("USR1"));
                vec![candidate.step(&world.dir, &args)]
            });
            cases.push(Case::new(&candidate.name, steps));
        }
        let plan =
            Plan { key, title: key, rounds: world.arguments.rounds, paused: false, calls: true };
        tables.extend(launch::tables(world, plan, &cases)?);
    }
    let left = held.iter().map(|(candidate, held)| {
        (
            candidate.name.clone(),
            held.as_ref().map_err(String::clone).map(|_| left(&candidate.program)),
        )
    });
    tables.push(figures::table(
        world,
        "left",
        "left while a detached container runs",
        &["resident memory of the runtime's processes, KiB", "processes"],
        left.collect(),
    ));
    Ok(tables)
}

/// Starting a static program is a part of every verb.
fn host(world: &World) -> Result<Vec<Case>> {
    let hosts = world.of(&[Kind::Host]);
    Ok(hosts.iter().map(|c| Case::new(&c.name, c.run(world).map(|step| vec![step]))).collect())
}

/// Resident KiB and number of processes that execute `program`.
fn left(program: &str) -> Vec<f64> {
    let mut found = vec![0.0, 0.0];
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let path = process.path();
        if !fs::read_link(path.join("exe")).is_ok_and(|exe| exe == Path::new(program)) {
            continue;
        }
        let status = fs::read_to_string(path.join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        found[0] += kib.unwrap_or(0.0);
        found[1] += 1.0;
    }
    found
}

/// list of 100 running containers.
pub fn list(world: &World) -> Result<Vec<Table>> {
    let mut cases = host(world)?;
    let crowds: Vec<Crowd> = world
        .of(&[Kind::Oci])
        .into_iter()
        .map(|candidate| Crowd::start(world, candidate, LISTED))
        .collect();
    for crowd in &crowds {
        let steps =
            crowd.started.clone().map(|()| vec![crowd.candidate.step(&world.dir, &["list"])]);
        cases.push(Case::new(&crowd.candidate.name, steps));
    }
    let plan = Plan {
        key: "list",
        title: "list of 100 containers",
        rounds: world.arguments.rounds / 3,
        paused: false,
        calls: true,
    };
    launch::tables(world, plan, &cases)
}

/// Many sleeping containers of one candidate. Ended when dropped.
#[derive(Debug)]
pub struct Crowd<'a> {
    world: &'a World,
    pub candidate: &'a Candidate,
    count: u32,
    pub started: Result<()>,
}

impl<'a> Crowd<'a> {
    /// Starts them, few at a time.
    pub fn start(world: &'a World, candidate: &'a Candidate, count: u32) -> Self {
        let id = candidate.id("crowd-%");
        let started =
            world.bundle(candidate, "sleep", &["/bin/sleep", "1000"], |_| ()).and_then(|bundle| {
                let step = candidate.step(&bundle, &["run", "--detach", &id]);
                launch::at_once(world, 2, count, &step).map(|_| ())
            });
        Self { world, candidate, count, started }
    }
}

impl Drop for Crowd<'_> {
    fn drop(&mut self) {
        let id = self.candidate.id("crowd-%");
        let step = self.candidate.step(&self.world.dir, &["delete", "--force", &id]);
        if let Err(why) = launch::at_once(self.world, 16, self.count, &step)
            && self.started.is_ok()
        {
            eprintln!("bench: {}: delete: {why}", self.candidate.name);
        }
    }
}
