//! Device nodes and device rules.

use serde_json::{Value, json};

use super::{Curve, compared, one};
use crate::Result;
use crate::launch::Case;
use crate::table::Table;
use crate::world::World;

const COUNTS: [u32; 4] = [0, 10, 100, 1000];

/// 0 to 1,000 nodes.
pub fn nodes(world: &World) -> Result<Vec<Table>> {
    let floor = world.floor()?;
    let rootfs = world.rootfs.to_string_lossy();
    let mut curve = Curve::new("devices", "run with so many device nodes of the config's");
    for count in COUNTS {
        let args = ["-d", &count.to_string(), "run", &rootfs, "/bin/true"];
        let mut cases = vec![one("floor", Ok(floor.step(&world.dir, &args)))];
        cases.extend(with(world, &format!("nodes-{count}"), |config| {
            let node = |number| json!({ "path": format!("/dev/node{number}"), "type": "c", "major": 1, "minor": 3 });
            config["linux"]["devices"] = (0..count).map(node).collect();
        }));
        curve.measure(world, &count.to_string(), 12, &cases)?;
    }
    Ok(vec![curve.table(world)])
}

/// 0 to 1,000 rules that differ.
pub fn rules(world: &World) -> Result<Vec<Table>> {
    let floor = world.floor()?;
    let mut curve = Curve::new("rules", "run with so many device rules (the floor has none)");
    for count in COUNTS {
        let mut cases = vec![one("floor", floor.run(world))];
        cases.extend(with(world, &format!("rules-{count}"), |config| {
            let rule = |minor| json!({ "allow": true, "type": "c", "major": 200, "minor": minor * 2, "access": "rw" });
            let none = json!([{ "allow": false, "access": "rwm" }]);
            let list = &mut config["linux"]["resources"]["devices"];
            *list = none;
            if let Some(list) = list.as_array_mut() {
                list.extend((0..count).map(rule));
            }
        }));
        curve.measure(world, &count.to_string(), 12, &cases)?;
    }
    Ok(vec![curve.table(world)])
}

/// run of those compared, with an edited config.
pub fn with(world: &World, name: &str, edit: impl Fn(&mut Value)) -> Vec<Case> {
    let case = |candidate: &crate::candidate::Candidate| {
        let bundle = world.bundle(candidate, name, &["/bin/true"], &edit);
        let id = candidate.id(name);
        one(&candidate.name, bundle.map(|dir| candidate.step(&dir, &["run", &id])))
    };
    compared(world).into_iter().map(case).collect()
}
