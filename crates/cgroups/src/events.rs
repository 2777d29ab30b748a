//! Notification of what happens to a group, by a descriptor that an event loop can wait on.

mod inotify;
mod pressure;
mod stream;
mod v1;

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::file::{Dir, failed};
use crate::{Error, Manager, Result};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The group ran out of memory. (Version 2 kills next, and tells [`OomKill`](Self::OomKill);
    /// version 1 may have been asked not to.)
    OutOfMemory {
        /// How many processes have been killed for it since the group was made, as far as is
        /// known yet: version 1 tells before it kills.
        killed: u64,
    },
    /// Processes of the group have been killed for want of memory (version 2).
    OomKill {
        /// How many since the group was made.
        count: u64,
    },
    /// The group was above its memory.high, and had to give some back (version 2).
    MemoryHigh {
        /// How often since the group was made.
        count: u64,
    },
    /// The group was about to exceed its limit of memory (version 2).
    MemoryMax {
        /// How often since the group was made.
        count: u64,
    },
    /// A process could not be made, for the limit of processes.
    PidsMax {
        /// How often since the group was made.
        count: u64,
    },
    /// The last process in the group and the groups below it has ended (version 2 tree, also on
    /// hybrid hosts).
    Empty,
    /// Memory has become as short as was asked about.
    MemoryPressure,
    /// The group has been removed. Nothing more will happen.
    Gone,
}

/// How short memory must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pressure {
    /// Version 1: memory is being reclaimed. Version 2: some process waited 5 % of 2 s.
    Low,
    /// Version 1: reclaiming costs time. Version 2: some process waited 15 % of 2 s.
    Medium,
    /// Version 1: the out-of-memory killer is near. Version 2: all processes waited 10 % of 2 s.
    Critical,
    /// Version 2: a trigger of one's own (Documentation/accounting/psi.rst). Windows that are no
    /// multiple of 2 s need CAP_SYS_RESOURCE.
    Stall {
        /// All processes must have waited, instead of any.
        full: bool,
        /// For so many microseconds.
        stall_us: u32,
        /// Within so many microseconds, 500000 to 10000000.
        window_us: u32,
    },
}

/// A source of [`Event`]s about one group.
///
/// Wait until its descriptor is ready for [`interest`](Self::interest) (or by
/// [`wait`](Self::wait)), then take events until there are none. The descriptor is close-on-exec
/// and keeps nothing alive.
#[derive(Debug)]
pub struct Notifier(Kind);

#[derive(Debug)]
enum Kind {
    V1(v1::Registration),
    Events(inotify::Watch),
    All(Box<stream::Stream>),
    Pressure(pressure::Trigger),
}

impl AsFd for Notifier {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Kind::V1(it) => it.as_fd(),
            Kind::Events(it) => it.as_fd(),
            Kind::All(it) => it.as_fd(),
            Kind::Pressure(it) => it.as_fd(),
        }
    }
}

impl Notifier {
    /// What to poll(2) the descriptor for: `PRI` for pressure on version 2, else `IN`.
    pub fn interest(&self) -> PollFlags {
        match self.0 {
            Kind::V1(_) | Kind::Events(_) | Kind::All(_) => PollFlags::IN,
            Kind::Pressure(_) => PollFlags::PRI,
        }
    }

    /// Takes the next event after the descriptor became ready; none if there is none (left).
    /// Never blocks. Call it until it gives none, or [`Event::Gone`].
    ///
    /// Errors: [`Error::System`].
    pub fn take(&mut self) -> Result<Option<Event>> {
        self.next(true)
    }

    fn next(&mut self, polled_elsewhere: bool) -> Result<Option<Event>> {
        match &mut self.0 {
            Kind::V1(it) => it.take(),
            Kind::Events(it) => it.take(),
            Kind::All(it) => it.take(),
            Kind::Pressure(it) => it.take(polled_elsewhere),
        }
    }

