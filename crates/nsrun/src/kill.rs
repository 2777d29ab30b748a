//! `nsrun kill`

use cli::verb::Given;
use libcontainer::config::signal;
use libcontainer::{Container, Error, ErrorKind, Result, Status, Target};

use crate::arguments::text;
use crate::settings::Settings;

/// SIGTERM and SIGKILL (signal(7)).
const TERM: i32 = 15;
const KILL: i32 = 9;

/// Sends a signal; number 0 only asks whether there is somebody to get one.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let signal = text(given, "signal").map_or(Ok(TERM), number)?;
    let container = settings.container(given)?;
    if given.is_on("all") {
        all(&container, signal)?;
        return Ok(0);
    }
    let status = container.status()?;
    let alive = status.is_alive();
    if signal == KILL
        && !container.brief()?.own_pids
        && (alive || !container.processes()?.is_empty())
    {
        // The end of its first process would end nobody else.
        container.signal(signal, Target::All)?;
        return Ok(0);
    }
    if !alive {
        return Err(Error::new(ErrorKind::NotRunning, "container not running"));
    }
    if signal != 0 {
        container.signal(signal, Target::Init)?;
    }
    if signal == KILL && status == Status::Paused {
        // A process in a version 1 freezer does not end before it is thawed; in version 2 it may
        // have ended by now.
        let _ = container.resume();
    }
    Ok(0)
}

/// To every process that is left, and it is no error when none is: engines make sure by this.
fn all(container: &Container, signal: i32) -> Result<()> {
    if signal == 0 {
        return Ok(());
    }
    match container.signal(signal, Target::All) {
        Err(error) if *error.kind() == ErrorKind::NotRunning => Ok(()),
        result => result,
    }
}

/// A signal's number, whichever way it was typed.
fn number(text: &str) -> Result<i32> {
    if text == "0" {
        return Ok(0);
    }
    signal::number(text).ok_or_else(|| {
        let message = format!("unknown signal {text:?}");
        Error::new(ErrorKind::InvalidConfig { field: String::new() }, message)
            .with_hint("a name like TERM or SIGRTMIN+3, or a number from 0 to 64")
    })
}

#[cfg(test)]
mod tests;
