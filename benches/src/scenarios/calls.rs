//! System calls, for the regression check.

use crate::Result;
use crate::candidate::Kind;
use crate::figures::{self, Held};
use crate::launch::Step;
use crate::syscalls::{self, Which};
use crate::table::Table;
use crate::world::World;

/// Some starts meet their own leftovers (a socket that is not there yet, a lock that is held) and
/// look twice: the fewest of so many is the same always.
const TIMES: u32 = 12;

/// The steady calls of run, exec, state, kill and a list of one, of ours.
pub fn steady(world: &World) -> Result<Table> {
    let mut rows = Vec::new();
    for candidate in world.of(&[Kind::Nsinit, Kind::Oci]) {
        // nsinit's run looks again and again whether the control group is empty: not steady. Where
        // there are neighbours, nsrun's looks for one of them, which comes sooner or later.
        if candidate.kind == Kind::Oci {
            let run = candidate.run(world).and_then(|step| fewest(world, &step));
            rows.push((format!("{} run", candidate.name), run));
        }
        let held = Held::start(world, candidate)?;
        rows.push((format!("{} exec", candidate.name), fewest(world, &held.exec)));
        if candidate.kind == Kind::Oci {
            let id = &held.id;
            for args in [&["state", id][..], &["kill", id, "USR1"], &["list"]] {
                let step = candidate.step(&world.dir, args);
                rows.push((format!("{} {}", candidate.name, args[0]), fewest(world, &step)));
            }
        }
    }
    Ok(figures::table(world, "calls", "system calls that do not wait", &["calls"], rows))
}

fn fewest(world: &World, step: &Step) -> Result<Vec<f64>> {
    let counts = (0..TIMES)
        .filter_map(|_| syscalls::count(world, std::slice::from_ref(step), Which::Steady));
    counts.min().map(|calls| vec![calls as f64]).ok_or("strace did not count".to_owned())
}
