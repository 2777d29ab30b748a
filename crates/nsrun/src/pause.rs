//! `nsrun pause` and `nsrun resume`

use cli::verb::Given;
use libcontainer::Result;

use crate::settings::Settings;

/// Freezes every process.
pub fn pause(settings: &Settings, given: &Given) -> Result<u8> {
    settings.container(given)?.pause()?;
    Ok(0)
}

/// Lets them go on.
pub fn resume(settings: &Settings, given: &Given) -> Result<u8> {
    settings.container(given)?.resume()?;
    Ok(0)
}
