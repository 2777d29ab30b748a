//! `nsrun run`

use std::os::fd::AsFd;

use cli::verb::Given;
use libcontainer::foreground::{self, Signals};
use libcontainer::{Container, Status};

use crate::arguments::id;
use crate::failure::Outcome;
use crate::make::{Made, Making};
use crate::notify::{Listening, PassingOn};
use crate::settings::Settings;

/// The exit code after SIGKILL, by which who is saved ends.
const KILLED: u8 = 128 + 9;

/// Creates and starts a container; in the foreground, the exit code is its program's.
pub fn run(settings: &Settings, given: &Given) -> Outcome<u8> {
    let detached = given.is_on("detach");
    let signals = match (detached, given.is_on("no-subreaper")) {
        (true, _) => None,
        // What comes from now on is for the container.
        (false, true) => Some(Signals::take()?),
        (false, false) => Some(Signals::take_with_orphans()?),
    };
    // It starts up while we read the bundle; a failure shows when it is wanted.
    let _ = settings.factory.prepare();
    let making = Making::of(settings, given, detached)?;
    let Made { container, child, notify } = making.make(settings, id(given), Container::run)?;
    let Some(signals) = signals else {
        if let Some(notify) = notify {
            notify.until_ready(child.as_fd(), child.pid())?;
        }
        return Ok(0);
    };
    let passing_on = notify.map(Listening::pass_on);
    let ended = foreground::attend(child, &signals);
    passing_on.into_iter().for_each(PassingOn::finish);
    let code = ended.map(foreground::exit_code);
    if !given.is_on("keep") {
        leave(settings, &container, code.as_ref().ok());
    }
    Ok(code?)
}

/// Removes a container that has ended, unless it was saved: then it is to come back. What is left
/// is told, and does not change the exit code.
pub fn leave(settings: &Settings, container: &Container, code: Option<&u8>) {
    if code == Some(&KILLED) && matches!(container.status(), Ok(Status::Checkpointed)) {
        return;
    }
    match container.destroy() {
        Ok(warnings) => warnings.iter().for_each(|warning| settings.log.warning(warning)),
        Err(error) => settings.log.error(&error),
    }
}
