//! `nsinit update`

use clap::ArgMatches;
use libcontainer::{Error, ErrorKind, Result};

use crate::change;
use crate::settings::Settings;

/// Changes the limits that are named, and no other. container.json and the record stay as they
/// are: the next container starts with the old ones.
pub fn run(settings: &Settings, matches: &ArgMatches) -> Result<u8> {
    let limits = change::limits(matches)?;
    let container = settings.container(matches)?;
    if !container.status()?.is_alive() {
        let message = format!("container not running: {:?}", container.id());
        return Err(Error::new(ErrorKind::NotRunning, message));
    }
    container.set(&limits)?;
    Ok(0)
}
