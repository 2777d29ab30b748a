//! Mistakes in the command line, and advice.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind as Mistake};
use cli::line::mistake;
use libcontainer::{Error, ErrorKind};
use rustix::io::Errno;
use sys::SysError;

use crate::arguments::PROGRAM;
use crate::report::Report;

/// The exit code for a mistake in the command line.
pub const MISTAKE: u8 = 2;

/// Tells what is wrong with the command line, or the help that was asked for; the exit code.
pub fn tell(error: &clap::Error, report: &Report) -> u8 {
    let message = match error.kind() {
        Mistake::DisplayHelp | Mistake::DisplayVersion => {
            // A reader that has gone away, as `head` does, is content.
            let _ = error.print();
            return 0;
        }
        Mistake::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            return MISTAKE;
        }
        _ => absent(error).unwrap_or_else(|| mistake(error)),
    };
    report.error(&message);
    match PROGRAM.guess(sys::start::arguments()).verb {
        "exec" => crate::exec::FAILED,
        _ => MISTAKE,
    }
}

/// The error of a word that is known, and known to be no command.
fn absent(error: &clap::Error) -> Option<Error> {
    let typed = error.get(ContextKind::InvalidSubcommand)?;
    (*typed == ContextValue::String("init".to_owned())).then(|| {
        let message = "init is what nsinit starts inside a container, not a command";
        Error::new(ErrorKind::System, message)
    })
}

/// Adds advice that only the program as a whole can give, where nothing nearer the cause has.
pub fn advise(error: Error) -> Error {
    if error.to_string().ends_with(')') {
        return error;
    }
    let hint = match error.errno().map(Errno::from_raw_os_error) {
        Some(Errno::PERM | Errno::ACCESS) if !rustix::process::geteuid().is_root() => {
            "it needs root"
        }
        // The command's own, of which the errno says everything.
        _ if *error.kind() == ErrorKind::ProcessNotExecuted => return error,
        Some(Errno::MFILE) => "raise the limit of open files: ulimit -n",
        Some(Errno::NFILE) => "this host has fs.file-max files open",
        Some(Errno::AGAIN) => {
            "no more processes are allowed: pids.max of nsinit's own control group, ulimit -u, or \
             kernel.pid_max"
        }
        Some(Errno::NOMEM) => "memory is short: this host's, or what nsinit is limited to",
        Some(Errno::NOSPC) => no_space(&error),
        Some(Errno::DQUOT) => "the user's quota on that file system is used up",
        Some(Errno::NOSYS) => "this kernel lacks that call: Linux 5.10 or newer is needed",
        Some(Errno::NODEV) => "this kernel does not have that file system: /proc/filesystems",
        _ => return error,
    };
    error.with_hint(hint)
}

/// What there is no space for: the kernel has one number for three things.
fn no_space(error: &Error) -> &'static str {
    let cause = error.source().and_then(|source| source.downcast_ref::<SysError>());
    match cause.map_or("", |cause| &*cause.call) {
        "mount" | "move_mount" | "open_tree" | "fsmount" | "pivot_root" => {
            "a mount namespace holds at most fs.mount-max mounts"
        }
        "clone3" | "unshare" => "a limit of user.max_*_namespaces is reached",
        _ => "free some: blocks or inodes of that file system are used up",
    }
}

#[cfg(test)]
mod tests;
