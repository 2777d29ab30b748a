//! What goes with a process that is started: its descriptors, terminal, pid and pidfd.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use cli::verb::Given;
use libcontainer::console::{self, DescriptorSocket};
use libcontainer::{Child, Error, ErrorKind, Result, Step};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, unlink};
use rustix::io::Errno;
use sys::Context;

use crate::arguments::path_of;

/// The size of the caller's terminal, rows and columns: a program that is in the foreground has it
/// from its beginning, and no SIGWINCH soon after.
pub fn callers_size() -> Option<(u16, u16)> {
    let of_output = |_| console::size(std::io::stdout().as_fd());
    console::size(std::io::stdin().as_fd()).or_else(of_output).ok()
}

/// Where a process's terminal, pidfd and pid go: the sockets are connected before anything is
/// made, so that nothing has to be taken back when nobody listens.
#[derive(Debug)]
pub struct Outlets {
    console: Option<DescriptorSocket>,
    pidfd: Option<DescriptorSocket>,
    pid_file: Option<PathBuf>,
}

impl Outlets {
    /// As the flags say, for a process with or without a terminal, that is left to itself or not.
    ///
    /// # Errors
    /// A terminal that nobody would hold, or a socket for one that is not sent.
    pub fn of(given: &Given, terminal: bool, detached: bool) -> Result<Self> {
        let console = path_of(given, "console-socket");
        let wrong = |text: &str| Err(Error::new(ErrorKind::System, text));
        if detached && terminal && console.is_none() {
            return wrong(
                "cannot allocate tty if nsrun will detach without setting console socket",
            );
        }
        if console.is_some() && !(detached && terminal) {
            return wrong("cannot use console socket if nsrun will not detach or allocate tty");
        }
        let connect = |path: Option<PathBuf>, flag: &'static str| {
            let socket = path.map(|path| DescriptorSocket::connect(&path)).transpose();
            socket.step(|| flag)
        };
        Ok(Self {
            console: connect(console, "--console-socket")?,
            pidfd: connect(path_of(given, "pidfd-socket"), "--pidfd-socket")?,
            pid_file: path_of(given, "pid-file"),
        })
    }

    /// Hands everything over. The terminal goes with it, where it has a socket to go to.
    pub fn serve(&self, child: &mut Child) -> Result<()> {
        if let Some(socket) = &self.console
            && let Some(master) = child.terminal.take()
        {
            socket.send_terminal(master.as_fd())?;
        }
        if let Some(socket) = &self.pidfd {
            socket.send_pidfd(child.as_fd())?;
        }
        match &self.pid_file {
            Some(path) => write_pid(path, child.pid()).step(|| "--pid-file"),
            None => Ok(()),
        }
    }
}

/// Writes a pid file: whoever finds it finds it whole. It has no name before, so that nothing is
/// left of a program that is killed meanwhile.
fn write_pid(path: &Path, pid: i32) -> Result<()> {
    let place = || path.display().to_string();
    let wrong = || Error::new(ErrorKind::System, format!("{path:?} names no file"));
    let name = path.file_name().ok_or_else(wrong)?;
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mode = Mode::from_raw_mode(0o644);
    let nameless = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
    let file = match rustix::fs::open(directory, nameless, mode) {
        // Of a file system that has no such files (open(2)).
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => None,
        opened => Some(opened.sys("open", place)?),
    };
    let written = |file: OwnedFd| {
        let mut file = File::from(file);
        file.write_all(pid.to_string().as_bytes()).sys("write", place).map(|()| file)
    };
    let Some(file) = file else {
        let named = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        let hidden = path.with_file_name(hidden);
        written(rustix::fs::open(&hidden, named, mode).sys("open", place)?)?;
        return Ok(std::fs::rename(&hidden, path).sys("rename", place)?);
    };
    let file = written(file)?;
    let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
    loop {
        match linkat(CWD, &itself, CWD, path, AtFlags::SYMLINK_FOLLOW) {
            Err(Errno::EXIST) => {}
            linked => return Ok(linked.sys("linkat", place)?),
        }
        match unlink(path) {
            Err(Errno::NOENT) => {}
            removed => removed.sys("unlink", place)?,
        }
    }
}

/// What a process inherits from this program.
#[derive(Debug, Default)]
pub struct Inherited {
    /// What it finds from descriptor 3 up.
    pub descriptors: Vec<OwnedFd>,
    /// What it needs to know of them.
    pub env: Vec<String>,
}

impl Inherited {
    /// The sockets that systemd made for this program, if the process is the first of a container
    /// (sd_listen_fds(3)), and then those of `--preserve-fds`.
    pub fn of(given: &Given, first: bool) -> Result<Self> {
        let mut inherited = Self::default();
        let listening = if first { listening() } else { 0 };
        if listening > 0 {
            inherited.take(listening).step(|| "LISTEN_FDS")?;
            inherited.env.push(format!("LISTEN_FDS={listening}"));
            inherited.env.push("LISTEN_PID=1".to_owned());
            let names = std::env::var("LISTEN_FDNAMES");
            inherited.env.extend(names.map(|names| format!("LISTEN_FDNAMES={names}")));
        }
        let preserved = given.number("preserve-fds").unwrap_or(0);
        inherited.take(preserved as usize).step(|| "--preserve-fds")?;
        Ok(inherited)
    }

    fn take(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let number = 3 + self.descriptors.len();
            self.descriptors.push(sys::inherited::take(i32::try_from(number).unwrap_or(-1))?);
        }
        Ok(())
    }
}

/// How many sockets were made for this very process.
fn listening() -> usize {
    let number = |name| std::env::var(name).ok()?.parse::<u32>().ok();
    let ours = std::env::var_os("LISTEN_PID").is_none()
        || number("LISTEN_PID") == Some(std::process::id());
    number("LISTEN_FDS").filter(|_| ours).unwrap_or(0) as usize
}
