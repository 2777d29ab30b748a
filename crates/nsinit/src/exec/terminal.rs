//! The command's terminal, connected to ours.

use std::io::{stdin, stdout};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use libcontainer::Result;
use libcontainer::console::{self, RawMode};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, ioctl_fionbio, read, write};
use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::isatty;
use rustix::time::Timespec;
use sys::{Context, SysError};

/// The master of the command's terminal, and what is on its way there. Ours is in raw mode and
/// gets its former mode back when this is dropped.
#[derive(Debug)]
pub struct Terminal {
    master: OwnedFd,
    raw: Option<RawMode>,
    pending: Vec<u8>,
    input: Input,
}

/// What is known of our standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    /// It may have more.
    Open,
    /// It is at its end, which the command has to be told.
    Ended,
    /// It went away.
    Gone,
}

/// The end-of-file character of a terminal in cooked mode, ^D.
const END: u8 = 4;

/// How often it is typed: a shell that just sets the terminal's mode loses one.
const AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

impl Terminal {
    /// Connects the terminal behind `master` to the standard streams. Where standard input is no
    /// terminal, what it has is typed in, and then ^D.
    pub fn connect(master: OwnedFd) -> Result<Self> {
        // A command that does not read its input must not keep its output from being shown.
        ioctl_fionbio(&master, true).sys("ioctl", || "FIONBIO")?;
        let mut terminal = Self { master, raw: None, pending: Vec::new(), input: Input::Open };
        terminal.resume()?;
        Ok(terminal)
    }

    /// What to wait for, and how.
    pub fn interest(&self) -> Vec<PollFd<'_>> {
        let waiting = !self.pending.is_empty();
        let output = if waiting { PollFlags::OUT } else { PollFlags::empty() };
        let mut fds = vec![PollFd::new(&self.master, PollFlags::IN | output)];
        if self.input == Input::Open && !waiting {
            fds.push(PollFd::from_borrowed_fd(rustix::stdio::stdin(), PollFlags::IN));
        }
        fds
    }

    /// How long to wait at most.
    pub fn patience(&self) -> Option<Timespec> {
        (self.input == Input::Ended).then_some(AGAIN)
    }

    /// Nothing happened for so long.
    pub fn remind(&mut self) {
        if self.pending.is_empty() {
            self.pending.push(END);
        }
    }

    /// Copies what is there, both ways; false when nobody holds the other side any more.
    pub fn turn(&mut self) -> Result<bool> {
        if self.input == Input::Open && self.pending.is_empty() && readable(stdin().as_fd())? {
            self.type_in();
        }
        if !self.pending.is_empty() {
            match write(&self.master, &self.pending) {
                Ok(written) => {
                    self.pending.drain(..written);
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                // The reading below tells what this means.
                Err(_) => self.pending.clear(),
            }
        }
        self.show().map(|shown| shown.is_some())
    }

    fn type_in(&mut self) {
        let mut buffer = [0; 4096];
        match read(stdin(), &mut buffer) {
            Ok(0) => {
                self.input = Input::Ended;
                self.pending.push(END);
            }
            Ok(length) => self.pending.extend_from_slice(&buffer[..length]),
            Err(Errno::INTR | Errno::AGAIN) => {}
            // Our own terminal went away; the command is told by a signal.
            Err(_) => self.input = Input::Gone,
        }
    }

    /// Shows output that is there, and how many bytes that was; `None` at its end.
    fn show(&mut self) -> Result<Option<usize>> {
        let mut buffer = [0; 16 * 1024];
        match read(&self.master, &mut buffer) {
            Ok(0) | Err(Errno::IO) => Ok(None),
            Ok(length) => {
                show(&buffer[..length])?;
                Ok(Some(length))
            }
            Err(Errno::INTR | Errno::AGAIN) => Ok(Some(0)),
            Err(errno) => Err(SysError::new("read", "of the terminal", errno).into()),
        }
    }

    /// Shows what the command has written before it ended.
    pub fn drain(&mut self) -> Result<()> {
        while self.show()?.is_some_and(|length| length > 0) {}
        Ok(())
    }

    /// Gives our terminal back, stops this process until it is told to go on, and takes it again.
    pub fn suspend(&mut self) -> Result<()> {
        self.raw = None;
        kill_process(getpid(), Signal::STOP).sys("kill", || "SIGSTOP")?;
        self.resume()
    }

    /// Takes our terminal (again): a shell sets its own mode while we are stopped.
    pub fn resume(&mut self) -> Result<()> {
        // In this order: the mode to come back to is the one that is there without us.
        self.raw = None;
        if isatty(stdin()) {
            self.raw = Some(RawMode::enter(stdin().as_fd())?);
        }
        self.resize()
    }

    /// Makes the command's terminal as large as ours.
    pub fn resize(&self) -> Result<()> {
        let size = console::size(stdin().as_fd()).or_else(|_| console::size(stdout().as_fd()));
        match size {
            Ok(size) => console::resize(self.master.as_fd(), size),
            Err(_) => Ok(()),
        }
    }
}

fn readable(fd: BorrowedFd<'_>) -> Result<bool> {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    let none = Timespec { tv_sec: 0, tv_nsec: 0 };
    let ready = rustix::io::retry_on_intr(|| poll(&mut fds, Some(&none))).sys("poll", || "")?;
    Ok(ready > 0)
}

fn show(mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match write(stdout(), bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let out = stdout();
                let mut fds = [PollFd::new(&out, PollFlags::OUT)];
                let _ = poll(&mut fds, None);
            }
            // Nobody looks any more: no reason to stop the command.
            Err(Errno::IO | Errno::PIPE) => return Ok(()),
            Err(errno) => {
                return Err(SysError::new("write", "to standard output", errno).into());
            }
        }
    }
    Ok(())
}
