//! The caller's end: what is typed goes in, what is shown comes out, and nobody waits for the
//! other.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, ioctl_fionbio, read, write};
use rustix::termios::isatty;
use rustix::time::Timespec;
use sys::{Context, SysError};

use super::mode::{self, RawMode};
use crate::Result;

/// Connects the master of a program's terminal to a pair of streams, for an event loop: wait for
/// [`interest`](Relay::interest) beside one's own descriptors, at most as long as
/// [`patience`](Relay::patience), then take a [`turn`](Relay::turn). No turn waits: a program
/// that does not read its input, or a reader that does not take its output, keeps the loop from
/// nothing else. (Output is written by 4 KiB where poll(2) says there is room, since the stream's
/// own mode is shared with others and not changed.)
///
/// Where the input is a terminal, it is in raw mode while the relay lives. Where it is none, its
/// end is typed as ^D.
#[derive(Debug)]
pub struct Relay<'a> {
    master: OwnedFd,
    input: BorrowedFd<'a>,
    output: BorrowedFd<'a>,
    raw: Option<RawMode>,
    source: Source,
    /// On the way to the program.
    typed: Vec<u8>,
    /// On the way out.
    shown: Vec<u8>,
    /// The program's side is closed, or needs no more attention.
    over: bool,
    /// How much more is read at most, once the program has ended.
    rest: Option<usize>,
}

/// What is known of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// It may have more.
    Open,
    /// It is at its end, which the program has to be told.
    Ended,
    /// It went away.
    Gone,
}

/// The end-of-file character of a terminal in cooked mode, ^D.
const END: u8 = 4;

/// How often it is typed: a shell that just sets the terminal's mode loses one.
const AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// As much as a pipe takes in one piece when it is ready to be written to (PIPE_BUF, pipe(7)).
const PIECE: usize = 4096;

/// More than a pseudo-terminal holds on the way to its master.
const HELD: usize = 128 * 1024;

impl<'a> Relay<'a> {
    /// Between `master` and the caller's `input` and `output`. The program's terminal becomes as
    /// large as the caller's, where that is one.
    pub fn new(master: OwnedFd, input: BorrowedFd<'a>, output: BorrowedFd<'a>) -> Result<Self> {
        ioctl_fionbio(&master, true).sys("ioctl", || "FIONBIO")?;
        let mut relay = Self {
            master,
            input,
            output,
            raw: None,
            source: Source::Open,
            typed: Vec::new(),
            shown: Vec::new(),
            over: false,
            rest: None,
        };
        relay.resume()?;
        Ok(relay)
    }

