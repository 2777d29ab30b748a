//! Running hooks (config.md, "POSIX-platform Hooks"): what they are told, how they are made, and
//! how long one is waited for.
//!
//! Who makes their processes is the caller's affair: the creator with [`on_host`], the init
//! by a fork of its own.

mod state;
mod supervise;

use std::ffi::CString;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::pipe::{PipeFlags, pipe_with};
use sys::Context;
use sys::command::Command;

use crate::plan::hooks::HookPlan;
use crate::{Error, ErrorKind, Result};

pub use state::State;

/// The points of a container's life that hooks run at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `prestart`
    Prestart,
    /// `createRuntime`
    CreateRuntime,
    /// `createContainer`
    CreateContainer,
    /// `startContainer`
    StartContainer,
    /// `poststart`
    Poststart,
    /// `poststop`
    Poststop,
}

impl Kind {
    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prestart => "prestart",
            Self::CreateRuntime => "createRuntime",
            Self::CreateContainer => "createContainer",
            Self::StartContainer => "startContainer",
            Self::Poststart => "poststart",
            Self::Poststop => "poststop",
        }
    }

    /// What the container is doing at that point (runtime.md, "State"): it is `creating` until
    /// the create operation is over, and `created` until its program is executed.
    fn status(self) -> &'static str {
        match self {
            Self::Prestart | Self::CreateRuntime | Self::CreateContainer => "creating",
            Self::StartContainer => "created",
            Self::Poststart => "running",
            Self::Poststop => "stopped",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How hooks are run.
#[derive(Clone, Copy)]
pub struct Runner<'a> {
    /// Makes a hook's process with these standard streams: its pidfd.
    pub spawn: &'a dyn Fn(&HookPlan, [BorrowedFd<'_>; 3]) -> Result<OwnedFd>,
    /// A socket whose other end is somebody's for whom they run: they end when he does.
    pub peer: Option<BorrowedFd<'a>>,
}

/// Runs hooks of one kind in their order, up to the first that fails.
///
/// # Errors
/// [`ErrorKind::HookFailed`], with the hook's number and what it said last.
pub fn run(kind: Kind, hooks: &[HookPlan], state: &State<'_>, runner: &Runner<'_>) -> Result<()> {
    hooks.iter().enumerate().try_for_each(|number| one(kind, number, state, runner))
}

/// Runs all of them, whatever comes of it: a line for each that failed.
pub fn run_all(
    kind: Kind,
    hooks: &[HookPlan],
    state: &State<'_>,
    runner: &Runner<'_>,
) -> Vec<String> {
    let failed = |number| one(kind, number, state, runner).err();
    hooks.iter().enumerate().filter_map(failed).map(|error| error.to_string()).collect()
}

fn one(
    kind: Kind,
    (number, hook): (usize, &HookPlan),
    state: &State<'_>,
    runner: &Runner<'_>,
) -> Result<()> {
    try_one(kind, hook, state, runner).map_err(|error| {
        let step = format!("error running {kind} hook #{number}");
        error.within(hook.path.to_string_lossy()).within(step).as_kind(ErrorKind::HookFailed)
    })
}

fn try_one(kind: Kind, hook: &HookPlan, state: &State<'_>, runner: &Runner<'_>) -> Result<()> {
    let stdin = state.file(kind.status())?;
    let pipe = || pipe_with(PipeFlags::CLOEXEC).sys("pipe", || "");
    let ((stdout, its_stdout), (stderr, its_stderr)) = (pipe()?, pipe()?);
    let process = (runner.spawn)(hook, [stdin.as_fd(), its_stdout.as_fd(), its_stderr.as_fd()])?;
    drop((its_stdout, its_stderr));
    supervise::supervise(process.as_fd(), hook.timeout, [stdout, stderr], runner.peer)
}

/// Makes hooks' processes in the caller's own namespaces, in the directory `cwd`.
pub fn on_host(state: &State<'_>) -> impl Fn(&HookPlan, [BorrowedFd<'_>; 3]) -> Result<OwnedFd> {
    let cwd = CString::new(state.subject.bundle.as_os_str().as_bytes());
    move |hook, stdio| {
        let Ok(cwd) = &cwd else { return Err(Error::invalid("bundle", "has a NUL byte")) };
        let HookPlan { path, args, env, .. } = hook;
        Ok(sys::command::spawn(&Command { path, args, env, cwd, stdio })?.pidfd)
    }
}

#[cfg(test)]
mod tests;
