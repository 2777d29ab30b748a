//! Serves one init from its spawn to its program's start.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use rustix::time::Timespec;
use sys::Context;

use crate::config::IdMap;
use crate::parent::{Boot, idmap};
use crate::plan::InitPlan;
use crate::procfs::Procfs;
use crate::wire::{FromInit, Received, Sequence, Socket, ToInit};
use crate::{Error, ErrorKind, Result, privileges};

/// What a launch needs beside the plan.
pub(crate) struct Launch<'a> {
    /// The orders.
    pub plan: InitPlan,
    /// One for each of [`InitPlan::descriptors`].
    pub descriptors: Vec<BorrowedFd<'a>>,
    /// The id maps of a new user namespace.
    pub maps: (&'a [IdMap], &'a [IdMap]),
    /// Called when the init has its plan: what must be done before the program runs, and need not
    /// be before stage 1 is born.
    pub meanwhile: &'a mut dyn FnMut() -> Result<()>,
    /// Called when stage 1 exists, and before it is told so: attach it to its control groups and
    /// its network, and complete the record.
    pub born: &'a mut dyn FnMut(Pid, BorrowedFd<'_>) -> Result<()>,
    /// Called when the container is built and not yet entered, where that is asked for
    /// ([`InitPlan::wants_hooks`]): with stage 1, and the socket that it closes when it ends.
    pub hooks: &'a mut dyn FnMut(Pid, BorrowedFd<'_>) -> Result<()>,
    /// Called with the process and the listener of its filter, where an agent is asked by one.
    pub agent: &'a mut dyn FnMut(Pid, OwnedFd) -> Result<()>,
    /// Whether the container is paused: a child born into a frozen group would never answer.
    pub frozen: &'a dyn Fn() -> bool,
}

/// A process that executes its program, or is held before it.
pub(crate) struct Launched {
    /// Its id in the creator's PID namespace.
    pub pid: Pid,
    /// The process itself.
    pub pidfd: OwnedFd,
    /// The master of its terminal.
    pub terminal: Option<OwnedFd>,
    /// What could not be granted.
    pub warnings: Vec<String>,
}

/// Sees an init through. On failure nothing of it remains.
pub(crate) fn launch(mut boot: Boot, launch: Launch<'_>) -> Result<Launched> {
    let Some(socket) = boot.take_socket() else {
        return Err(Error::new(ErrorKind::System, "an init cannot be used twice"));
    };
    let mut served =
        Served { boot, stage: None, terminal: None, warnings: Vec::new(), kept: Vec::new() };
    match served.serve(&socket, launch) {
        Ok(()) => served.finish(),
        Err(error) => {
            drop(socket);
            Err(served.abandon(error))
        }
    }
}

struct Served {
    boot: Boot,
    stage: Option<(Pid, OwnedFd)>,
    terminal: Option<OwnedFd>,
    warnings: Vec<String>,
    /// Closed when the program runs: a mount among them ends with its last descriptor, which waits
    /// for a grace period, and would do so in the program's execve.
    kept: Vec<OwnedFd>,
}

impl Served {
    fn serve(&mut self, socket: &Socket, launch: Launch<'_>) -> Result<()> {
        let mut sequence = Sequence::of(&launch.plan);
        let wants_joined = launch.plan.wants_joined();
        let given = launch.plan.process.scheduling.given().copied();
        tell(socket, &ToInit::Plan(Box::new(launch.plan)), &launch.descriptors)?;
        (launch.meanwhile)()?;
        loop {
            // The last word alone changes nothing: one wake-up for it and the end is enough.
            let due = match sequence.is_at_last_word() {
                true => PollFlags::empty(),
                false => PollFlags::IN,
            };
            self.wait_for(socket, due, launch.frozen)?;
            let (message, fds) = match socket.receive()? {
                Received::Message(message, fds) => (message, fds),
                Received::End if sequence.is_complete() => return Ok(()),
                Received::End => return Err(self.died()),
            };
            sequence.take(&message)?;
            let mut fds = fds.into_iter();
            match message {
                FromInit::WantMaps => {
                    idmap::write(self.boot.pid(), launch.maps.0, launch.maps.1)?;
                    tell(socket, &ToInit::MapsWritten, &[])?;
                }
                FromInit::Born(pid) => {
                    let (Some(pid), Some(pidfd)) = (Pid::from_raw(pid), fds.next()) else {
                        return Err(Error::new(ErrorKind::System, "init's birth has no pidfd"));
                    };
                    let (pid, pidfd) = self.stage.insert((pid, pidfd));
                    self.kept.extend(fds);
                    if let Err(error) = (launch.born)(*pid, pidfd.as_fd()) {
                        // Much fails only because the init ends; why it does says more.
                        return Err(if is_ending(*pid, pidfd) { self.died() } else { error });
                    }
                    if let Some(attributes) = &given {
                        privileges::schedule(Some(*pid), attributes)?;
                    }
                    if wants_joined {
                        tell(socket, &ToInit::Joined, &[])?;
                    }
                    tell(socket, &ToInit::Go, &[])?;
                }
                FromInit::HooksDue => {
                    if let Some((pid, _)) = &self.stage {
                        (launch.hooks)(*pid, socket.as_fd())?;
                    }
                    tell(socket, &ToInit::HooksRun, &[])?;
                }
                FromInit::Terminal => self.terminal = fds.next(),
                FromInit::Built(warnings) | FromInit::Executing(warnings) => {
                    self.warnings = warnings;
                }
                FromInit::Listener => {
                    let (Some((pid, _)), Some(listener)) = (&self.stage, fds.next()) else {
                        return Err(Error::new(ErrorKind::System, "a listener has not come along"));
                    };
                    (launch.agent)(*pid, listener)?;
                    tell(socket, &ToInit::HandedOver, &[])?;
                }
                FromInit::Failed(error) => return Err(error),
                // The sequence has refused it.
                FromInit::Criu => {}
            }
        }
    }

