//! Mistakes in the command line, and advice.

use clap::error::{ContextKind, ContextValue, ErrorKind as Mistake};
use libcontainer::{Error, ErrorKind};
use rustix::io::Errno;

use crate::report::Report;

/// The exit code for a mistake in the command line.
pub const MISTAKE: u8 = 2;

/// Tells what is wrong with the command line, or the help that was asked for; the exit code.
pub fn tell(error: &clap::Error, report: &Report) -> u8 {
    match error.kind() {
        Mistake::DisplayHelp | Mistake::DisplayVersion => {
            let _ = error.print();
            0
        }
        Mistake::InvalidSubcommand => {
            match error.get(ContextKind::InvalidSubcommand) {
                Some(ContextValue::String(verb))
                    if ["checkpoint", "restore"].contains(&&**verb) =>
                {
                    let message = format!("{verb}: checkpoint and restore are not there yet");
                    report.error(&Error::new(ErrorKind::System, message));
                }
                _ => drop(error.print()),
            }
            MISTAKE
        }
        _ => {
            let _ = error.print();
            if std::env::args().nth(1).as_deref() == Some("exec") {
                return crate::exec::FAILED;
            }
            MISTAKE
        }
    }
}

/// The error of a verb that nobody types.
pub fn internal(verb: &str) -> Error {
    let message = format!("{verb} is what nsinit starts inside a container, not a command");
    Error::new(ErrorKind::System, message)
}

/// Adds advice that only the program as a whole can give.
pub fn advise(error: Error) -> Error {
    let denied = [Errno::PERM, Errno::ACCESS].map(Errno::raw_os_error);
    let root = rustix::process::geteuid().is_root();
    if !root && error.errno().is_some_and(|errno| denied.contains(&errno)) {
        return error.with_hint("it needs root");
    }
    error
}
