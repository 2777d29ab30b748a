//! create, start and delete as three commands.

use crate::Result;
use crate::candidate::{Candidate, Kind};
use crate::launch::{self, Case, Plan, Step};
use crate::table::Table;
use crate::world::World;

/// Timed are the three commands, not the time until the container's end between the latter two.
pub fn three_commands(world: &World) -> Result<Vec<Table>> {
    let floor = world.floor()?;
    let mut cases = vec![Case::new("floor", floor.run(world).map(|step| vec![step]))];
    cases.extend(world.of(&[Kind::Oci]).iter().map(|c| Case::new(&c.name, sequence(world, c))));
    let plan = Plan {
        key: "lifecycle",
        title: "create, start and delete, three commands (the floor: its run)",
        rounds: world.arguments.rounds * 2 / 3,
        paused: false,
        calls: false,
    };
    launch::tables(world, plan, &cases)
}

fn sequence(world: &World, candidate: &Candidate) -> Result<Vec<Step>> {
    let bundle = world.bundle(candidate, "true", &["/bin/true"], |_| ())?;
    let id = candidate.id("three");
    Ok(vec![
        candidate.step(&bundle, &["create", &id]),
        candidate.step(&bundle, &["start", &id]),
        Step::wait(),
        candidate.step(&bundle, &["delete", &id]),
    ])
}
