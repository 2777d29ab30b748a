//! `nsinit ps`

mod read;

use cli::print;
use cli::verb::Given;
use libcontainer::Result;

use crate::settings::Settings;
use crate::state::json;
use crate::table::Table;

/// Prints a container's processes.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let container = settings.container(given)?;
    let mut pids = container.processes()?;
    pids.sort_unstable();
    if given.is_on("quiet") {
        let pids: String = pids.iter().map(|pid| format!("{pid}\n")).collect();
        print(&pids)?;
        return Ok(0);
    }
    let rows: Vec<read::Row> = pids.into_iter().filter_map(read::row).collect();
    if given.text("format") == Some("json") {
        print(&json(&rows)?)?;
        return Ok(0);
    }
    let mut table = Table::new(&["PID", "INSIDE", "PPID", "UID", "STATE", "TIME", "COMMAND"]);
    for row in rows {
        let seconds = row.milliseconds / 1000;
        table.row([
            row.pid.to_string(),
            row.inside.to_string(),
            row.parent.to_string(),
            row.uid.to_string(),
            row.state,
            format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
            row.command,
        ]);
    }
    print(&table.text(|_, _| None))?;
    Ok(0)
}
