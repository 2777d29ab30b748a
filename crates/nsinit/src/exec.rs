//! `nsinit exec`

mod detach;
mod host;
mod record;
mod restore;
mod start;
mod wanted;

use std::ffi::OsString;

use cli::verb::Given;
use libcontainer::foreground::{self, Signals};
use libcontainer::{Child, Error, ErrorKind, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use crate::settings::Settings;
use start::Started;
use wanted::Wanted;

/// Our own failure, before the command runs: no command's exit code, by the custom of such tools.
pub const FAILED: u8 = 125;

/// Whether a command line will want an init of this very process, told before it is understood:
/// `exec`, and nothing that may mean a detached one, whose init is the monitor's.
pub fn is_likely(args: &[OsString]) -> bool {
    let elsewhere = |arg: &[u8]| match arg {
        [b'-', b'-', long @ ..] => long.starts_with(b"det") || long.starts_with(b"help"),
        [b'-', short @ ..] => short.contains(&b'd'),
        _ => false,
    };
    let mut args = args.iter().skip(1);
    args.next().is_some_and(|verb| verb == "exec")
        && !args.take_while(|arg| *arg != "--").any(|arg| elsewhere(arg.as_encoded_bytes()))
}

/// Runs a command in the container of this directory, in the foreground or detached.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let wanted = Wanted::of(given)?;
    settings.report.debug(|| format!("container {:?}", wanted.id));
    if wanted.detach.is_some() {
        return detach::run(settings, &wanted);
    }
    attended(settings, &wanted)
}

/// Brings the saved container of this directory back, in the foreground or detached.
pub fn restore(settings: &Settings, given: &Given) -> Result<u8> {
    let wanted = Wanted::back(settings, given)?;
    settings.report.debug(|| format!("container {:?}", wanted.id));
    match wanted.detach {
        Some(_) => detach::run(settings, &wanted),
        None => attended(settings, &wanted),
    }
}

fn attended(settings: &Settings, wanted: &Wanted) -> Result<u8> {
    // What comes from now on is for the command, or makes a start end in order.
    let signals = Signals::take()?;
    // It starts up while we read the configuration, if it has not yet; a failure shows when it is
    // wanted.
    let _ = settings.factory.prepare();
    let Started { container, child, first } = start::start(settings, wanted, &signals)?;
    if let Some(first) = &first
        && lasts(&child)
    {
        first.tell_people(settings, &container);
    }
    let code = foreground::attend(child, &signals).map(foreground::exit_code);
    if let Some(first) = first {
        first.finish(settings, &container, code.as_ref().ok().copied());
    }
    code
}

/// Whether a command is not over at once: files for people about it would be work for nothing.
fn lasts(child: &Child) -> bool {
    const SHORT: Timespec = Timespec { tv_sec: 0, tv_nsec: 4_000_000 };
    let mut fds = [PollFd::new(child, PollFlags::IN)];
    rustix::io::retry_on_intr(|| poll(&mut fds, Some(&SHORT))) == Ok(0)
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