    /// Waits for the next event, at most `limit` (none: without end); none if there was none.
    ///
    /// Errors: [`Error::System`].
    pub fn wait(&mut self, limit: Option<Duration>) -> Result<Option<Event>> {
        let deadline = limit.map(|limit| Instant::now() + limit);
        loop {
            if let Some(event) = self.next(false)? {
                return Ok(Some(event));
            }
            let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            let interest = self.interest();
            let timeout = left.map(|left| Timespec {
                tv_sec: left.as_secs().min(i32::MAX as u64) as i64,
                tv_nsec: left.subsec_nanos().into(),
            });
            let mut fds = [PollFd::new(&*self, interest)];
            match poll(&mut fds, timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(failed("waiting for an event".to_owned(), "poll", errno)),
            }
            let seen = fds[0].revents();
            if let Kind::Pressure(it) = &mut self.0 {
                it.polled(seen);
            }
        }
    }
}

impl Manager {
    /// Tells when the group runs out of memory.
    ///
    /// Version 1: an eventfd on memory.oom_control. Version 2: inotify(7) on memory.events, where
    /// only kills are told.
    ///
    /// Errors: [`Error::Unsupported`] without the controller memory.
    pub fn oom_notifier(&self) -> Result<Notifier> {
        if let Some(path) = self.v1("memory") {
            let dir = Dir::open(path)?;
            return v1::Registration::oom(dir).map(Kind::V1).map(Notifier);
        }
        let Some(path) = self.v2() else { return Err(no_memory("oom_notifier")) };
        let dir = Dir::open(path)?;
        let mut watch = inotify::Watch::new()?;
        let killed = |killed, _: &str| Event::OutOfMemory { killed };
        match watch.add(&dir, "memory.events", &[("oom_kill", killed)]) {
            Err(error) if error.is_gone() => Err(no_memory("oom_notifier")),
            added => added.map(|()| Notifier(Kind::Events(watch))),
        }
    }

    /// Tells all that the host can tell of the group, but for pressure, in one stream: memory,
    /// processes that could not be made, and when the last process has ended. Nothing is polled.
    ///
    /// Version 2, and its tree on hybrid hosts: inotify(7) on cgroup.events, memory.events and
    /// pids.events. Version 1: that on pids.events, and an eventfd on memory.oom_control, which
    /// tells no kills and no limits that were met; version 1 without a version 2 tree beside it
    /// does not tell of the last process.
    ///
    /// Errors: [`Error::System`].
    pub fn events(&self) -> Result<Notifier> {
        Ok(Notifier(Kind::All(Box::new(stream::Stream::new(self)?))))
    }

    /// Tells when memory is short in the group.
    ///
    /// Version 1: an eventfd on memory.pressure_level. Version 2, and [`Pressure::Stall`] on
    /// hybrid hosts: a pressure stall trigger, which needs no controller.
    ///
    /// Errors: [`Error::Unsupported`] where the host has neither; [`Error::System`].
    pub fn memory_pressure_notifier(&self, pressure: Pressure) -> Result<Notifier> {
        let level = match pressure {
            Pressure::Low => Some("low"),
            Pressure::Medium => Some("medium"),
            Pressure::Critical => Some("critical"),
            Pressure::Stall { .. } => None,
        };
        if let (Some(level), Some(path)) = (level, self.v1("memory")) {
            let dir = Dir::open(path)?;
            return v1::Registration::pressure(dir, level).map(Kind::V1).map(Notifier);
        }
        let Some(path) = self.v2() else { return Err(no_memory("memory_pressure_notifier")) };
        let dir = Dir::open(path)?;
        match pressure::Trigger::new(dir, pressure) {
            Err(error) if error.errno() == Some(Errno::OPNOTSUPP) => {
                let hint = "boot the kernel with psi=1";
                Err(Error::unsupported("memory", "memory.pressure", hint))
            }
            trigger => trigger.map(Kind::Pressure).map(Notifier),
        }
    }
}

fn no_memory(key: &str) -> Error {
    let hint = "mount the version 1 hierarchy, or let version 2 have the controller";
    Error::unsupported("memory", key, hint)
}
