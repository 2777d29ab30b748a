//! `nsinit exec`

mod detach;
mod foreground;
mod host;
mod start;
mod terminal;
mod wanted;

use clap::ArgMatches;
use libcontainer::{Error, ErrorKind, Result};

use crate::settings::Settings;
pub use foreground::code as exit_code;
use start::Started;
use wanted::Wanted;

/// Our own failure, before the command runs: no command's exit code, by the custom of such tools.
pub const FAILED: u8 = 125;

/// Runs a command in the container of this directory, in the foreground or detached.
pub fn run(settings: &Settings, matches: &ArgMatches) -> Result<u8> {
    let wanted = Wanted::of(matches)?;
    settings.report.debug(|| format!("container {:?}", wanted.id));
    if wanted.detach.is_some() {
        return detach::run(settings, &wanted);
    }
    foreground(settings, &wanted)
}

fn foreground(settings: &Settings, wanted: &Wanted) -> Result<u8> {
    // What comes from now on is for the command, or makes a start end in order.
    let signals = foreground::block()?;
    // It starts up while we read the configuration; a failure shows when it is wanted.
    let _ = settings.factory.prepare();
    let Started { container, child, first } = start::start(settings, wanted, &signals)?;
    let status = foreground::attend(settings, child, &signals, |settings| {
        if let Some(first) = &first {
            first.tell_people(settings, &container);
        }
    });
    let code = status.map(foreground::code);
    if let Some(first) = first {
        first.finish(settings, &container, code.as_ref().ok().copied());
    }
    code
}

/// The exit code of `exec` for an error of its own.
pub fn code(error: &Error) -> u8 {
    match (error.kind(), error.errno()) {
        (ErrorKind::ProcessNotExecuted, Some(errno))
            if errno == rustix::io::Errno::NOENT.raw_os_error() =>
        {
            127
        }
        (ErrorKind::ProcessNotExecuted, Some(_)) => 126,
        _ => FAILED,
    }
}