    /// Waits for a message, or for the end alone; looks now and then whether one can come at all:
    /// not from who is frozen, nor from a stage 0 that was killed between stage 1's birth and its word of that.
    fn wait_for(&self, socket: &Socket, due: PollFlags, frozen: &dyn Fn() -> bool) -> Result<()> {
        const LONGEST: i64 = 100_000_000;
        const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut look = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        while !came(socket, due, &look)? {
            look.tv_nsec = (look.tv_nsec * 2).min(LONGEST);
            if frozen() {
                return Err(Error::new(ErrorKind::Paused, "container paused")
                    .with_hint("it was paused while the process entered it; resume it first"));
            }
            let silent = self.stage.is_none() && wait_for_end(self.boot.pidfd(), &NOW) == Ok(1);
            if silent && !came(socket, due, &NOW)? {
                return Err(self.died());
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Launched> {
        let (pid, pidfd) = self
            .stage
            .ok_or_else(|| Error::new(ErrorKind::System, "the container's init was never born"))?;
        Ok(Launched { pid, pidfd, terminal: self.terminal, warnings: self.warnings })
    }

    /// Ends what is left of a failed start; the error says more where the init was killed.
    fn abandon(self, error: Error) -> Error {
        if let Some((_, pidfd)) = &self.stage {
            let _ = pidfd_send_signal(pidfd, Signal::KILL);
            // A process frozen by a v1 freezer ends only when it is thawed; on v2 it does at once.
            let limit = match error.kind() {
                ErrorKind::Paused => Timespec { tv_sec: 0, tv_nsec: 10_000_000 },
                _ => Timespec { tv_sec: 5, tv_nsec: 0 },
            };
            let _ = wait_for_end(pidfd, &limit);
            let _ =
                waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        }
        error
    }

    /// Why the socket ended early.
    fn died(&self) -> Error {
        let who = self.stage.as_ref().map_or(self.boot.pidfd(), |(_, pidfd)| pidfd);
        let status = rustix::io::retry_on_intr(|| {
            waitid(WaitId::PidFd(who.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        });
        let how = match status {
            Ok(Some(status)) => match (status.terminating_signal(), status.exit_status()) {
                (Some(signal), _) => format!("was killed by signal {signal}"),
                (_, Some(code)) => format!("exited with {code}"),
                _ => "ended".to_owned(),
            },
            _ => "ended".to_owned(),
        };
        let message = format!("the container's init {how} before it executed the program");
        let error = Error::new(ErrorKind::ProcessNotExecuted, message);
        if how.ends_with("signal 9") {
            return error.with_hint("a memory limit below what a start takes does this");
        }
        error
    }
}

/// Sends a message. An init that is gone has said why: what it said is received next.
pub(crate) fn tell(
    socket: &Socket,
    message: &ToInit,
    descriptors: &[BorrowedFd<'_>],
) -> Result<()> {
    match socket.send(message, descriptors) {
        Err(error) if error.errno().map(Errno::from_raw_os_error).is_some_and(is_gone) => Ok(()),
        result => result,
    }
}

/// Whether the peer has closed its end, maybe with messages of ours unread.
fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::PIPE | Errno::CONNRESET)
}

/// Whether what is due, or the socket's end, comes within `limit`.
fn came(socket: &Socket, due: PollFlags, limit: &Timespec) -> Result<bool> {
    let mut fds = [PollFd::new(socket, due)];
    Ok(rustix::io::retry_on_intr(|| poll(&mut fds, Some(limit))).sys("poll", || "")? > 0)
}

/// Whether a child has ended, or is about to: its namespaces go a moment before.
fn is_ending(pid: Pid, pidfd: &OwnedFd) -> bool {
    const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
    wait_for_end(pidfd, &NOW) == Ok(1) || has_begun_to_exit(pid).unwrap_or(false)
}

/// Whether the kernel has begun with a process's end: PF_EXITING of include/linux/sched.h in its
/// flags, the 9th field of `/proc/PID/stat`.
fn has_begun_to_exit(pid: Pid) -> Result<bool> {
    const PF_EXITING: u64 = 0x4;
    let text = Procfs::open()?.read(format!("{}/stat", pid.as_raw_nonzero()))?;
    let text = String::from_utf8_lossy(&text);
    let field = text.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(6));
    Ok(field.and_then(|flags| flags.parse::<u64>().ok()).is_some_and(|it| it & PF_EXITING != 0))
}

fn wait_for_end(pidfd: &OwnedFd, limit: &Timespec) -> rustix::io::Result<usize> {
    rustix::io::retry_on_intr(|| poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(limit)))
}
