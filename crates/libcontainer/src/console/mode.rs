//! A terminal's mode and size.

use std::os::fd::{BorrowedFd, OwnedFd};

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
