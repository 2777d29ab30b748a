//! Many starts at once.

use crate::Result;
use crate::candidate::{Candidate, Kind};
use crate::figures;
use crate::launch::{self, Step};
use crate::machine;
use crate::stats;
use crate::table::Table;
use crate::world::World;

const JOBS: u32 = 16;
/// Of the floor, the reference and ours; the others start fewer, being slow.
const MANY: u32 = 500;
const FEWER: u32 = 100;

/// So often each takes its turn, and in each round another is the first.
const ROUNDS: usize = 3;

/// Detached starts, 16 at a time, and then the deletes.
pub fn burst(world: &World) -> Result<Vec<Table>> {
    let mut all: Vec<_> = world
        .of(&[Kind::Floor, Kind::Oci])
        .into_iter()
        .map(|candidate| (candidate.name.clone(), Burst::of(world, candidate)))
        .collect();
    for round in 0..ROUNDS {
        let count = all.len();
        for turn in 0..count {
            let (_, burst) = &mut all[(turn + round) % count];
            if let Err(why) = burst.as_mut().map_or(Ok(()), |burst| burst.run(world)) {
                *burst = Err(why);
            }
        }
    }
    let rows = |which: fn(&Burst) -> &Turns| {
        let row = |(name, burst): &(String, Result<Burst>)| {
            let figures = burst.as_ref().map_err(Clone::clone);
            (name.clone(), figures.and_then(|burst| which(burst).figures()))
        };
        all.iter().map(row).collect()
    };
    let columns = ["containers per second", "median, ms", "p99, ms", "p99 / median", "containers"];
    let title = "16 starts at a time of detached containers";
    let starts = figures::table(world, "burst", title, &columns, rows(|burst| &burst.starts));
    let title = "16 deletes (--force) at a time of running containers";
    let deletes = rows(|burst| &burst.deletes);
    Ok(vec![starts, figures::table(world, "burst-delete", title, &columns, deletes)])
}

/// What one candidate does, and what came of it.
struct Burst {
    start: Step,
    delete: Step,
    /// So many containers at once.
    count: u32,
    starts: Turns,
    deletes: Turns,
}

impl Burst {
    fn of(world: &World, candidate: &Candidate) -> Result<Self> {
        let (start, delete) = steps(world, candidate)?;
        let many = ["floor", "nsrun", "crun"].contains(&candidate.name.as_str());
        let count = if many { MANY } else { FEWER };
        Ok(Self { start, delete, count, starts: Turns::default(), deletes: Turns::default() })
    }

    fn run(&mut self, world: &World) -> Result<()> {
        machine::settle();
        self.starts.add(launch::at_once(world, JOBS, self.count, &self.start));
        self.deletes.add(launch::at_once(world, JOBS, self.count, &self.delete));
        self.starts.why.clone().map_or(Ok(()), Err)
    }
}

/// All turns of one candidate.
#[derive(Default)]
struct Turns {
    samples: Vec<stats::Sample>,
    ns: f64,
    turns: usize,
    why: Option<String>,
}

impl Turns {
    fn add(&mut self, turn: Result<(Vec<stats::Sample>, f64)>) {
        match turn {
            Ok((samples, ns)) => {
                self.samples.extend(samples);
                self.ns += ns;
                self.turns += 1;
            }
            Err(why) => self.why = Some(why),
        }
    }

    fn figures(&self) -> Result<Vec<f64>> {
        if let Some(why) = &self.why {
            return Err(why.clone());
        }
        let summary = stats::summarize(&self.samples).ok_or("no run")?;
        let count = self.samples.len() as f64;
        let (median, p99) = (summary.median_ms, summary.p99_ms);
        let at_once = count / self.turns as f64;
        Ok(vec![count / (self.ns / 1e9), median, p99, p99 / median, at_once])
    }
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
