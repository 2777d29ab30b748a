//! `nsinit delete`: removes all that is left of containers, whoever made them.

use cli::verb::Given;
use libcontainer::{Container, Error, ErrorKind, Result, Status};
use rustix::io::Errno;

use crate::note::Note;
use crate::people::{self, Identity};
use crate::place::Place;
use crate::settings::Settings;

/// Removes the containers that were named, or this directory's.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let force = given.is_on("force");
    let named: Vec<&str> = given.texts("ids").chain(given.texts("id")).collect();
    if named.is_empty() {
        return here(settings, force).map(|()| 0);
    }
    let mut code = 0;
    for id in named {
        if let Err(error) = one(settings, id, force) {
            settings.report.error(&error);
            code = 1;
        }
    }
    Ok(code)
}

fn here(settings: &Settings, force: bool) -> Result<()> {
    let place = Place::here()?;
    match people::load(settings, &place.id()) {
        Err(error) if *error.kind() == ErrorKind::NotFound => {
            let message = format!("no container of {}", place.path().display());
            let note = Note { place: Some(place), ..Note::default() };
            if people::remove_leftovers(settings, &note)? || force {
                return Ok(());
            }
            Err(Error::new(ErrorKind::NotFound, message))
        }
        Err(error) if is_broken(&error) => forget(settings, &place.id(), &error),
        result => result.and_then(|(container, which)| end(settings, &container, which, force)),
    }
}

fn one(settings: &Settings, id: &str, force: bool) -> Result<()> {
    match people::load(settings, id) {
        Err(error) if force && *error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if is_broken(&error) => forget(settings, id, &error),
        result => result.and_then(|(container, which)| end(settings, &container, which, force)),
    }
}

/// Whether a record is there that says nothing, as no system call has failed.
fn is_broken(error: &Error) -> bool {
    *error.kind() == ErrorKind::System && error.errno().is_none()
}

/// Removes a record that nobody can read.
fn forget(settings: &Settings, id: &str, error: &Error) -> Result<()> {
    let note = Note { keep: true, ..Note::default() };
    people::remove(settings, id, &note, people::identity(settings, id))?;
    settings.factory.forget(id)?;
    settings.report.warning(&format!("{error}; its control group, if it had one, stays"));
    Ok(())
}

fn end(
    settings: &Settings,
    container: &Container,
    which: Option<Identity>,
    force: bool,
) -> Result<()> {
    if force {
        container.kill()?;
        // Its monitor may be keeping its exit code at this moment.
        match container.settle() {
            Err(error) if *error.kind() == ErrorKind::NotFound => {}
            settled => settled?,
        }
    } else if container.status()?.is_alive() {
        let message = format!("container {:?} runs", container.id());
        return Err(Error::new(ErrorKind::NotStopped, message)
            .with_hint("nsinit kill asks it to end, delete --force ends it"));
    }
    remove(settings, container, which)
}

/// Whether nothing of it runs any more.
fn is_over(status: Status) -> bool {
    matches!(status, Status::Stopped | Status::Checkpointed)
}

/// Removes a container that does not run, as [`people::load`] found it, and what nsinit made beside it.
///
/// # Errors
/// [`ErrorKind::NotStopped`] where it runs.
pub fn remove(settings: &Settings, container: &Container, which: Option<Identity>) -> Result<()> {
    // Asked again: what looked stopped at first may have been started just then.
    if !is_over(container.status()?) {
        let message = format!("container {:?} is not stopped", container.id());
        return Err(Error::new(ErrorKind::NotStopped, message).with_hint("kill it first"));
    }
    let note =
        container.brief().map_or_else(|_| Note::default(), |brief| Note::of(&brief.annotations));
    let mut tries = 0;
    loop {
        people::remove(settings, container.id(), &note, which)?;
        match container.destroy() {
            // Its monitor has kept its exit code between the two: once more.
            Err(error) if tries < 3 && error.errno() == Some(Errno::NOTEMPTY.raw_os_error()) => {
                tries += 1;
            }
            Ok(warnings) => {
                warnings.iter().for_each(|warning| settings.report.warning(warning));
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}
