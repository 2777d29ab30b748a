//! `nsinit top`

mod detail;
mod figures;
mod keys;
mod live;
mod screen;
mod view;
mod watch;

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use cli::print;
use cli::verb::Given;
use libcontainer::{Error, ErrorKind, Result};

use crate::settings::Settings;
use crate::table::Table;
use figures::Row;
use view::Key;
use watch::Watch;

/// The time between two looks unless another is asked for.
const USUAL: Duration = Duration::from_secs(1);

/// The time between the first two: what is used by time can only be told after the second.
const FIRST: Duration = Duration::from_millis(300);

/// Shows what all containers use, live on a terminal, else as plain tables.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let interval = interval(given)?;
    let sort = given.text("sort").and_then(Key::named).unwrap_or(Key::Cpu);
    let mut watch = Watch::new(&settings.factory);
    let live = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let rounds = match given.number("rounds") {
        Some(rounds) => Some(rounds),
        None => (given.is_on("once") || !live).then_some(1),
    };
    let id = given.text("id");
    if let Some(id) = id {
        settings.factory.load(id)?;
    }
    match rounds {
        Some(rounds) => plain(&mut watch, id, sort, interval, rounds),
        None => live::run(&mut watch, id, sort, interval),
    }
}

fn interval(given: &Given) -> Result<Duration> {
    let Some(text) = given.text("interval") else { return Ok(USUAL) };
    let seconds = text.strip_suffix('s').unwrap_or(text).parse().ok();
    let interval = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    interval.filter(|it| (0.1..=86_400.0).contains(&it.as_secs_f64())).ok_or_else(|| {
        let message = format!("--interval: {text:?} is not a number of seconds from 0.1 on");
        Error::new(ErrorKind::System, message)
    })
}

/// Tables for other programs and for paper.
fn plain(
    watch: &mut Watch<'_>,
    id: Option<&str>,
    sort: Key,
    interval: Duration,
    rounds: u32,
) -> Result<u8> {
    watch.look()?;
    for round in 0..rounds {
        std::thread::sleep(if round == 0 { FIRST.min(interval) } else { interval });
        let mut rows = watch.look()?;
        rows.retain(|row| id.is_none_or(|id| id == row.id));
        sort.sort(&mut rows, false);
        let gap = if round > 0 { "\n" } else { "" };
        print(&format!("{gap}{}", table(&rows)))?;
    }
    Ok(0)
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new(&[
        "ID", "STATUS", "CPU%", "MEMORY", "LIMIT", "READ/s", "WRITE/s", "PIDS", "CPU", "MEM", "IO",
    ]);
    for row in rows {
        let [cpu, memory, io] = row.pressure().map(figures::percent);
        table.row([
            row.id.clone(),
            row.status.name().to_owned(),
            figures::percent(row.rates.cpu),
            figures::bytes(row.memory()),
            figures::bytes(row.memory_limit()),
            figures::bytes(row.rates.read),
            figures::bytes(row.rates.write),
            row.processes(),
            cpu,
            memory,
            io,
        ]);
    }
    table.text(|_, _| None)
}

/// When a look is due again: what was missed, because this program was stopped, is not caught up.
fn after(due: Instant, interval: Duration) -> Instant {
    (due + interval).max(Instant::now())
}
