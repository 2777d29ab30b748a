//! A command in the foreground: signals go to it, its exit code comes back.

use std::os::unix::process::ExitStatusExt;

use libcontainer::{Child, ErrorKind, ExitStatus, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, getpid, kill_process};
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

/// Waits until the command has ended. `running` is called once, while it runs; not for one that
/// has ended by then.
pub fn attend(
    settings: &Settings,
    mut child: Child,
    signals: &SignalFd,
    running: impl FnOnce(&Settings),
) -> Result<ExitStatus> {
    let mut terminal = match child.terminal.take() {
        Some(master) => Some(Terminal::connect(master)?),
        None => None,
    };
    if let Some(status) = child.try_wait()? {
        terminal.iter_mut().try_for_each(Terminal::drain)?;
        return Ok(status);
    }
    running(settings);
    loop {
        let (ended, signalled) = wait(&child, signals, terminal.as_mut())?;
        if signalled {
            pass_on(signals, &child, terminal.as_mut())?;
        }
        if let Some(connected) = &mut terminal
            && !connected.turn()?
        {
            terminal = None;
        }
        if ended {
            // Others may still hold the terminal's other side: what the command wrote is there.
            terminal.iter_mut().try_for_each(Terminal::drain)?;
            return child.wait();
        }
    }
}

/// Waits for anything to happen: whether the command has ended, whether a signal has come.
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
