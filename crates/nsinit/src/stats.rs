//! `nsinit stats`

use clap::ArgMatches;
use cli::print;
use libcontainer::Result;

use crate::settings::Settings;
use crate::state::json;

/// Prints what a container uses.
pub fn run(settings: &Settings, matches: &ArgMatches) -> Result<u8> {
    print(&json(&settings.container(matches)?.stats()?)?)?;
    Ok(0)
}
