//! inotify(7) on files of counters (cgroup-v2.rst: "a file modified event is generated on
//! changes"; the pids.events of version 1 does so too).

use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use super::Event;
use crate::Result;
use crate::file::{Dir, failed};
use crate::parse::flat_value;

/// What the change of a counter is told as, by its value and the text of its file.
pub(super) type Tell = fn(u64, &str) -> Event;

/// A watch on counters.
#[derive(Debug)]
pub(super) struct Watch {
    inotify: OwnedFd,
    files: Vec<Counters>,
    due: VecDeque<Event>,
    gone: bool,
}

/// The watched counters of one file.
#[derive(Debug)]
struct Counters {
    /// It says ENODEV when the group is gone.
    file: OwnedFd,
    name: &'static str,
    all: Vec<Counter>,
}

#[derive(Debug)]
struct Counter {
    key: &'static str,
    tell: Tell,
    last: u64,
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

impl Watch {
    /// A watch on nothing yet.
    pub(super) fn new() -> Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .map_err(|errno| failed("watching a group".to_owned(), "inotify_init1", errno))?;
        Ok(Self { inotify, files: Vec::new(), due: VecDeque::new(), gone: false })
    }

    /// Watches counters of the file `name`. The removal of the group is seen in its parent, since
    /// kernfs tells nothing to those who watch the group itself.
    pub(super) fn add(
        &mut self,
        dir: &Dir,
        name: &'static str,
        counters: &[(&'static str, Tell)],
    ) -> Result<()> {
        let path = dir.path().join(name);
        let watching =
            |errno| failed(format!("watching {}", path.display()), "inotify_add_watch", errno);
        let file = dir.file(name, OFlags::RDONLY)?;
        inotify::add_watch(&self.inotify, &path, WatchFlags::MODIFY).map_err(watching)?;
        if let Some(parent) = dir.path().parent() {
            let flags = WatchFlags::DELETE | WatchFlags::ONLYDIR;
            inotify::add_watch(&self.inotify, parent, flags).map_err(watching)?;
        }
        let all = counters.iter().map(|&(key, tell)| Counter { key, tell, last: 0 }).collect();
        let mut counters = Counters { file, name, all };
        // What has been counted before is no event.
        counters.look(&mut VecDeque::new())?;
        self.files.push(counters);
        Ok(())
    }

    /// Whether it watches anything.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(super) fn take(&mut self) -> Result<Option<Event>> {
        if self.due.is_empty() && !self.gone && self.drain()? {
            for file in &mut self.files {
                if !file.look(&mut self.due)? {
                    self.gone = true;
                }
            }
            if self.gone {
                self.due.push_back(Event::Gone);
            }
        }
        Ok(self.due.pop_front())
    }

    /// Takes what inotify says, which does not matter: the counters do, and whether they can be
    /// read. Whether it said anything.
    fn drain(&self) -> Result<bool> {
        let mut buffer = [MaybeUninit::uninit(); 2048];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut any = false;
        loop {
            match reader.next() {
                Ok(_) => any = true,
                Err(Errno::AGAIN) => return Ok(any),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(failed("reading inotify".to_owned(), "read", errno)),
            }
        }
    }
}

impl Counters {
    /// Tells what has changed; false where the group is gone.
    fn look(&mut self, due: &mut VecDeque<Event>) -> Result<bool> {
        let mut buffer = [0_u8; 1024];
        let text = match rustix::io::pread(&self.file, &mut buffer, 0) {
            Ok(length) => String::from_utf8_lossy(&buffer[..length]).into_owned(),
            Err(Errno::NODEV) => return Ok(false),
            Err(errno) => return Err(failed(format!("reading {}", self.name), "pread", errno)),
        };
        for one in &mut self.all {
            let now = flat_value(&text, one.key).unwrap_or(0);
            // `populated` is no counter: its fall matters.
            let changed = if one.key == "populated" { now < one.last } else { now > one.last };
            if changed {
                due.push_back((one.tell)(now, &text));
            }
            one.last = now;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
