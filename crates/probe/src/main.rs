//! The tests' witness inside a container: one static program that tells facts in plain lines and
//! does one thing on request.
//!
//! Facts are lines of `key value`; a key may come several times. An action prints `ok`, maybe
//! with a result, and exits with 0, or prints `error ERRNO call arguments` and exits with 1
//! (`error EPERM open /dev/sda`). Wrong usage exits with 2.
#![forbid(unsafe_code)]

mod births;
mod calls;
mod files;
mod limits;
mod mounts;
mod names;
mod net;
mod signals;
mod status;
mod survive;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use sys::SysError;

const USAGE: &str = "\
usage: probe VERB [ARGUMENT]...
facts
  status                        who, where, with what: ids, capabilities, limits, descriptors, ...
  mounts                        one mount a line, tab-separated (see mounts.rs)
  watch-births SECS NAME        what can be seen of processes called NAME... (see births.rs)
  args [A]...                   its own arguments, one `arg` line each
load
  eat-memory MIB [SECS]         touches memory, one `ate N` line a MiB, then holds it
  forks N [SECS]                how many of N children can be started; holds them
  threads N                     how many of N threads can be started
  fds N                         how many of N descriptors can be opened
  spin SECS                     burns one processor; tells processor and wall time in ms
  fill PATH MIB                 writes a file of that size
files
  open PATH [r|w|rw|a|create]   opens it (O_NONBLOCK)
  read PATH | write PATH TEXT | append PATH TEXT
  stat PATH                     type, mode, owner, device, size (of the link itself)
  mknod PATH c|b|p|s MAJOR MINOR
  mkdir|unlink|rmdir PATH, chmod PATH OCTAL, chown PATH UID GID, symlink TARGET PATH
  wait-for PATH [SECS]          until it exists (10 s)
calls
  mount SRC DST TYPE [OPTION,...]   flags by mount(8)'s names, the rest is data
  umount PATH | chroot PATH | sethostname NAME | setdomainname NAME
  setuid UID | setgid GID | setgroups GID... | setrlimit NAME SOFT HARD
  socket FAMILY TYPE PROTOCOL   numbers; makes one and closes it
  syscall NUMBER...             enters it with -1 everywhere: tells seccomp's answer
  ioctl-tiocsti [BYTE]          types into its own terminal
network
  listen ADDRESS [TEXT]         1.2.3.4:80, [::1]:80, /path or @abstract: serves one connection
  connect ADDRESS               prints what it gets
  notify TEXT...                sends each to $NOTIFY_SOCKET
signals and time
  catch [SIGNAL]...             prints `ready`, then `got NAME pid P uid U` for each; all, if
                                none is named; `WINCH` tells the size; ends on its second INT
  kill PID SIGNAL | kill-self SIGNAL
  sleep SECS | exit N
checkpoints
  survive PLACE KIND...         prints `ready`, waits for a file at PLACE, and tells whether all is as
                                it was: `ok KIND`, `lost KIND: WORDS`, `end` (see survive.rs)
";

/// How a verb ends: `Ok` has printed its lines, `Err` is printed by main.
pub type Outcome = Result<ExitCode, Failure>;

/// Why a verb did not do its work.
pub enum Failure {
    /// A system call said no.
    Call(SysError),
    /// The arguments make no sense.
    Usage(String),
}

impl From<SysError> for Failure {
    fn from(error: SysError) -> Self {
        Self::Call(error)
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().skip(1).map(lossy).collect();
    let Some((verb, rest)) = args.split_first() else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(verb, rest) {
        Ok(code) => code,
        Err(Failure::Call(error)) => {
            line(&format!("error {} {} {}", names::errno(error.errno), error.call, error.args));
            ExitCode::from(1)
        }
        Err(Failure::Usage(what)) => {
            eprintln!("probe: {what}");
            ExitCode::from(2)
        }
    }
}

fn run(verb: &str, args: &[String]) -> Outcome {
    match verb {
        "help" | "--help" => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        "args" => {
            args.iter().for_each(|arg| line(&format!("arg {arg}")));
            Ok(ExitCode::SUCCESS)
        }
        "exit" => Ok(ExitCode::from(number::<u8>(args, 0, "an exit code")?)),
        "status" => status::print(),
        "survive" => survive::run(args),
        "mounts" => mounts::print(),
        "watch-births" => births::watch(args),
        "eat-memory" | "forks" | "threads" | "fds" | "spin" | "fill" => limits::run(verb, args),
        "open" | "read" | "write" | "append" | "stat" | "mknod" | "mkdir" | "unlink" | "rmdir"
        | "chmod" | "chown" | "symlink" | "wait-for" => files::run(verb, args),
        "listen" | "connect" | "notify" => net::run(verb, args),
        "catch" | "kill" | "kill-self" | "sleep" => signals::run(verb, args),
        _ => calls::run(verb, args),
    }
}

fn lossy(arg: OsString) -> String {
    arg.to_string_lossy().into_owned()
}

/// Prints a line at once; a reader that has gone is no reason to stop.
pub fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Ends a verb that did its work.
pub fn ok() -> Outcome {
    line("ok");
    Ok(ExitCode::SUCCESS)
}

/// The argument at `index`, or a complaint that names it.
pub fn text<'a>(args: &'a [String], index: usize, what: &str) -> Result<&'a str, Failure> {
    args.get(index).map(String::as_str).ok_or_else(|| Failure::Usage(format!("{what} is missing")))
}

/// The argument at `index` as a number.
pub fn number<T: std::str::FromStr>(
    args: &[String],
    index: usize,
    what: &str,
) -> Result<T, Failure> {
    let given = text(args, index, what)?;
    given.parse().map_err(|_| Failure::Usage(format!("{given} is not {what}")))
}

/// The argument at `index` as a number, or `default` where there is none.
pub fn number_or<T: std::str::FromStr>(
    args: &[String],
    index: usize,
    default: T,
    what: &str,
) -> Result<T, Failure> {
    if args.len() > index { number(args, index, what) } else { Ok(default) }
}
