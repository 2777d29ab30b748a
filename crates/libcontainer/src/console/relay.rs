//! The caller's end: raw mode, copying both ways, size.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{
    OptionalActions, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};
use sys::Context;

use crate::Result;

/// A terminal in raw mode (cfmakeraw(3)); its former mode comes back when this is dropped.
#[derive(Debug)]
pub struct RawMode {
    terminal: OwnedFd,
    before: Termios,
}

impl RawMode {
    /// Puts the terminal into raw mode.
    ///
    /// # Errors
    /// ENOTTY where it is none.
    pub fn enter(terminal: BorrowedFd<'_>) -> Result<Self> {
        let terminal = terminal.try_clone_to_owned().sys("fcntl", || "F_DUPFD")?;
        let before = tcgetattr(&terminal).sys("ioctl", || "TCGETS")?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &raw).sys("ioctl", || "TCSETS")?;
        Ok(Self { terminal, before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &self.before);
    }
}

/// The size of a terminal: rows, columns.
pub fn size(terminal: BorrowedFd<'_>) -> Result<(u16, u16)> {
    let size = tcgetwinsize(terminal).sys("ioctl", || "TIOCGWINSZ")?;
    Ok((size.ws_row, size.ws_col))
}

/// Sets the size of the terminal behind `master`; the program gets a SIGWINCH.
pub fn resize(master: BorrowedFd<'_>, (rows, columns): (u16, u16)) -> Result<()> {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(tcsetwinsize(master, size).sys("ioctl", || "TIOCSWINSZ")?)
}

/// Copies between a terminal's master and a pair of streams, as far as each side will take it.
#[derive(Debug)]
pub struct Relay<'a> {
    master: BorrowedFd<'a>,
    input: Option<BorrowedFd<'a>>,
    output: BorrowedFd<'a>,
}

/// The end-of-file character of a terminal in cooked mode, ^D.
const END: u8 = 4;

impl<'a> Relay<'a> {
    /// Between `master` and the caller's `input` and `output`.
    pub fn new(master: BorrowedFd<'a>, input: BorrowedFd<'a>, output: BorrowedFd<'a>) -> Self {
        Self { master, input: Some(input), output }
    }

    /// What to wait for beside one's own descriptors: readable, each of them.
    pub fn descriptors(&self) -> Vec<BorrowedFd<'a>> {
        self.input.into_iter().chain([self.master]).collect()
    }

    /// Copies what is there, without waiting for more; false when the terminal's other side is
    /// closed and everything it wrote has been copied.
    pub fn turn(&mut self) -> Result<bool> {
        if let Some(input) = self.input
            && readable(input)?
        {
            let mut buffer = [0; 4096];
            match rustix::io::read(input, &mut buffer) {
                Ok(0) => {
                    self.input = None;
                    write_all(self.master, &[END])?;
                }
                Ok(length) => write_all(self.master, &buffer[..length])?,
                Err(Errno::INTR | Errno::AGAIN) => {}
                // Our own terminal went away: its program's end is for others to decide.
                Err(_) => self.input = None,
            }
        }
        if readable(self.master)? {
            let mut buffer = [0; 16 * 1024];
            match rustix::io::read(self.master, &mut buffer) {
                Ok(0) | Err(Errno::IO) => return Ok(false),
                Ok(length) => write_all(self.output, &buffer[..length])?,
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(errno) => return Err(sys::SysError::new("read", "of a terminal", errno).into()),
            }
        }
        Ok(true)
    }
}

fn readable(fd: BorrowedFd<'_>) -> Result<bool> {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    let none = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
    let ready = rustix::io::retry_on_intr(|| poll(&mut fds, Some(&none))).sys("poll", || "")?;
    Ok(ready > 0)
}

fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
                let _ = poll(&mut fds, None);
            }
            // Nobody reads any more: nothing to be done, and no reason to stop the program.
            Err(Errno::IO | Errno::PIPE) => return Ok(()),
            Err(errno) => return Err(sys::SysError::new("write", "to a terminal", errno).into()),
        }
    }
    Ok(())
}
