//! Beside other containers.

use super::{Curve, one};
use crate::Result;
use crate::candidate::Kind;
use crate::figures::Held;
use crate::scenarios::verbs::Crowd;
use crate::table::Table;
use crate::world::World;

/// run, exec and state beside 0 to 1,000 containers of our own.
pub fn containers(world: &World) -> Result<Vec<Table>> {
    let oci = world.of(&[Kind::Oci]);
    let nsrun = oci.iter().find(|candidate| candidate.name == "nsrun").ok_or("no nsrun")?;
    let floor = world.floor()?;
    let (held, floor_held) = (Held::start(world, nsrun)?, Held::start(world, floor)?);
    let mut curve = Curve::new("live", "beside so many running containers");
    for count in [0, 10, 100, 1000] {
        let crowd = Crowd::start(world, nsrun, count);
        crowd.started.clone()?;
        let cases = [
            one("floor run", floor.run(world)),
            one("nsrun run", nsrun.run(world)),
            one("floor exec", Ok(floor_held.exec.clone())),
            one("nsrun exec", Ok(held.exec.clone())),
            one("nsrun state", Ok(nsrun.step(&world.dir, &["state", &held.id]))),
        ];
        curve.measure(world, &count.to_string(), 40, &cases)?;
    }
    Ok(vec![curve.table(world)])
}
