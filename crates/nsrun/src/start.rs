//! `nsrun start`

use std::os::fd::AsFd;

use cli::verb::Given;
use libcontainer::Result;

use crate::arguments::id;
use crate::notify::Notify;
use crate::settings::Settings;

/// Lets the program of a created container begin. Where a service manager wants to be told that
/// it is ready, this returns when it is.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let container = settings.container(given)?;
    let notify = Notify::wanted(&settings.log, &settings.root, id(given)).filter(Notify::is_there);
    let listening = match notify {
        // Only the one who lets it go may take the socket's place.
        Some(notify) if container.status()?.can_release() => Some(notify.listen()?),
        _ => None,
    };
    container.release()?;
    if let Some(listening) = listening
        && let Some((pid, process)) = container.init()?
    {
        listening.until_ready(process.as_fd(), pid)?;
    }
    Ok(0)
}