    /// What to wait for.
    pub fn interest(&self) -> Vec<PollFd<'_>> {
        let mut master = PollFlags::empty();
        if self.shown.is_empty() && !self.over {
            master |= PollFlags::IN;
        }
        if !self.typed.is_empty() {
            master |= PollFlags::OUT;
        }
        // One of which nothing is wanted would still say that it is hung up.
        let mut fds = Vec::with_capacity(3);
        if !master.is_empty() {
            fds.push(PollFd::new(&self.master, master));
        }
        if !self.shown.is_empty() {
            fds.push(PollFd::from_borrowed_fd(self.output, PollFlags::OUT));
        }
        if self.listens() {
            fds.push(PollFd::from_borrowed_fd(self.input, PollFlags::IN));
        }
        fds
    }

    /// How long to wait at most, before [`remind`](Relay::remind).
    pub fn patience(&self) -> Option<Timespec> {
        (self.source == Source::Ended).then_some(AGAIN)
    }

    /// Nothing happened for so long.
    pub fn remind(&mut self) {
        if self.source == Source::Ended && self.typed.is_empty() {
            self.typed.push(END);
        }
    }

    /// Copies what there is, both ways; false when all has been shown, and nobody holds the
    /// terminal's other side any more.
    ///
    /// # Errors
    /// Of reading the master and writing to the output, but for an output that nobody reads.
    pub fn turn(&mut self) -> Result<bool> {
        if self.listens() && is_ready(self.input, PollFlags::IN)? {
            self.listen();
        }
        if !self.typed.is_empty() {
            self.type_in();
        }
        self.show()?;
        if self.shown.is_empty() && !self.over {
            self.hear()?;
            self.show()?;
        }
        Ok(!self.over || !self.shown.is_empty())
    }

    /// The program has ended: what it has written is still to be shown, but others may hold the
    /// terminal's other side, who could write for ever.
    pub fn finish(&mut self) {
        self.source = Source::Gone;
        self.typed.clear();
        self.rest = Some(HELD);
    }

    /// Gives the caller's terminal its mode back, until [`resume`](Relay::resume).
    pub fn release(&mut self) {
        self.raw = None;
    }

    /// Takes the caller's terminal (again), as it is now: a shell sets its mode while a job is
    /// stopped, and its size may be another.
    pub fn resume(&mut self) -> Result<()> {
        // In this order: the mode to come back to is the one that is there without us.
        self.raw = None;
        if isatty(self.input) {
            self.raw = Some(RawMode::enter(self.input)?);
        }
        self.resize()
    }

    /// Makes the program's terminal as large as the caller's.
    pub fn resize(&self) -> Result<()> {
        match mode::size(self.input).or_else(|_| mode::size(self.output)) {
            Ok(size) => mode::resize(self.master.as_fd(), size),
            Err(_) => Ok(()),
        }
    }

    fn listens(&self) -> bool {
        self.source == Source::Open && self.typed.is_empty()
    }

    fn listen(&mut self) {
        let mut buffer = [0; PIECE];
        match read(self.input, &mut buffer) {
            Ok(0) => {
                self.source = Source::Ended;
                self.typed.push(END);
            }
            Ok(length) => self.typed.extend_from_slice(&buffer[..length]),
            Err(Errno::INTR | Errno::AGAIN) => {}
            // The caller's own terminal went away: the program's end is for others to decide.
            Err(_) => self.source = Source::Gone,
        }
    }

    fn type_in(&mut self) {
        match write(&self.master, &self.typed) {
            Ok(written) => {
                self.typed.drain(..written);
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Reading tells what this means.
            Err(_) => self.typed.clear(),
        }
    }

    fn hear(&mut self) -> Result<()> {
        let mut buffer = [0; 4 * PIECE];
        let most = self.rest.unwrap_or(usize::MAX).min(buffer.len());
        match read(&self.master, &mut buffer[..most]) {
            Ok(0) | Err(Errno::IO) => self.over = true,
            Ok(length) => {
                self.shown.extend_from_slice(&buffer[..length]);
                self.rest = self.rest.map(|rest| rest - length);
            }
            Err(Errno::AGAIN) => self.over = self.rest.is_some(),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(SysError::new("read", "of a terminal", errno).into()),
        }
        Ok(())
    }

    fn show(&mut self) -> Result<()> {
        while !self.shown.is_empty() && is_ready(self.output, PollFlags::OUT)? {
            match write(self.output, &self.shown[..self.shown.len().min(PIECE)]) {
                Ok(length) => {
                    self.shown.drain(..length);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // Nobody looks any more: no reason to stop the program.
                Err(Errno::IO | Errno::PIPE) => self.shown.clear(),
                Err(errno) => {
                    return Err(SysError::new("write", "what a terminal shows", errno).into());
                }
            }
        }
        Ok(())
    }
}

impl Relay<'static> {
    /// Between `master` and this program's standard input and output.
    pub fn stdio(master: OwnedFd) -> Result<Self> {
        Self::new(master, rustix::stdio::stdin(), rustix::stdio::stdout())
    }
}

fn is_ready(fd: BorrowedFd<'_>, how: PollFlags) -> Result<bool> {
    let mut fds = [PollFd::from_borrowed_fd(fd, how)];
    let now = Timespec::default();
    let ready = rustix::io::retry_on_intr(|| poll(&mut fds, Some(&now))).sys("poll", || "")?;
    Ok(ready > 0)
}

#[cfg(test)]
mod tests;
