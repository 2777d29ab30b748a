//! `nsrun start`

use clap::ArgMatches;
use libcontainer::Result;

use crate::settings::Settings;

/// Lets the program of a created container begin.
pub fn run(settings: &Settings, matches: &ArgMatches) -> Result<u8> {
    settings.container(matches)?.release()?;
    Ok(0)
}
