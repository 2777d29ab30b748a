//! A checkpoint as both command lines make it: with progress on a terminal, and figures for
//! machines.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Instant;

use libcontainer::{
    CheckpointOptions, Container, Criu, DumpStatistics, Error, ErrorKind, RestoreStatistics, Result,
};
use serde::Serialize;

use crate::progress::Progress;

/// What `--format json` prints; times are in microseconds.
#[derive(Serialize)]
struct Told<'a, S> {
    id: &'a str,
    image_path: &'a Path,
    /// From the beginning to the end, with all that is not CRIU's.
    total_time: u64,
    criu: S,
}

/// Saves a container; with `json`, prints what there is to know of it.
///
/// # Errors
/// As [`Container::checkpoint`].
pub fn save(container: &Container, options: &CheckpointOptions, json: bool) -> Result<()> {
    let begin = Instant::now();
    let progress = Progress::of(container, options);
    let saved = container.checkpoint(options);
    let told = progress.end();
    saved?;
    if told && let Ok(statistics) = options.criu.dump_statistics() {
        summary(&statistics, begin);
    }
    if json {
        print(container.id(), &options.criu, begin, options.criu.dump_statistics()?)?;
    }
    Ok(())
}

/// Prints what there is to know of a restore that began then.
///
/// # Errors
/// As [`Criu::restore_statistics`].
pub fn tell_restored(container: &Container, criu: &Criu, begin: Instant) -> Result<()> {
    let statistics: RestoreStatistics = criu.restore_statistics()?;
    print(container.id(), criu, begin, statistics)
}

/// What takes the place of the progress.
fn summary(statistics: &DumpStatistics, begin: Instant) {
    let page = rustix::param::page_size() as u64;
    let bytes = statistics.pages_written * page;
    let mut out = std::io::stderr();
    if out.is_terminal() {
        let _ = writeln!(
            out,
            "saved {} MiB ({} pages) in {:.1} s, {:.1} s of them frozen",
            bytes / (1024 * 1024),
            statistics.pages_written,
            begin.elapsed().as_secs_f64(),
            statistics.frozen_time as f64 / 1e6,
        );
    }
}

fn print(id: &str, criu: &Criu, begin: Instant, statistics: impl Serialize) -> Result<()> {
    let total_time = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
    let told = Told { id, image_path: &criu.images, total_time, criu: statistics };
    let text = serde_json::to_string_pretty(&told)
        .map_err(|error| Error::new(ErrorKind::System, format!("writing JSON: {error}")))?;
    crate::print(&(text + "\n"))
}
