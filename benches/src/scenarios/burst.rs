//! Many starts at once.

use crate::Result;
use crate::candidate::{Candidate, Kind};
use crate::figures;
use crate::launch::{self, Step};
use crate::stats;
use crate::table::Table;
use crate::world::World;

const JOBS: u32 = 16;
/// Of the floor, the reference and ours; the others start fewer, being slow.
const MANY: u32 = 500;
const FEWER: u32 = 100;

/// Detached starts, 16 at a time, and then the deletes.
pub fn burst(world: &World) -> Result<Vec<Table>> {
    let (mut starts, mut deletes) = (Vec::new(), Vec::new());
    for candidate in world.of(&[Kind::Floor, Kind::Oci]) {
        let (start, delete) = both(world, candidate);
        starts.push((candidate.name.clone(), start));
        deletes.push((candidate.name.clone(), delete));
    }
    let columns = ["containers per second", "median, ms", "p99, ms", "p99 / median", "containers"];
    let title = "16 starts at a time of detached containers";
    let starts = figures::table(world, "burst", title, &columns, starts);
    let title = "16 deletes (--force) at a time of running containers";
    Ok(vec![starts, figures::table(world, "burst-delete", title, &columns, deletes)])
}

fn both(world: &World, candidate: &Candidate) -> (Result<Vec<f64>>, Result<Vec<f64>>) {
    let (start, delete) = match steps(world, candidate) {
        Ok(steps) => steps,
        Err(why) => return (Err(why.clone()), Err(why)),
    };
    let count =
        if ["floor", "nsrun", "crun"].contains(&candidate.name.as_str()) { MANY } else { FEWER };
    let started = launch::at_once(world, JOBS, count, &start).and_then(figures_of);
    let deleted = launch::at_once(world, JOBS, count, &delete).and_then(figures_of);
    (started, deleted)
}

fn steps(world: &World, candidate: &Candidate) -> Result<(Step, Step)> {
    let id = candidate.id("burst-%");
    if candidate.kind == Kind::Floor {
        let rootfs = world.rootfs.to_string_lossy();
        let start = ["-i", &id, "detach", &rootfs, "/bin/sleep", "1000"];
        return Ok((
            candidate.step(&world.dir, &start),
            candidate.step(&world.dir, &["-i", &id, "delete"]),
        ));
    }
    let bundle = world.bundle(candidate, "sleep", &["/bin/sleep", "1000"], |_| ())?;
    // One that does not start at all here is not tried many times.
    let tried = candidate.id("burst-tried");
    let delete = |id: &str| candidate.step(&bundle, &["delete", "--force", id]);
    let first = candidate.step(&bundle, &["run", "--detach", &tried]).quietly();
    let ended = delete(&tried).quietly();
    first.and(ended)?;
    Ok((candidate.step(&bundle, &["run", "--detach", &id]), delete(&id)))
}

fn figures_of((samples, all_ns): (Vec<stats::Sample>, f64)) -> Result<Vec<f64>> {
    let summary = stats::summarize(&samples).ok_or("no run")?;
    let count = samples.len() as f64;
    let (median, p99) = (summary.median_ms, summary.p99_ms);
    Ok(vec![count / (all_ns / 1e9), median, p99, p99 / median, count])
}
