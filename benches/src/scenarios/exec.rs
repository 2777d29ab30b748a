//! Into a running container.

use crate::Result;
use crate::arguments::Verb;
use crate::candidate::Kind;
use crate::figures::Held;
use crate::launch::{self, Case, Plan};
use crate::table::Table;
use crate::world::World;

/// /bin/true into a running container of each candidate.
pub fn exec(world: &World) -> Result<Vec<Table>> {
    let mut holds = Vec::new();
    let mut cases = Vec::new();
    for candidate in world.of(&[Kind::Floor, Kind::Nsinit, Kind::Oci]) {
        match Held::start(world, candidate) {
            Ok(held) => {
                cases.push(Case::new(&candidate.name, Ok(vec![held.exec.clone()])));
                holds.push(held);
            }
            Err(why) => cases.push(Case::new(&candidate.name, Err(why))),
        }
    }
    let plan = Plan {
        key: "exec",
        title: "exec /bin/true in a running container",
        rounds: world.arguments.rounds,
        paused: world.arguments.verb != Verb::Check,
        calls: true,
    };
    launch::tables(world, plan, &cases)
}
