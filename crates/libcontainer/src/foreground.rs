//! A process in the foreground: signals that come to this program and what is typed go to it,
//! until it ends.
//!
//! For command-line programs, from `main`'s thread, before any other thread is started:
//!
//! ```no_run
//! use libcontainer::{Container, Process, foreground};
//!
//! fn in_the_foreground(container: &Container) -> libcontainer::Result<u8> {
//!     let signals = foreground::Signals::take()?;
//!     let child = container.run(Process::configured())?;
//!     Ok(foreground::exit_code(foreground::attend(child, &signals)?))
//! }
//! ```

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, getpid, kill_process, set_child_subreaper};
use sys::Context;
use sys::signalfd::SignalFd;

use crate::console::Relay;
use crate::{Child, ErrorKind, ExitStatus, Result};

/// Signals that say something about this process, not to the other: faults of its own, a child's
/// end, writes to closed pipes, use of the terminal from the background; and KILL and STOP, which
/// nobody can keep from acting.
const OWN: [Signal; 12] = [
    Signal::ILL,
    Signal::TRAP,
    Signal::BUS,
    Signal::FPE,
    Signal::SEGV,
    Signal::SYS,
    Signal::PIPE,
    Signal::CHILD,
    Signal::TTIN,
    Signal::TTOU,
    Signal::KILL,
    Signal::STOP,
];

/// The signals that are for the process in the foreground. They are blocked in the calling thread
/// and in those it starts, for good, and read from a descriptor; no handler is set.
#[derive(Debug)]
pub struct Signals {
    fd: SignalFd,
    orphans: bool,
}

impl Signals {
    /// Takes them aside.
    pub fn take() -> Result<Self> {
        Ok(Self { fd: SignalFd::block(forwarded())?, orphans: false })
    }

    /// The same, and this process becomes the one that orphaned descendants are handed to
    /// (PR_SET_CHILD_SUBREAPER of prctl(2)): a container without a PID namespace of its own
    /// leaves some. [`attend`] waits for every child of this process then, whosever it is.
    pub fn take_with_orphans() -> Result<Self> {
        set_child_subreaper(Some(getpid())).sys("prctl", || "PR_SET_CHILD_SUBREAPER")?;
        let signals = forwarded().chain([Signal::CHILD.as_raw()]);
        Ok(Self { fd: SignalFd::block(signals)?, orphans: true })
    }

    /// Waits for the next one, and its number.
    pub fn read(&self) -> Result<i32> {
        Ok(self.fd.read()?.signal)
    }
}

/// Readable when a signal has come.
impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn forwarded() -> impl Iterator<Item = i32> {
    (1..=64).filter(|signal| {
        // 32 and 33 are the C library's own.
        !matches!(signal, 32 | 33) && OWN.iter().all(|own| own.as_raw() != *signal)
    })
}

/// Waits until the process has ended, and gives its exit status. Meanwhile signals are passed on
/// to it, and its terminal, where it has one, is connected to the standard streams. A stop from
/// the keyboard (SIGTSTP) stops both, or this process alone where the other has a terminal.
///
/// # Errors
/// The process is killed then: nobody is left to look after it.
pub fn attend(mut child: Child, signals: &Signals) -> Result<ExitStatus> {
    let relay = child.terminal.take().map(Relay::stdio).transpose();
    match relay.and_then(|relay| accompany(&child, signals, relay)) {
        Ok(()) => child.wait(),
        Err(error) => {
            if send(&child, Signal::KILL.as_raw()).is_ok() {
                let _ = child.wait();
            }
            Err(error)
        }
    }
}

/// The exit code for a status: 128+N for signal N, as shells have it.
pub fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// Passes signals and the terminal's data on until the process has ended, and what it has written
/// is shown.
fn accompany(child: &Child, signals: &Signals, mut relay: Option<Relay<'_>>) -> Result<()> {
    let mut ended = false;
    loop {
        let happened = wait((!ended).then_some(child), signals, relay.as_mut())?;
        if happened.signal {
            let signal = signals.read()?;
            if signal == Signal::CHILD.as_raw() {
                reap_orphans(child, signals)?;
            } else if !ended {
                pass_on(signal, child, relay.as_mut())?;
            } else if ends(signal) {
                // Whoever should read the rest does not, and somebody wants us to end.
                return Ok(());
            }
        }
        if happened.end {
            ended = true;
            if let Some(relay) = &mut relay {
                relay.finish();
            }
        }
        if let Some(connected) = &mut relay
            && !connected.turn()?
        {
            relay = None;
        }
        if ended && relay.is_none() {
            return Ok(());
        }
    }
}

/// What a wait has found.
struct Happened {
    end: bool,
    signal: bool,
}

fn wait(
    child: Option<&Child>,
    signals: &Signals,
    relay: Option<&mut Relay<'_>>,
) -> Result<Happened> {
    let mut fds = vec![PollFd::new(signals, PollFlags::IN)];
    fds.extend(child.map(|child| PollFd::new(child, PollFlags::IN)));
    let patience = relay.as_ref().and_then(|relay| relay.patience());
    fds.extend(relay.as_ref().map(|relay| relay.interest()).unwrap_or_default());
    let ready = rustix::io::retry_on_intr(|| poll(&mut fds, patience.as_ref()));
    let ready = ready.sys("poll", || "")?;
    let is_ready = |index: usize| fds.get(index).is_some_and(|fd| !fd.revents().is_empty());
    let happened = Happened { signal: is_ready(0), end: child.is_some() && is_ready(1) };
    drop(fds);
    if ready == 0
        && let Some(relay) = relay
    {
        relay.remind();
    }
    Ok(happened)
}

fn pass_on(signal: i32, child: &Child, relay: Option<&mut Relay<'_>>) -> Result<()> {
    match (Signal::from_named_raw(signal), relay) {
        (Some(Signal::TSTP), Some(relay)) => {
            relay.release();
            stop()?;
            return relay.resume();
        }
        (Some(Signal::TSTP), None) => {
            // The job stops as one: the shell sees us stopped, and the program rests.
            send(child, Signal::STOP.as_raw())?;
            return stop();
        }
        (Some(Signal::CONT), Some(relay)) => relay.resume()?,
        (Some(Signal::WINCH), Some(relay)) => return relay.resize(),
        _ => {}
    }
    send(child, signal)
}

/// Stops this process until it is told to go on.
fn stop() -> Result<()> {
    Ok(kill_process(getpid(), Signal::STOP).sys("kill", || "SIGSTOP")?)
}

fn send(child: &Child, signal: i32) -> Result<()> {
    match child.signal(signal) {
        // It ends at this moment.
        Err(error) if *error.kind() == ErrorKind::NotRunning => Ok(()),
        result => result,
    }
}

/// Whether a signal asks a program to end.
fn ends(signal: i32) -> bool {
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM].iter().any(|end| end.as_raw() == signal)
}

/// Waits for every child that has ended, except `child`, whose status is still wanted.
fn reap_orphans(child: &Child, signals: &Signals) -> Result<()> {
    while signals.orphans
        && let Some(pid) = sys::wait::ended_child()?
        && pid != child.pid()
    {
        sys::wait::reap(pid)?;
    }
    Ok(())
}
