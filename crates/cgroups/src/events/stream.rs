//! All that a group tells, as one stream: an epoll(7) descriptor over inotify(7) for counters and
//! an eventfd(2) for version 1's out-of-memory notification.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::epoll;

use super::inotify::{Tell, Watch};
use super::{Event, v1};
use crate::file::{Dir, failed};
use crate::parse::flat_value;
use crate::{Manager, Result};

/// cgroup-v2.rst, "Core Interface Files"
const CORE: [(&str, Tell); 1] = [("populated", |_, _| Event::Empty)];

/// cgroup-v2.rst, "Memory Interface Files"
const MEMORY: [(&str, Tell); 4] = [
    ("high", |count, _| Event::MemoryHigh { count }),
    ("max", |count, _| Event::MemoryMax { count }),
    ("oom", |_, text| Event::OutOfMemory { killed: flat_value(text, "oom_kill").unwrap_or(0) }),
    ("oom_kill", |count, _| Event::OomKill { count }),
];

/// The same in both versions.
const PIDS: [(&str, Tell); 1] = [("max", |count, _| Event::PidsMax { count })];

/// The stream.
#[derive(Debug)]
pub(super) struct Stream {
    epoll: OwnedFd,
    watch: Watch,
    oom: Option<v1::Registration>,
    gone: bool,
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl Stream {
    /// What the host can tell of the group.
    pub(super) fn new(group: &Manager) -> Result<Self> {
        let mut watch = Watch::new()?;
        let mut oom = None;
        if let Some(path) = group.v2() {
            let dir = Dir::open(path)?;
            watch.add(&dir, "cgroup.events", &CORE)?;
            if group.v1("memory").is_none() {
                absent_is_fine(watch.add(&dir, "memory.events", &MEMORY))?;
            }
            if group.v1("pids").is_none() {
                absent_is_fine(watch.add(&dir, "pids.events", &PIDS))?;
            }
        }
        if let Some(path) = group.v1("pids") {
            absent_is_fine(watch.add(&Dir::open(path)?, "pids.events", &PIDS))?;
        }
        if let Some(path) = group.v1("memory") {
            oom = Some(v1::Registration::oom(Dir::open(path)?)?);
        }
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
            .map_err(|errno| failed("watching a group".to_owned(), "epoll_create1", errno))?;
        let stream = Self { epoll, watch, oom, gone: false };
        if !stream.watch.is_empty() {
            stream.listen_to(stream.watch.as_fd())?;
        }
        if let Some(oom) = &stream.oom {
            stream.listen_to(oom.as_fd())?;
        }
        Ok(stream)
    }

    fn listen_to(&self, fd: BorrowedFd<'_>) -> Result<()> {
        epoll::add(&self.epoll, fd, epoll::EventData::new_u64(0), epoll::EventFlags::IN)
            .map_err(|errno| failed("watching a group".to_owned(), "epoll_ctl", errno))
    }

    /// [`Event::Gone`] is the last, whichever hierarchy tells it first.
    pub(super) fn take(&mut self) -> Result<Option<Event>> {
        if self.gone {
            return Ok(None);
        }
        let mut event = self.oom.as_mut().map(v1::Registration::take).transpose()?.flatten();
        if event.is_none_or(|event| event == Event::Gone) {
            // What the counters say besides comes before the end.
            event = self.watch.take()?.or(event);
        }
        self.gone = event == Some(Event::Gone);
        Ok(event)
    }
}

/// The group has not been given that controller, or the kernel has no such file.
fn absent_is_fine(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.is_gone() => Ok(()),
        result => result,
    }
}
