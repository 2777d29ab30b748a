//! `nsinit update`

use cli::verb::Given;
use libcontainer::{Error, ErrorKind, Result};

use crate::change;
use crate::settings::Settings;

/// Changes the limits that are named, and no other. container.json and the record stay as they
/// are: the next container starts with the old ones.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let limits = change::limits(given)?;
    let container = settings.container(given)?;
    if !container.status()?.is_alive() {
        let message = format!("container not running: {:?}", container.id());
        return Err(Error::new(ErrorKind::NotRunning, message));
    }
    container.set(&limits)?;
    Ok(0)
}
