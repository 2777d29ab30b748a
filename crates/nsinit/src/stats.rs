//! `nsinit stats`

mod openmetrics;

use std::collections::BTreeMap;

use cli::print;
use cli::verb::Given;
use libcontainer::{Container, ErrorKind, Result, Stats, Status};

use crate::settings::Settings;
use crate::state::json;

/// A limit from here on is none: what the kernel says then differs with the version and the
/// resource, and is always near its largest number.
pub const NO_LIMIT: u64 = 1 << 62;

/// Prints what a container uses, or what all use.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let metrics = given.text("format") == Some("openmetrics");
    if given.is_on("all") {
        let all = everything(settings)?;
        let running = all.iter().filter_map(|(id, _, stats)| Some((id, stats.as_ref()?)));
        let out = match metrics {
            true => openmetrics::text(&all),
            false => json(&running.collect::<BTreeMap<_, _>>())?,
        };
        print(&out)?;
        return Ok(0);
    }
    let container = settings.container(given)?;
    let stats = container.stats()?;
    let out = match metrics {
        true => openmetrics::text(&[(container.id().to_owned(), container.status()?, Some(stats))]),
        false => json(&stats)?,
    };
    print(&out)?;
    Ok(0)
}

/// A container and what it uses, while it runs.
type One = (String, Status, Option<Stats>);

/// All containers. One that cannot be read is told about and passed over.
fn everything(settings: &Settings) -> Result<Vec<One>> {
    let mut all = Vec::new();
    for id in settings.factory.list()? {
        match settings.factory.load(&id).and_then(|container| one(&container)) {
            Ok(one) => all.push(one),
            // It went while we looked.
            Err(error) if *error.kind() == ErrorKind::NotFound => {}
            Err(error) => settings.report.error(&error),
        }
    }
    Ok(all)
}

fn one(container: &Container) -> Result<One> {
    let status = container.status()?;
    let stats = match container.stats() {
        // It is being made, or has ended.
        Err(error) if *error.kind() == ErrorKind::NotRunning => None,
        // It ended while we looked.
        Err(_) if !container.status()?.is_alive() => None,
        stats => Some(stats?),
    };
    Ok((container.id().to_owned(), status, stats))
}
