//! From what was typed to what the program works with.

use std::path::{Path, PathBuf};

use cli::verb::Given;
use libcontainer::{Container, Error, ErrorKind, Factory, Prepared, Result};

use crate::place::Place;
use crate::report::Report;

/// What every verb needs.
#[derive(Debug)]
pub struct Settings {
    /// The state root.
    pub root: PathBuf,
    /// It was named on the command line, so that files for people belong below it.
    pub root_is_named: bool,
    /// Where errors and debug lines go.
    pub report: Report,
    /// Over the state root.
    pub factory: Factory,
    /// The program that saves and restores, where it is named.
    pub criu: Option<PathBuf>,
}

impl Settings {
    /// From the global options, with an init that was spawned ahead.
    ///
    /// # Errors
    /// No state root can be told; the log file cannot be opened.
    pub fn of(
        given: &Given,
        mut report: Report,
        ahead: Option<Prepared>,
    ) -> std::result::Result<Self, (Report, Error)> {
        let log = given.text("log-file").map(Path::new);
        if let Err(error) = report.configure(given.is_on("debug"), log) {
            return Err((report, error));
        }
        let root_is_named = given.has("root");
        let root = match given.text("root") {
            Some(named) => std::path::absolute(named).unwrap_or_else(|_| PathBuf::from(named)),
            None => match default_root() {
                Ok(root) => root,
                Err(error) => return Err((report, error)),
            },
        };
        let factory = match ahead {
            Some(ahead) => Factory::with_prepared(&root, ahead),
            None => Factory::new(&root),
        };
        let criu = crate::checkpoint::program(given);
        Ok(Self { root, root_is_named, report, factory, criu })
    }

    /// The container that was asked for, or the one of the current directory.
    ///
    /// # Errors
    /// As [`Factory::load`]; where none was named, with a word about which one is meant.
    pub fn container(&self, given: &Given) -> Result<Container> {
        if let Some(id) = given.text("id") {
            return self.factory.load(id);
        }
        let place = Place::here()?;
        self.factory.load(&place.id()).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                let message = format!("no container of {}", place.path().display());
                Error::new(ErrorKind::NotFound, message)
                    .with_hint("nsinit list tells which there are; --id names one")
            }
            _ => error,
        })
    }
}

/// `/run/nsinit`, or for others than root a directory of their own; root of an ordinary user's
/// namespace may not write to /run.
fn default_root() -> Result<PathBuf> {
    let writable = || rustix::fs::access("/run", rustix::fs::Access::WRITE_OK).is_ok();
    let root = rustix::process::geteuid().is_root();
    if root && writable() {
        return Ok(PathBuf::from("/run/nsinit"));
    }
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(directory) if Path::new(&directory).is_absolute() => {
            Ok(Path::new(&directory).join("nsinit"))
        }
        _ if root => Ok(PathBuf::from("/run/nsinit")),
        _ => Err(Error::new(ErrorKind::System, "there is no directory to keep records in")
            .with_hint("set XDG_RUNTIME_DIR, or name one by --root")),
    }
}
