//! The command's start: in a running container, or as the first of a new one.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use libcontainer::config::CgroupManager;
use libcontainer::foreground::Signals;
use libcontainer::{
    Child, Config, Container, Error, ErrorKind, Process, Result, Status, Stdio, Step, console,
};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use sys::Context;

use super::host;
use super::record::Recorder;
use super::restore::restore;
use super::wanted::Wanted;
use crate::change::{self, different};
use crate::name;
use crate::note::Note;
use crate::people::{self, Identity};
use crate::settings::Settings;
use crate::source::{self, Source};

/// The exit code after SIGKILL.
const KILLED: u8 = 128 + 9;

/// A command that runs.
#[derive(Debug)]
pub struct Started {
    /// Where.
    pub container: Container,
    /// The command.
    pub child: Child,
    /// It is the first of this container, which is ours to look after.
    pub first: Option<First>,
}

/// What the one who made a container has to see to.
#[derive(Debug)]
pub struct First {
    pub(super) note: Note,
    pub(super) identity: Option<Identity>,
    pub(super) recorder: Option<Recorder>,
}

/// Starts the command. Of several who start a container at once, one does, the others join it.
pub fn start(settings: &Settings, wanted: &Wanted, signals: &Signals) -> Result<Started> {
    if let Some(options) = &wanted.restore {
        return restore(settings, wanted, options);
    }
    loop {
        let found = match people::load(settings, &wanted.id) {
            Ok(found) => Some(found),
            Err(error) if *error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if let Some((container, which)) = found {
            match with_existing(settings, wanted, container, which, signals)? {
                Some(started) => return Ok(started),
                None => continue,
            }
        }
        match first(settings, wanted) {
            // Somebody was faster.
            Err(error) if *error.kind() == ErrorKind::IdInUse => continue,
            result => return result,
        }
    }
}

/// What to do about a container that is there; `None` when it is there no longer.
fn with_existing(
    settings: &Settings,
    wanted: &Wanted,
    container: Container,
    which: Option<Identity>,
    signals: &Signals,
) -> Result<Option<Started>> {
    match container.status()? {
        Status::Creating => {
            settle(&container, signals)?;
            Ok(None)
        }
        Status::Stopped => {
            match crate::delete::remove(settings, &container, which) {
                // Somebody started it at this moment.
                Err(error) if *error.kind() == ErrorKind::NotStopped => Ok(None),
                result => result.map(|()| None),
            }
        }
        _ if wanted.host => {
            let message = format!("container {:?} runs already", container.id());
            Err(Error::new(ErrorKind::IdInUse, message)
                .with_hint("with --host, every call is a container of its own"))
        }
        Status::Checkpointed => {
            let message = format!("container {:?} is checkpointed", container.id());
            Err(Error::new(ErrorKind::NotStopped, message)
                .with_hint("nsinit restore brings it back, nsinit delete gives it up"))
        }
        Status::Created | Status::Running | Status::Paused => {
            match join(settings, wanted, &container) {
                Ok(child) => Ok(Some(Started { container, child, first: None })),
                // It ended under our feet, and is to be made again.
                Err(error)
                    if *error.kind() == ErrorKind::NotRunning
                        && container.status().is_ok_and(|status| !status.is_alive()) =>
                {
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        }
    }
}

/// Waits while somebody else makes the container.
///
/// # Errors
/// A signal came meanwhile: there is no command yet that it could be for.
fn settle(container: &Container, signals: &Signals) -> Result<()> {
    const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 3_000_000 };
    while container.status()? == Status::Creating {
        let mut fds = [PollFd::new(signals, PollFlags::IN)];
        let ready = rustix::io::retry_on_intr(|| poll(&mut fds, Some(&LOOK))).sys("poll", || "")?;
        if ready > 0 {
            let signal = signals.read()?;
            let message = format!("signal {signal} came while another nsinit made the container");
            return Err(Error::new(ErrorKind::System, message));
        }
    }
    Ok(())
}

fn join(settings: &Settings, wanted: &Wanted, container: &Container) -> Result<Child> {
    let config = container.config()?;
    let note = Note::of(&config.annotations);
    if wanted.record.is_some() {
        let message = format!("--record: container {:?} runs already", container.id());
        return Err(Error::new(ErrorKind::NotStopped, message)
            .with_hint("it is recorded from its start, with all that joins it"));
    }
    change::check(&wanted.changes, container.id(), &config)?;
    if wanted.remove.is_some_and(|remove| remove == note.keep) {
        return Err(different("--rm", container.id()));
    }
    if let Some(file) = &wanted.file {
        let file = std::path::absolute(file).unwrap_or_else(|_| PathBuf::from(file));
        if note.file.as_ref() != Some(&file) {
            return Err(different("--config", container.id()));
        }
    }
    settings.report.debug(|| "it runs: joining".to_owned());
    let process = streams(wanted, wanted.process(&config), wanted.tty)?;
    let child = container.exec(process)?;
    child.warnings.iter().for_each(|warning| settings.report.warning(warning));
    settings.report.debug(|| format!("the command runs as pid {}", child.pid()));
    Ok(child)
}

/// Makes the container and starts the command as its PID 1.
fn first(settings: &Settings, wanted: &Wanted) -> Result<Started> {
    let (mut config, note) = prepare(settings, wanted)?;
    let recorder = match &wanted.record {
        Some(file) => Some(Recorder::new(file, &mut config, &settings.root.join(&wanted.id))?),
        None => None,
    };
    let tty = config.process.terminal;
    let process = streams(wanted, wanted.process(&config), tty)?;
    let container = match settings.factory.create(&wanted.id, config) {
        // What stood in the way, its control group for instance, may be our competitor's.
        Err(error) if settings.factory.load(&wanted.id).is_ok() => {
            return Err(error.as_kind(ErrorKind::IdInUse));
        }
        result => result?,
    };
    let identity = people::identity(settings, &wanted.id);
    settings.report.debug(|| "recorded".to_owned());
    let first = First { note, identity, recorder };
    let held = match &first.note.place {
        Some(place) if first.note.placeholder => name::hold(settings, &wanted.id, place),
        _ => Ok(()),
    };
    let answered = || first.recorder.as_ref().map_or(Ok(()), Recorder::listen);
    match held.and_then(|()| answered()).and_then(|()| container.run(process)) {
        Ok(child) => {
            child.warnings.iter().for_each(|warning| settings.report.warning(warning));
            settings.report.debug(|| format!("the command runs as pid {}", child.pid()));
            Ok(Started { container, child, first: Some(first) })
        }
        Err(error) => Err(first.abandon(settings, &container, error)),
    }
}

/// The configuration of a new container, with all that was asked for.
pub(super) fn prepare(settings: &Settings, wanted: &Wanted) -> Result<(Config, Note)> {
    let mut note = Note { keep: wanted.remove == Some(false), ..Note::default() };
    let (mut config, vacant) = if wanted.host {
        (host::config(&wanted.place)?, false)
    } else {
        let Source { config, file, vacant, warnings } =
            source::read(wanted.file.as_deref(), &wanted.place)?;
        warnings.iter().for_each(|warning| settings.report.warning(warning));
        settings.report.debug(|| match &file {
            Some(file) => format!("configuration of {}", file.display()),
            None => "the template".to_owned(),
        });
        note.file = file;
        note.place = Some(wanted.place.clone());
        note.files_in_root = settings.root_is_named;
        (config, vacant)
    };
    for change in &wanted.changes {
        change.apply(&mut config);
    }
    if !wanted.args.is_empty() {
        config.process.args.clone_from(&wanted.args);
    }
    if config.process.args.is_empty() && wanted.restore.is_none() {
        let message = "there is no command to run";
        return Err(Error::new(ErrorKind::InvalidConfig { field: String::new() }, message)
            .with_hint("nsinit exec COMMAND, or args in container.json"));
    }
    if !wanted.host {
        source::check_root(&config, &wanted.place)?;
        note.placeholder = protect(&mut config, &note, vacant);
    }
    let interactive = || wanted.detach.is_none() && std::io::stdin().is_terminal();
    config.process.terminal = wanted.tty || (config.process.terminal && interactive());
    if config.cgroup.is_none() {
        config.cgroup = Some(PathBuf::from("nsinit").join(&wanted.id));
        config.cgroup_implied = true;
    }
    config.cgroup_manager = wanted.cgroup_manager;
    if let (CgroupManager::Systemd, Some(path)) = (wanted.cgroup_manager, &config.cgroup) {
        config.cgroup = Some(unit(path, config.slice.as_deref()));
    }
    note.put(&mut config);
    Ok((config, note))
}

/// A control group's path as systemd's unit: of its last name, in the slice that the file names.
fn unit(path: &Path, slice: Option<&str>) -> PathBuf {
    let text = path.to_string_lossy();
    if text.split(':').count() == 3 {
        return path.to_owned();
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    PathBuf::from(format!("{}:nsinit:{}", slice.unwrap_or_default(), name.replace(':', "_")))
}

/// Keeps the container from its own next configuration; whether an empty one is to be made.
fn protect(config: &mut Config, note: &Note, vacant: bool) -> bool {
    if let Some(file) = &note.file {
        source::protect(config, file);
    }
    let Some(place) = &note.place else { return false };
    let own = place.path().join(source::FILE);
    if !vacant {
        // A link cannot be bound over, and is never read.
        let is_file = std::fs::symlink_metadata(&own).is_ok_and(|found| found.is_file());
        if is_file && note.file.as_ref() != Some(&own) {
            source::protect(config, &own);
        }
        return false;
    }
    // A directory that we may not write to, neither may the container.
    let writable = rustix::fs::access(place.path(), rustix::fs::Access::WRITE_OK).is_ok();
    writable && source::protect(config, &own)
}

pub(super) fn streams(wanted: &Wanted, mut process: Process, tty: bool) -> Result<Process> {
    process.spec.terminal = tty;
    if tty {
        process.spec.console_size = console::size(std::io::stdin().as_fd())
            .or_else(|_| console::size(std::io::stdout().as_fd()))
            .ok();
    }
    if let Some(log) = &wanted.detach {
        process = process.silent();
        if let Some(path) = log {
            let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
            let file =
                sys::Context::sys(file, "open", || path.display().to_string()).step(|| "--log")?;
            let copy = file.try_clone();
            let copy = copy.sys("fcntl", || "F_DUPFD").step(|| "--log")?;
            (process.stdout, process.stderr) = (Stdio::Fd(file.into()), Stdio::Fd(copy.into()));
        }
    }
    Ok(process)
}

impl First {
    /// Nothing came of it: removes what there is, and gives the error that is to be told.
    pub(super) fn abandon(
        &self,
        settings: &Settings,
        container: &Container,
        error: Error,
    ) -> Error {
        // Cleaning up may need the descriptors that the init made ahead holds.
        settings.factory.dismiss();
        match self.remove(settings, container) {
            Ok(()) => error,
            Err(left) => {
                settings.report.debug(|| format!("cleaning up: {left}"));
                let id = container.id();
                error.with_hint(format!("and something is left: nsinit delete {id}"))
            }
        }
    }

    /// Writes the files for people, unless there is nothing to read about any more.
    pub fn tell_people(&self, settings: &Settings, container: &Container) {
        if self.note.place.is_none() {
            return;
        }
        match people::write(settings, container, &self.note, self.identity) {
            Ok(()) => settings.report.debug(|| "state.json and pid written".to_owned()),
            Err(error) => settings.report.debug(|| format!("no state.json: {error}")),
        }
    }

    /// Sees to what remains when the command has ended.
    pub fn finish(mut self, settings: &Settings, container: &Container, code: Option<u8>) {
        if let Some(recorder) = self.recorder.take() {
            match recorder.finish() {
                Ok(calls) => settings.report.debug(|| format!("{calls} different system calls")),
                Err(error) => settings.report.error(&error),
            }
        }
        // Who was saved was killed, and is to come back.
        if code == Some(KILLED) && matches!(container.status(), Ok(Status::Checkpointed)) {
            if let Err(error) = people::remove(settings, container.id(), &self.note, self.identity)
            {
                settings.report.error(&error);
            }
            return;
        }
        if self.note.keep {
            if let Some(code) = code
                && let Err(error) = people::write_exit(settings, container.id(), code)
            {
                settings.report.error(&error);
            }
            return;
        }
        self.clean_up(settings, container);
        settings.report.debug(|| "removed".to_owned());
    }

    /// Removes the container. What that leaves is told, and does not change the exit code.
    fn clean_up(&self, settings: &Settings, container: &Container) {
        if let Err(error) = self.remove(settings, container) {
            settings.report.error(&error);
        }
    }

    /// Removes the files for people, then the container; the first failure keeps from neither.
    fn remove(&self, settings: &Settings, container: &Container) -> Result<()> {
        let files = people::remove(settings, container.id(), &self.note, self.identity);
        // A PID namespace shared with others keeps processes alive when the first has ended.
        let warnings = container.destroy()?;
        warnings.iter().for_each(|warning| settings.report.warning(warning));
        files
    }
}
