//! The container that comes back: its saved record makes place, where there is one.

use libcontainer::{Config, Container, Error, ErrorKind, RestoreOptions, Result, Status};

use super::start::{First, Started, prepare, streams};
use super::wanted::Wanted;
use crate::note::Note;
use crate::people::{self, Identity};
use crate::settings::Settings;
use crate::{delete, name};

/// Brings it back.
pub fn restore(settings: &Settings, wanted: &Wanted, options: &RestoreOptions) -> Result<Started> {
    // What was made ahead is for a start.
    settings.factory.dismiss();
    options.check()?;
    let saved = match people::load(settings, &wanted.id) {
        Ok((container, which)) => Some(saved(container, which)?),
        Err(error) if *error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // As it was made, unless another way is asked for.
    let asked = !wanted.changes.is_empty() || wanted.file.is_some();
    let kept = match &saved {
        Some((container, _)) if !asked => Some(container.config()?),
        _ => None,
    };
    let (mut config, mut note) = match kept {
        Some(config) => {
            let note = Note::of(&config.annotations);
            (config, note)
        }
        None => prepare(settings, wanted)?,
    };
    if let Some(remove) = wanted.remove {
        note.keep = !remove;
        note.put(&mut config);
    }
    if let Some((container, which)) = saved {
        delete::remove(settings, &container, which)?;
    }
    make(settings, wanted, options, config, note)
}

fn saved(container: Container, which: Option<Identity>) -> Result<(Container, Option<Identity>)> {
    match container.status()? {
        Status::Checkpointed | Status::Stopped => Ok((container, which)),
        status => {
            let message = format!("container {:?} is there, and {}", container.id(), status.name());
            Err(Error::new(ErrorKind::IdInUse, message)
                .with_hint("--id gives this one another name"))
        }
    }
}

fn make(
    settings: &Settings,
    wanted: &Wanted,
    options: &RestoreOptions,
    config: Config,
    note: Note,
) -> Result<Started> {
    let tty = config.process.terminal;
    let process = streams(wanted, wanted.process(&config), tty)?;
    let container = settings.factory.create(&wanted.id, config)?;
    let identity = people::identity(settings, &wanted.id);
    let first = First { note, identity, recorder: None };
    let held = match &first.note.place {
        Some(place) if first.note.placeholder => name::hold(settings, &wanted.id, place),
        _ => Ok(()),
    };
    match held.and_then(|()| container.restore(process, options)) {
        Ok(child) => {
            child.warnings.iter().for_each(|warning| settings.report.warning(warning));
            settings.report.debug(|| format!("it runs again, as pid {}", child.pid()));
            Ok(Started { container, child, first: Some(first) })
        }
        Err(error) => Err(first.abandon(settings, &container, error)),
    }
}
