//! `nsinit config`

use cli::print;
use cli::verb::Given;
use libcontainer::config::print as document;
use libcontainer::{Result, Step};
use sys::Context;

use crate::change;
use crate::place::Place;
use crate::settings::Settings;
use crate::source;

/// Prints the container.json that `exec` would use here.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let found = source::read(given.text("config"), &Place::here()?)?;
    found.warnings.iter().for_each(|warning| settings.report.warning(warning));
    let mut config = found.config;
    for change in change::all(given)? {
        change.apply(&mut config);
    }
    let json = document(&config)?;
    match given.text("file") {
        Some(path) => std::fs::write(path, json).sys("write", || path).step(|| "--file")?,
        None => print(&json)?,
    }
    Ok(0)
}
