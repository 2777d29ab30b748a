//! What is measured: one file for each kind of measurement.

mod burst;
mod calls;
mod docker;
mod exec;
mod library;
mod lifecycle;
mod limit;
mod rootless;
pub mod run;
mod size;
pub mod verbs;

use crate::Result;
use crate::table::Table;
use crate::world::World;

/// Makes tables.
type Measurement = fn(&World) -> Result<Vec<Table>>;

/// By key, in the order of the report. A key may make more tables, named after it.
const ALL: [(&str, Measurement); 12] = [
    ("run", run::plain),
    ("seccomp", run::seccomp),
    ("lifecycle", lifecycle::three_commands),
    ("exec", exec::exec),
    ("verbs", verbs::verbs),
    ("list", verbs::list),
    ("limit", limit::smallest),
    ("burst", burst::burst),
    ("library", library::in_a_loop),
    ("rootless", rootless::rootless),
    ("docker", docker::docker),
    ("size", size::size),
];

/// All that is wanted. What fails as a whole is told and left out.
pub fn all(world: &World) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    for (key, measurement) in ALL.into_iter().filter(|(key, _)| world.arguments.wants(key)) {
        eprintln!("bench: {}: {key}", world.layout.title());
        match measurement(world) {
            Ok(made) => tables.extend(made),
            Err(why) => eprintln!("bench: {key}: {why}"),
        }
    }
    Ok(tables)
}

/// What the regression check looks at.
pub fn checked(world: &World) -> Result<Vec<Table>> {
    let mut tables = run::plain(world)?;
    tables.extend(run::seccomp(world)?);
    tables.extend(exec::exec(world)?);
    tables.extend(verbs::verbs(world)?);
    tables.extend(verbs::list(world)?);
    tables.push(calls::steady(world)?);
    Ok(tables)
}
