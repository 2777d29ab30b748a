//! Version 1: an eventfd(2) registered by cgroup.event_control (cgroup-v1/memory.rst, sections 9
//! to 11).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::Event;
use crate::Result;
use crate::file::{Dir, failed};
use crate::parse::flat_value;

/// A registration; it ends when the eventfd is closed.
#[derive(Debug)]
pub(super) struct Registration {
    eventfd: OwnedFd,
    dir: Dir,
    oom: bool,
    /// The group is gone, and this has still to be told.
    gone: bool,
}

impl AsFd for Registration {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.eventfd.as_fd()
    }
}

impl Registration {
    pub(super) fn oom(dir: Dir) -> Result<Self> {
        Self::new(dir, "memory.oom_control", "", true)
    }

    pub(super) fn pressure(dir: Dir, level: &str) -> Result<Self> {
        Self::new(dir, "memory.pressure_level", level, false)
    }

    fn new(dir: Dir, file: &str, arguments: &str, oom: bool) -> Result<Self> {
        let eventfd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| failed(format!("watching {file}"), "eventfd2", errno))?;
        let watched = dir.file(file, OFlags::RDONLY)?;
        let line = format!("{} {} {arguments}", eventfd.as_raw_fd(), watched.as_raw_fd());
        dir.write("cgroup.event_control", line.trim_end())?;
        Ok(Self { eventfd, dir, oom, gone: false })
    }

    /// The kernel adds one for each event and one when the group is removed.
    pub(super) fn take(&mut self) -> Result<Option<Event>> {
        if std::mem::take(&mut self.gone) {
            return Ok(Some(Event::Gone));
        }
        let mut count = [0_u8; 8];
        match rustix::io::read(&self.eventfd, &mut count) {
            Ok(_) => {}
            Err(Errno::AGAIN | Errno::INTR) => return Ok(None),
            Err(errno) => return Err(failed("reading an eventfd".to_owned(), "read", errno)),
        }
        let killed = match self.dir.read("memory.oom_control") {
            Ok(text) => flat_value(&text, "oom_kill").unwrap_or(0),
            Err(error) if error.is_gone() => {
                if u64::from_ne_bytes(count) < 2 {
                    return Ok(Some(Event::Gone));
                }
                self.gone = true;
                0
            }
            Err(error) => return Err(error),
        };
        Ok(Some(if self.oom { Event::OutOfMemory { killed } } else { Event::MemoryPressure }))
    }
}
