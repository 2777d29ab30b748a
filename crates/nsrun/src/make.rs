//! The making of a container, for `create` and `run`.

use cli::verb::Given;
use libcontainer::{Child, Config, Container, Process, Result};

use crate::arguments::id;
use crate::bundle;
use crate::failure::{Failure, Outcome};
use crate::notify::{Listening, Notify};
use crate::process::{Inherited, Outlets, callers_size};
use crate::settings::Settings;

/// A container to be.
#[derive(Debug)]
pub struct Making {
    config: Config,
    process: Process,
    outlets: Outlets,
    notify: Option<Notify>,
}

/// A container that is.
#[derive(Debug)]
pub struct Made {
    /// The container.
    pub container: Container,
    /// Its first process.
    pub child: Child,
    /// Where that tells that it is ready.
    pub notify: Option<Listening>,
}

impl Making {
    /// As bundle and flags say; it is left to itself when it is `detached`.
    pub fn of(settings: &Settings, given: &Given, detached: bool) -> Result<Self> {
        let mut config = bundle::read(settings, given)?;
        let outlets = Outlets::of(given, config.process.terminal, detached)?;
        let inherited = Inherited::of(given, true)?;
        let notify = Notify::wanted(&settings.log, &settings.root, id(given));
        let mut more = inherited.env;
        if let Some(notify) = &notify {
            config.mounts.push(notify.mount());
            more.push(Notify::variable());
        }
        let mut process = Process { extra_fds: inherited.descriptors, ..Process::configured() };
        if config.process.terminal && config.process.console_size.is_none() && !detached {
            process.spec.console_size = callers_size();
        }
        if !more.is_empty() {
            // For this process alone, and not for those executed beside it.
            let own = config.process.env.iter().flatten().cloned();
            process.spec.env = Some(own.chain(more).collect());
        }
        Ok(Self { config, process, outlets, notify })
    }

    /// Makes it, and starts its process by `start`. Nothing is left when that fails.
    pub fn make(
        self,
        settings: &Settings,
        id: &str,
        start: impl FnOnce(&Container, Process) -> Result<Child>,
    ) -> Outcome<Made> {
        let container = settings.factory.create(id, self.config)?;
        settings.log.debug(|| format!("container {id:?} is recorded"));
        let started = || {
            let notify = match self.notify {
                Some(notify) => {
                    notify.prepare()?;
                    Some(notify.listen()?)
                }
                None => None,
            };
            let mut child = start(&container, self.process)?;
            settings.log.debug(|| format!("its first process has pid {}", child.pid()));
            self.outlets.serve(&mut child)?;
            Ok((child, notify))
        };
        match started() {
            Ok((child, notify)) => {
                child.warnings.iter().for_each(|warning| settings.log.warning(warning));
                Ok(Made { container, child, notify })
            }
            Err(error) => {
                // Cleaning up may need the descriptors that the init made ahead holds.
                settings.factory.dismiss();
                let removed = container.kill().and_then(|()| container.destroy());
                Err(Failure::not_started(match removed {
                    Ok(warnings) => {
                        warnings.iter().for_each(|warning| settings.log.warning(warning));
                        error
                    }
                    Err(left) => {
                        settings.log.debug(|| format!("cleaning up: {left}"));
                        let hint = format!("and something is left: nsrun delete --force {id}");
                        error.with_hint(hint)
                    }
                }))
            }
        }
    }
}
