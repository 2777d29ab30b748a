//! `nsrun features`

use clap::ArgMatches;
use libcontainer::{Error, ErrorKind, Result};

use crate::settings::Settings;

/// Not there yet: says so.
///
/// # Errors
/// Always.
pub fn run(_settings: &Settings, _matches: &ArgMatches) -> Result<u8> {
    Err(Error::new(ErrorKind::System, "features is not there yet"))
}
