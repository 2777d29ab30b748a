//! `nsrun list`

use cli::print;
use cli::verb::Given;
use libcontainer::{ErrorKind, Result};

use crate::arguments::text;
use crate::output::{compact, table};
use crate::settings::Settings;
use crate::state::{Owners, State};

/// Prints all containers. One whose record cannot be read is told about and passed over.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let mut states = Vec::new();
    let mut owners = Owners::default();
    for seen in settings.factory.glances()? {
        match seen {
            Ok(seen) => states.push(State::of(seen, &mut owners)),
            // It went while we looked.
            Err(error) if *error.kind() == ErrorKind::NotFound => {}
            Err(error) => settings.log.error(&error),
        }
    }
    if given.is_on("quiet") {
        print(&states.iter().map(|state| format!("{}\n", state.id)).collect::<String>())?;
    } else if text(given, "format") == Some("json") {
        print(&compact(&states)?)?;
    } else {
        let row = |state: State| {
            let (pid, status) = (state.pid.to_string(), state.status.name());
            [
                state.id.into(),
                pid.into(),
                status.into(),
                state.bundle.into(),
                state.created.into(),
                state.owner.into(),
            ]
        };
        let rows: Vec<_> = states.into_iter().map(row).collect();
        print(&table(["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"], &rows))?;
    }
    Ok(0)
}
