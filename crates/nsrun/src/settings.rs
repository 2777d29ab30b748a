//! From the global flags to what every verb works with.

use std::path::{Path, PathBuf};

use cli::verb::Given;
use libcontainer::config::CgroupManager;
use libcontainer::{Container, Error, ErrorKind, Factory, Prepared, Result};

use crate::arguments::{id, path_of, text};
use crate::log::Log;

/// What every verb needs.
#[derive(Debug)]
pub struct Settings {
    /// Where errors, warnings and debug lines go.
    pub log: Log,
    /// Over the state root.
    pub factory: Factory,
    /// The state root.
    pub root: PathBuf,
    /// Who makes control groups.
    pub cgroup_manager: CgroupManager,
}

impl Settings {
    /// From the global flags, with an init that was spawned ahead.
    ///
    /// # Errors
    /// The log file cannot be opened, or there is no place for records.
    pub fn of(given: &Given, ahead: Option<Prepared>) -> std::result::Result<Self, (Log, Error)> {
        let log = Log::of(given)?;
        let root = match root(given) {
            Ok(root) => root,
            Err(error) => return Err((log, error)),
        };
        let factory = match ahead {
            Some(ahead) => Factory::with_prepared(&root, ahead),
            None => Factory::new(&root),
        };
        let cgroup_manager = match cgroup_manager(given) {
            Ok(manager) => manager,
            Err(error) => return Err((log, error)),
        };
        Ok(Self { log, factory, root, cgroup_manager })
    }

    /// The container that was named.
    ///
    /// # Errors
    /// As [`Factory::load`].
    pub fn container(&self, given: &Given) -> Result<Container> {
        self.factory.load(id(given))
    }
}

/// As the flags say; the older one may only say the same again.
fn cgroup_manager(given: &Given) -> Result<CgroupManager> {
    let systemd = given.is_on("systemd-cgroup");
    match text(given, "cgroup-manager").and_then(CgroupManager::named) {
        None if systemd => Ok(CgroupManager::Systemd),
        None => Ok(CgroupManager::Files),
        Some(other) if systemd && other != CgroupManager::Systemd => {
            let message = "--systemd-cgroup and --cgroup-manager contradict each other";
            Err(Error::new(ErrorKind::System, message))
        }
        Some(manager) => Ok(manager),
    }
}

fn root(given: &Given) -> Result<PathBuf> {
    if let Some(named) = path_of(given, "root") {
        // A relative one would mean another place in another directory.
        return Ok(std::path::absolute(&named).unwrap_or(named));
    }
    let rootless = match text(given, "rootless") {
        Some("true") => true,
        Some("false") => false,
        // Root of an ordinary user's namespace may not write to /run.
        _ => {
            let writable = || rustix::fs::access("/run", rustix::fs::Access::WRITE_OK).is_ok();
            !rustix::process::geteuid().is_root() || !writable()
        }
    };
    match std::env::var_os("XDG_RUNTIME_DIR") {
        _ if !rootless => Ok(PathBuf::from("/run/nsrun")),
        Some(directory) if Path::new(&directory).is_absolute() => {
            Ok(Path::new(&directory).join("nsrun"))
        }
        // Root by another's leave (in a user namespace, for instance) has the usual place.
        _ if rustix::process::geteuid().is_root() => Ok(PathBuf::from("/run/nsrun")),
        _ => Err(Error::new(ErrorKind::System, "there is no directory to keep records in")
            .with_hint("set XDG_RUNTIME_DIR, or name one by --root")),
    }
}
