//! `nsinit list`

use std::io::IsTerminal;

use cli::print;
use cli::verb::Given;
use libcontainer::{ErrorKind, Glance, Result, Status};
use serde::Serialize;

use crate::note::Note;
use crate::report::style;
use crate::settings::Settings;
use crate::state::json;
use crate::table::Table;

#[derive(Serialize)]
struct Row {
    id: String,
    pid: i32,
    status: Status,
    /// Milliseconds since 1970.
    created: u64,
    /// The directory that it belongs to; empty for one on a view of the host.
    directory: String,
}

/// Prints all containers. One whose record cannot be read is told about and passed over.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let mut rows = Vec::new();
    for seen in settings.factory.glances()? {
        match seen {
            Ok(seen) => rows.push(row(seen)),
            // It went while we looked.
            Err(error) if *error.kind() == ErrorKind::NotFound => {}
            Err(error) => settings.report.error(&error),
        }
    }
    if given.is_on("quiet") {
        let ids: String = rows.iter().map(|row| format!("{}\n", row.id)).collect();
        print(&ids)?;
    } else if given.text("format") == Some("json") {
        print(&json(&rows)?)?;
    } else {
        print(&table(&rows))?;
    }
    Ok(0)
}

fn row(seen: Glance) -> Row {
    let place = Note::of(&seen.brief.annotations).place;
    Row {
        id: seen.id,
        pid: seen.pid.unwrap_or(0),
        status: seen.status,
        created: seen.created,
        directory: place.map_or_else(String::new, |place| place.path().display().to_string()),
    }
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new(&["ID", "PID", "STATUS", "CREATED", "DIRECTORY"]);
    for row in rows {
        table.row([
            row.id.clone(),
            if row.pid == 0 { "-".to_owned() } else { row.pid.to_string() },
            row.status.name().to_owned(),
            format!("{}Z", cli::time::text(row.created / 1000, ' ')),
            row.directory.clone(),
        ]);
    }
    let colours = style(std::io::stdout().is_terminal());
    table.text(|column, cell| match (colours && column == 2, cell) {
        (true, "running") => Some("32"),
        (true, "paused") => Some("33"),
        (true, "stopped") => Some("31"),
        _ => None,
    })
}
