//! `nsinit config`

use clap::ArgMatches;
use cli::print;
use libcontainer::config::print as document;
use libcontainer::{Result, Step};
use sys::Context;

use crate::change;
use crate::place::Place;
use crate::settings::{Settings, text};
use crate::source;

/// Prints the container.json that `exec` would use here.
pub fn run(settings: &Settings, matches: &ArgMatches) -> Result<u8> {
    let found = source::read(text(matches, "config"), &Place::here()?)?;
    found.warnings.iter().for_each(|warning| settings.report.warning(warning));
    let mut config = found.config;
    for change in change::all(matches)? {
        change.apply(&mut config);
    }
    let json = document(&config)?;
    match text(matches, "file") {
        Some(path) => std::fs::write(path, json).sys("write", || path).step(|| "--file")?,
        None => print(&json)?,
    }
    Ok(0)
}
