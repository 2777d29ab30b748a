//! `nsrun pause` and `nsrun resume`

use clap::ArgMatches;
use libcontainer::Result;

use crate::settings::Settings;

/// Freezes every process.
pub fn pause(settings: &Settings, matches: &ArgMatches) -> Result<u8> {
    settings.container(matches)?.pause()?;
    Ok(0)
}

/// Lets them go on.
pub fn resume(settings: &Settings, matches: &ArgMatches) -> Result<u8> {
    settings.container(matches)?.resume()?;
    Ok(0)
}
