//! Version 2: inotify(7) on a file of counters (cgroup-v2.rst: "a file modified event is
//! generated on changes").

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use super::Event;
use crate::Result;
use crate::file::{Dir, failed};
use crate::parse::flat_value;

/// A watch on one counter.
#[derive(Debug)]
pub(super) struct Watch {
    inotify: OwnedFd,
    /// The file of counters, open: it says ENODEV when the group is gone.
    file: OwnedFd,
    key: &'static str,
    last: u64,
    gone: bool,
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

impl Watch {
    /// Watches `key` in `name`. The removal of the group is seen in its parent, since kernfs
    /// tells nothing to those who watch the group itself.
    pub(super) fn new(dir: Dir, name: &str, key: &'static str) -> Result<Self> {
        let path = dir.path().join(name);
        let watching = |errno| failed(format!("watching {}", path.display()), "inotify", errno);
        let file = dir.file(name, OFlags::RDONLY)?;
        let inotify =
            inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(watching)?;
        inotify::add_watch(&inotify, &path, WatchFlags::MODIFY).map_err(watching)?;
        if let Some(parent) = dir.path().parent() {
            let flags = WatchFlags::DELETE | WatchFlags::ONLYDIR;
            inotify::add_watch(&inotify, parent, flags).map_err(watching)?;
        }
        let mut watch = Self { inotify, file, key, last: 0, gone: false };
        watch.last = watch.count()?.unwrap_or(0);
        Ok(watch)
    }

    /// The counter; none where the group is gone.
    fn count(&self) -> Result<Option<u64>> {
        let mut buffer = [0_u8; 1024];
        match rustix::io::pread(&self.file, &mut buffer, 0) {
            Ok(length) => {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                Ok(Some(flat_value(&text, self.key).unwrap_or(0)))
            }
            Err(Errno::NODEV) => Ok(None),
            Err(errno) => Err(failed(format!("reading {}", self.key), "pread", errno)),
        }
    }

    pub(super) fn take(&mut self) -> Result<Option<Event>> {
        if self.gone {
            return Ok(None);
        }
        // What the events say does not matter: the counter does, and whether it can be read.
        let mut buffer = [MaybeUninit::uninit(); 2048];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut any = false;
        loop {
            match reader.next() {
                Ok(_) => any = true,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(failed("reading inotify".to_owned(), "read", errno)),
            }
        }
        if !any {
            return Ok(None);
        }
        match self.count()? {
            None => {
                self.gone = true;
                Ok(Some(Event::Gone))
            }
            Some(killed) if killed > self.last => {
                self.last = killed;
                Ok(Some(Event::OutOfMemory { killed }))
            }
            Some(_) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
