//! Version 2: pressure stall triggers (Documentation/accounting/psi.rst, "Monitoring for pressure
//! thresholds").

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::{Event, Pressure};
use crate::Result;
use crate::file::{Dir, failed};
use crate::psi::Psi;

/// A trigger; it ends when the descriptor is closed.
#[derive(Debug)]
pub(super) struct Trigger {
    fd: OwnedFd,
    full: bool,
    /// The time lost within a window that makes an event, in microseconds.
    stall: u64,
    /// The time lost when the last event was told.
    total: u64,
    /// What [`polled`](Self::polled) was told: poll(2) says an event only once.
    seen: PollFlags,
    gone: bool,
}

impl AsFd for Trigger {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Trigger {
    pub(super) fn new(dir: Dir, pressure: Pressure) -> Result<Self> {
        let (full, stall, window) = match pressure {
            Pressure::Low => (false, 100_000, 2_000_000),
            Pressure::Medium => (false, 300_000, 2_000_000),
            Pressure::Critical => (true, 200_000, 2_000_000),
            Pressure::Stall { full, stall_us, window_us } => (full, stall_us, window_us),
        };
        let line = format!("{} {stall} {window}", if full { "full" } else { "some" });
        let fd = dir.file("memory.pressure", OFlags::RDWR | OFlags::NONBLOCK)?;
        rustix::io::write(&fd, line.as_bytes()).map_err(|errno| {
            let what = format!("writing {line:?} to memory.pressure of {}", dir.path().display());
            failed(what, "write", errno)
                .hinted(Errno::INVAL, || "the window is 500000 to 10000000 µs".to_owned())
                .hinted(Errno::PERM, || {
                    "a window that is no multiple of 2 s needs CAP_SYS_RESOURCE".to_owned()
                })
        })?;
        let mut trigger =
            Self { fd, full, stall: stall.into(), total: 0, seen: PollFlags::empty(), gone: false };
        trigger.total = trigger.lost()?.unwrap_or(0);
        Ok(trigger)
    }

    /// The microseconds lost so far; none where the group is gone.
    fn lost(&self) -> Result<Option<u64>> {
        let mut buffer = [0_u8; 256];
        match rustix::io::pread(&self.fd, &mut buffer, 0) {
            Ok(length) => {
                let psi = Psi::parse(&String::from_utf8_lossy(&buffer[..length]));
                let stall = if self.full { psi.full } else { psi.some };
                Ok(Some(stall.unwrap_or_default().total))
            }
            Err(Errno::NODEV) => Ok(None),
            Err(errno) => Err(failed("reading memory.pressure".to_owned(), "pread", errno)),
        }
    }

    /// Keeps what a poll(2) said.
    pub(super) fn polled(&mut self, seen: PollFlags) {
        self.seen |= seen;
    }

    /// Takes the next event. Where somebody else's poll(2) may have used it up (`elsewhere`), time
    /// lost since the last one counts too: half of what makes an event, since the kernel
    /// interpolates between its windows.
    pub(super) fn take(&mut self, elsewhere: bool) -> Result<Option<Event>> {
        if self.gone {
            return Ok(None);
        }
        let mut fds = [PollFd::new(&self.fd, PollFlags::PRI)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        match poll(&mut fds, Some(&now)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(failed("polling memory.pressure".to_owned(), "poll", errno)),
        }
        let seen = std::mem::replace(&mut self.seen, PollFlags::empty()) | fds[0].revents();
        let Some(total) = self.lost()? else {
            self.gone = true;
            return Ok(Some(Event::Gone));
        };
        let grown = elsewhere && total.saturating_sub(self.total) >= self.stall / 2;
        if !grown && !seen.contains(PollFlags::PRI) {
            return Ok(None);
        }
        self.total = total;
        Ok(Some(Event::MemoryPressure))
    }
}
