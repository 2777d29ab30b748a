//! What `exec` is asked for.

use std::path::PathBuf;

use cli::verb::Given;
use libcontainer::config::{CgroupManager, User};
use libcontainer::{Config, Error, ErrorKind, Process, ProcessSpec, RestoreOptions, Result};

use crate::change::{self, Change};
use crate::checkpoint;
use crate::place::Place;
use crate::settings::Settings;

/// A command to be run, and the container to make for it where none runs.
#[derive(Debug)]
pub struct Wanted {
    /// The container's id.
    pub id: String,
    /// The directory that it is called from.
    pub place: Place,
    /// It runs on a view of this host, alone.
    pub host: bool,
    /// The configuration file.
    pub file: Option<String>,
    /// What the create flags ask for.
    pub changes: Vec<Change>,
    /// Whether the container goes when it ends, where that was said.
    pub remove: Option<bool>,
    /// In the background, with its output here.
    pub detach: Option<Option<PathBuf>>,
    /// The calls of the container are noted, and their profile written here.
    pub record: Option<PathBuf>,
    /// The command; empty for the file's own.
    pub args: Vec<String>,
    /// Who it runs as.
    pub user: Option<User>,
    /// Where it starts.
    pub cwd: Option<PathBuf>,
    /// Variables on top of the container's.
    pub env: Vec<String>,
    /// With a terminal.
    pub tty: bool,
    /// It was saved, and comes back from there.
    pub restore: Option<RestoreOptions>,
    /// Who makes the container's control group.
    pub cgroup_manager: CgroupManager,
}

impl Wanted {
    /// From the options of `exec`.
    pub fn of(given: &Given) -> Result<Self> {
        let place = Place::here()?;
        let host = given.is_on("host");
        let named = given.text("id");
        let id = match named {
            Some(id) => id.to_owned(),
            None if host => super::host::id(),
            None => place.id(),
        };
        let user = match given.text("user") {
            Some(user) => Some(user.parse().map_err(|e: Error| e.within("--user"))?),
            None => None,
        };
        Ok(Self {
            id,
            place,
            host,
            file: given.text("config").map(str::to_owned),
            changes: change::all(given)?,
            remove: given.switch("rm"),
            detach: given.is_on("detach").then(|| given.text("log").map(PathBuf::from)),
            record: given.text("record").map(PathBuf::from),
            args: given.texts("command").map(str::to_owned).collect(),
            user,
            cwd: given.text("cwd").map(PathBuf::from),
            env: given.texts("env").filter_map(variable).collect::<Result<_>>()?,
            tty: given.is_on("tty"),
            cgroup_manager: cgroup_manager(given),
            restore: None,
        })
    }

    /// From the options of `restore`.
    pub fn back(settings: &Settings, given: &Given) -> Result<Self> {
        let place = Place::here()?;
        Ok(Self {
            id: given.text("id").map_or_else(|| place.id(), str::to_owned),
            place,
            host: false,
            file: given.text("config").map(str::to_owned),
            changes: change::all(given)?,
            remove: given.switch("rm"),
            detach: given.is_on("detach").then(|| given.text("log").map(PathBuf::from)),
            record: None,
            args: Vec::new(),
            user: None,
            cwd: None,
            env: Vec::new(),
            tty: given.is_on("tty"),
            restore: Some(checkpoint::restore_options(settings, given)?),
            cgroup_manager: cgroup_manager(given),
        })
    }

    /// The process, on top of the container's configuration.
    pub fn process(&self, config: &Config) -> Process {
        let mut spec = ProcessSpec {
            args: self.args.clone(),
            cwd: self.cwd.clone(),
            user: self.user.clone(),
            ..ProcessSpec::default()
        };
        if !self.env.is_empty() {
            let mut env = config.process.env.clone().unwrap_or_default();
            // A later one takes the place of an earlier one of its name.
            env.extend(self.env.iter().cloned());
            spec.env = Some(env);
        }
        if self.detach.is_some() && !self.changes.iter().any(Change::is_death_signal) {
            // It is to outlive the one who starts it.
            spec.parent_death_signal = Some(0);
        }
        Process { spec, ..Process::default() }
    }
}

fn cgroup_manager(given: &Given) -> CgroupManager {
    match given.text("cgroup-manager").and_then(CgroupManager::named) {
        Some(manager) => manager,
        None if given.is_on("systemd") => CgroupManager::Systemd,
        None => CgroupManager::Files,
    }
}

/// `KEY=VALUE`, or KEY with the value that it has here; nothing where it has none.
fn variable(text: &str) -> Option<Result<String>> {
    let bad = |why: &str| {
        let message = format!("--env {text}: {why}");
        Some(Err(Error::new(ErrorKind::InvalidConfig { field: String::new() }, message)))
    };
    match text.split_once('=') {
        Some(("", _)) => bad("has no name"),
        Some(_) => Some(Ok(text.to_owned())),
        None if text.is_empty() => bad("has no name"),
        None => match std::env::var(text) {
            Ok(value) => Some(Ok(format!("{text}={value}"))),
            Err(std::env::VarError::NotPresent) => None,
            Err(std::env::VarError::NotUnicode(_)) => bad("is not UTF-8 here"),
        },
    }
}

#[cfg(test)]
mod tests;
