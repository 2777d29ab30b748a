//! The library in a loop, without a process of its own for each container.

use std::process::Stdio;

use crate::Result;
use crate::candidate::{Kind, absolute};
use crate::figures;
use crate::launch::Step;
use crate::stats;
use crate::table::Table;
use crate::world::World;

/// Create, run /bin/true, wait, destroy: by the library (`examples/start_loop.rs`), with and
/// without a pool, and by the floor, each in one process, in turns of a few.
pub fn in_a_loop(world: &World) -> Result<Vec<Table>> {
    let oci = world.of(&[Kind::Oci]);
    let nsrun = oci.iter().find(|c| c.name == "nsrun").ok_or("no nsrun")?;
    let bundle = world.bundle(nsrun, "true", &["/bin/true"], |_| ())?;
    let program = absolute(&world.arguments.tools.join("start_loop"))?;
    let state = world.dir.join("state-library").to_string_lossy().into_owned();
    let each = (world.arguments.rounds / 5).max(5).to_string();
    let floor = world.floor()?;
    let rootfs = world.rootfs.to_string_lossy();
    let steps = [
        ("floor", floor.step(&world.dir, &["loop", &each, &rootfs, "/bin/true"])),
        ("library", Step::new(&bundle, &[&program, &each, &state])),
        ("library, a pool of one", Step::new(&bundle, &[&program, &each, &state, "pool"])),
    ];
    let mut times = steps.each_ref().map(|_| Ok(Vec::new()));
    for _ in 0..5 {
        for ((_, step), times) in steps.iter().zip(&mut times) {
            let more = numbers(step);
            if let Ok(list) = times {
                match more {
                    Ok(more) => list.extend(more),
                    Err(why) => *times = Err(why),
                }
            }
        }
    }
    let rows = steps.iter().zip(times).map(|((name, _), times)| {
        let cells = times.and_then(|times: Vec<f64>| {
            let of = |share| stats::quantile(times.clone(), share).ok_or("no run".to_owned());
            Ok(vec![of(0.5)?, of(0.99)?, of(0.0)?])
        });
        ((*name).to_owned(), cells)
    });
    let title = "create, run /bin/true, destroy in a loop of one process";
    let columns = ["median, ms", "p99, ms", "min, ms"];
    Ok(vec![figures::table(world, "library", title, &columns, rows.collect())])
}

/// The milliseconds that it prints as nanoseconds.
fn numbers(step: &Step) -> Result<Vec<f64>> {
    let output = step.command().stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{}: {error}", step.argv[0]))?;
    if !output.status.success() {
        return Err(format!("{}: {}", step.argv[0], output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| line.parse::<f64>().ok()).map(|ns| ns / 1e6).collect())
}
