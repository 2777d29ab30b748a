//! The hooks that run in the container: processes that the init forks, since it is single-threaded
//! and they shall be what it has become.

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::exit;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use sys::Context;
use sys::fork::{Birth, Fork, fork};

use crate::hooks::{self, Kind, Runner, State};
use crate::init::exec::{announcement, hand_over};
use crate::plan::hooks::{HookPlan, InitHooks};
use crate::plan::process::ProcessPlan;
use crate::privileges::Applied;
use crate::wire::{FromInit, Received, Socket};
use crate::{Error, Result, reap};

/// What a hook's process has of the init's.
#[derive(Clone, Copy)]
pub struct Likeness<'a> {
    /// The limit on descriptors that the init was started with.
    pub limits: &'a Rlimit,
    /// The privileges of the container's program, where it has those.
    pub program: Option<(&'a Applied, &'a ProcessPlan)>,
}

/// Runs the container's hooks of one kind, in the directory `/` of the init, for whoever is at the
/// other end of `socket`.
pub fn run(kind: Kind, hooks: &InitHooks, like: Likeness<'_>, socket: &Socket) -> Result<()> {
    let list = match kind {
        Kind::StartContainer => &hooks.start_container,
        _ => &hooks.create_container,
    };
    if list.is_empty() {
        return Ok(());
    }
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let state = State { subject: &hooks.subject, pid: Some(pid) };
    let spawn = |hook: &HookPlan, stdio: [BorrowedFd<'_>; 3]| spawn(hook, stdio, like, socket);
    hooks::run(kind, list, &state, &Runner { spawn: &spawn, peer: Some(socket.as_fd()) })
}

/// Forks, and returns when the child executes the hook, or has failed to.
fn spawn(
    hook: &HookPlan,
    stdio: [BorrowedFd<'_>; 3],
    like: Likeness<'_>,
    socket: &Socket,
) -> Result<OwnedFd> {
    let (ours, theirs) = Socket::pair()?;
    let Fork::Parent { pidfd, .. } = fork(&Birth::default())? else {
        let Err(error) = become_hook(hook, stdio, like, socket);
        // Whoever is told has all of it; there is nobody else to tell.
        let _ = theirs.send(&FromInit::Failed(error), &[]);
        exit(127)
    };
    drop(theirs);
    match ours.receive()? {
        Received::Message(FromInit::Failed(error), _) => {
            let _ = reap::collect(pidfd.as_fd());
            Err(error)
        }
        _ => Ok(pidfd),
    }
}

fn become_hook(
    hook: &HookPlan,
    stdio: [BorrowedFd<'_>; 3],
    like: Likeness<'_>,
    socket: &Socket,
) -> Result<Infallible> {
    set_parent_process_death_signal(Some(Signal::KILL)).sys("prctl", || "PR_SET_PDEATHSIG")?;
    // None of them may be in the place of another.
    let above = |fd| fcntl_dupfd_cloexec(fd, 3).sys("fcntl", || "F_DUPFD_CLOEXEC");
    let [stdin, stdout, stderr] = stdio;
    for (number, fd) in (0..).zip([above(stdin)?, above(stdout)?, above(stderr)?]) {
        // Closed by nobody: it is the hook's.
        std::mem::forget(sys::close::duplicate_to(fd.as_fd(), number)?);
    }
    rustix::process::chdir("/").sys("chdir", || "/")?;
    setrlimit(Resource::Nofile, *like.limits).sys("setrlimit", || "RLIMIT_NOFILE")?;
    sys::signal::reset()?;
    if let Some((applied, plan)) = like.program {
        // Each has a filter, and so a listener, of its own.
        let packet = announcement(plan)?;
        applied.clone().seal(plan, &mut |listener| hand_over(socket, &packet, listener))?;
    }
    // All else of the init's is close-on-exec.
    Err(Error::from(sys::exec::exec_path(&hook.path, &hook.args, &hook.env)))
}
