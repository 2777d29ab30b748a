//! What CRIU has counted, which it leaves in the directory of logs (its `images/stats.proto`).
//! Times are in microseconds.

use std::os::fd::AsFd;

use rustix::fs::{CWD, Mode, OFlags, openat};
use serde::Serialize;
use sys::Context;

use crate::checkpoint::Criu;
use crate::checkpoint::contents::read;
use crate::checkpoint::protobuf::Fields;
use crate::{Error, ErrorKind, Result, Step};

/// Of a dump.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DumpStatistics {
    /// How long it took until all stood still.
    pub freezing_time: u64,
    /// How long all stood still then.
    pub frozen_time: u64,
    /// How long the collection of memory took.
    pub memdump_time: u64,
    /// How long its writing took.
    pub memwrite_time: u64,
    /// Pages that were looked at.
    pub pages_scanned: u64,
    /// Pages that an earlier dump has.
    pub pages_skipped_parent: u64,
    /// Pages that were written, memory that is shared included.
    pub pages_written: u64,
    /// Pages that have stayed, to be fetched.
    pub pages_lazy: u64,
}

/// Of a restore.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RestoreStatistics {
    /// How long the processes' making took.
    pub forking_time: u64,
    /// How long all took.
    pub restore_time: u64,
    /// Pages that were compared with those of a parent.
    pub pages_compared: u64,
    /// Pages that are shared with a parent.
    pub pages_skipped_cow: u64,
    /// Pages that were brought back.
    pub pages_restored: u64,
}

impl Criu {
    /// What the last dump with these directories has counted.
    ///
    /// # Errors
    /// There was none, or what it has left cannot be read.
    pub fn dump_statistics(&self) -> Result<DumpStatistics> {
        self.statistics("stats-dump", 1, |all| {
            let of = |field| all.number(field).unwrap_or(0);
            DumpStatistics {
                freezing_time: of(1),
                frozen_time: of(2),
                memdump_time: of(3),
                memwrite_time: of(4),
                pages_scanned: of(5) + of(12),
                pages_skipped_parent: of(6) + of(13),
                pages_written: of(7) + of(14),
                pages_lazy: of(9),
            }
        })
    }

    /// What the last restore with these directories has counted.
    ///
    /// # Errors
    /// There was none, or what it has left cannot be read.
    pub fn restore_statistics(&self) -> Result<RestoreStatistics> {
        self.statistics("stats-restore", 2, |all| {
            let of = |field| all.number(field).unwrap_or(0);
            RestoreStatistics {
                pages_compared: of(1),
                pages_skipped_cow: of(2),
                forking_time: of(3),
                restore_time: of(4),
                pages_restored: of(5),
            }
        })
    }

    fn statistics<T>(&self, name: &str, which: u64, of: impl Fn(&Fields<'_>) -> T) -> Result<T> {
        let path = self.work.as_ref().unwrap_or(&self.images);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory =
            openat(CWD, path, flags, Mode::empty()).sys("open", || path.display().to_string())?;
        let messages = read(directory.as_fd(), name).step(|| "CRIU's statistics")?;
        let entry = messages.first().and_then(|message| Fields::of(message).bytes(which));
        let entry =
            entry.ok_or_else(|| Error::new(ErrorKind::System, format!("{name} is empty")))?;
        Ok(of(&Fields::of(entry)))
    }
}

#[cfg(test)]
mod tests;
