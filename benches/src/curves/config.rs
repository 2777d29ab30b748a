//! Large configurations and environments.

use super::devices::with;
use super::{Curve, one};
use crate::Result;
use crate::table::Table;
use crate::world::World;

/// config.json of 10 KiB to 10 MiB, most of it annotations; an environment of 1 KiB to 1 MiB.
pub fn sizes(world: &World) -> Result<Vec<Table>> {
    let floor = world.floor()?;
    let filler = "x".repeat(1000);
    let mut configs = Curve::new("config", "run with a config.json of so much");
    for (kib, size) in [(10, "10 KiB"), (100, "100 KiB"), (1024, "1 MiB"), (10_240, "10 MiB")] {
        let mut cases = vec![one("floor", floor.run(world))];
        cases.extend(with(world, &format!("config-{kib}"), |config| {
            for number in 0..kib - 5 {
                config["annotations"][format!("org.example.{number}")] = filler.as_str().into();
            }
        }));
        configs.measure(world, size, 10, &cases)?;
    }
    let mut environments = Curve::new("environment", "run with an environment of so much");
    for (kib, size) in [(1, "1 KiB"), (10, "10 KiB"), (100, "100 KiB"), (1024, "1 MiB")] {
        let mut cases = vec![one("floor", floor.run(world))];
        cases.extend(with(world, &format!("environment-{kib}"), |config| {
            if let Some(list) = config["process"]["env"].as_array_mut() {
                list.extend((0..kib).map(|number| format!("V{number}={filler}").into()));
            }
        }));
        environments.measure(world, size, 10, &cases)?;
    }
    Ok(vec![configs.table(world), environments.table(world)])
}
