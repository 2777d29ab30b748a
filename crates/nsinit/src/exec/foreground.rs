//! A command in the foreground: signals go to it, its exit code comes back.

use std::os::unix::process::ExitStatusExt;

use libcontainer::{Child, Error, ErrorKind, ExitStatus, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, getpid, kill_process};
use rustix::time::Timespec;
use sys::Context;
use sys::signalfd::SignalFd;

use super::terminal::Terminal;
use crate::settings::Settings;

/// Signals that say something about this process, not to the command: faults of its own, the
/// command's end, writes to closed pipes, use of the terminal from the background; and KILL and
/// STOP, which nobody can keep from acting.
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

/// Takes all other signals aside, for [`attend`].
pub fn block() -> Result<SignalFd> {
    let forwarded = |signal: &i32| {
        // 32 and 33 are the C library's own.
        !matches!(signal, 32 | 33) && OWN.iter().all(|own| own.as_raw() != *signal)
    };
    Ok(SignalFd::block((1..=64).filter(forwarded))?)
}

/// What a short command needs to be over: files for people about it are work for nothing.
const SHORT: Timespec = Timespec { tv_sec: 0, tv_nsec: 4_000_000 };

/// Waits until the command has ended. `running` is called once, unless it ends at once.
///
/// # Errors
/// The command is killed then: nobody is left to look after it.
pub fn attend(
    settings: &Settings,
    mut child: Child,
    signals: &SignalFd,
    running: impl FnOnce(&Settings),
) -> Result<ExitStatus> {
    let mut terminal = match child.terminal.take().map(Terminal::connect).transpose() {
        Ok(terminal) => terminal,
        Err(error) => return Err(killed(&mut child, error)),
    };
    let mut fds = [PollFd::new(&child, PollFlags::IN)];
    let ready = rustix::io::retry_on_intr(|| poll(&mut fds, Some(&SHORT)));
    if ready == Ok(0) {
        running(settings);
    }
    match accompany(&child, signals, &mut terminal) {
        Ok(()) => child.wait(),
        Err(error) => Err(killed(&mut child, error)),
    }
}

fn killed(child: &mut Child, error: Error) -> Error {
    if send(child, Signal::KILL.as_raw()).is_ok() {
        let _ = child.wait();
    }
    error
}

/// Passes signals and the terminal's data on until the command has ended.
fn accompany(child: &Child, signals: &SignalFd, terminal: &mut Option<Terminal>) -> Result<()> {
    loop {
        let (ended, signalled) = wait(child, signals, terminal.as_mut())?;
        if signalled {
            pass_on(signals, child, terminal.as_mut())?;
        }
        if let Some(connected) = terminal
            && !connected.turn()?
        {
            *terminal = None;
        }
        if ended {
            // Others may still hold the terminal's other side: what the command wrote is there.
            return terminal.iter_mut().try_for_each(Terminal::drain);
        }
    }
}

fn wait(
    child: &Child,
    signals: &SignalFd,
    terminal: Option<&mut Terminal>,
) -> Result<(bool, bool)> {
    let mut fds = vec![PollFd::new(child, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
    let patience = terminal.as_ref().and_then(|terminal| terminal.patience());
    fds.extend(terminal.as_ref().map(|terminal| terminal.interest()).unwrap_or_default());
    let happened = rustix::io::retry_on_intr(|| poll(&mut fds, patience.as_ref()));
    let happened = happened.sys("poll", || "")?;
    let ready = |index: usize| fds.get(index).is_some_and(|fd| !fd.revents().is_empty());
    let (ended, signalled) = (ready(0), ready(1));
    drop(fds);
    if happened == 0
        && let Some(terminal) = terminal
    {
        terminal.remind();
    }
    Ok((ended, signalled))
}

fn pass_on(signals: &SignalFd, child: &Child, terminal: Option<&mut Terminal>) -> Result<()> {
    let signal = signals.read()?.signal;
    match (Signal::from_named_raw(signal), terminal) {
        (Some(Signal::TSTP), Some(terminal)) => return terminal.suspend(),
        (Some(Signal::TSTP), None) => {
            // The job stops as one: the shell sees us stopped, and the command rests.
            send(child, Signal::STOP.as_raw())?;
            kill_process(getpid(), Signal::STOP).sys("kill", || "SIGSTOP")?;
            return Ok(());
        }
        (Some(Signal::CONT), Some(terminal)) => terminal.resume()?,
        (Some(Signal::WINCH), Some(terminal)) => return terminal.resize(),
        _ => {}
    }
    send(child, signal)
}

fn send(child: &Child, signal: i32) -> Result<()> {
    match child.signal(signal) {
        // It ends at this moment.
        Err(error) if *error.kind() == ErrorKind::NotRunning => Ok(()),
        result => result,
    }
}

/// The exit code for a status: 128+N for signal N, as shells have it.
pub fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(super::FAILED)
}
