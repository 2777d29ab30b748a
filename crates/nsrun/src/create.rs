//! `nsrun create`

use cli::verb::Given;
use libcontainer::{Container, Result};

use crate::arguments::id;
use crate::make::Making;
use crate::settings::Settings;

/// Makes a container, and leaves it held before its program.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    // It starts up while we read the bundle; a failure shows when it is wanted.
    let _ = settings.factory.prepare();
    let making = Making::of(settings, given, true)?;
    match making.make(settings, id(given), Container::start) {
        Ok(_) => Ok(0),
        Err(failure) => Err(failure.error),
    }
}
