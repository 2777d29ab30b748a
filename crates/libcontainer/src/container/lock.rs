//! The lock of a container's directory, and what its holder writes.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FlockOperation, OFlags, flock, fstat};
use rustix::io::Errno;
use sys::{Context, SysError};

use crate::container::record::{InitRecord, Record};
use crate::container::store::{Entry, RECORD, line, open_file, write};
use crate::{Error, ErrorKind, Result};

/// Held while a container is made or destroyed; the kernel lets go of it when its holder ends.
#[derive(Debug)]
pub(crate) struct Lock {
    directory: OwnedFd,
    /// The record, for him who has written it and goes on to add the init.
    record: Option<OwnedFd>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Not left to the closing: a child that another thread is spawning holds a copy until it
        // executes.
        let _ = flock(&self.directory, FlockOperation::Unlock);
    }
}

impl Lock {
    /// Writes the record for the first time.
    pub(crate) fn write(&mut self, record: &Record) -> Result<()> {
        let how = OFlags::CREATE | OFlags::EXCL | OFlags::APPEND;
        let file = open_file(self.directory.as_fd(), RECORD, how)?;
        write(&file, RECORD, &record.text()?)?;
        self.record = Some(file);
        Ok(())
    }

    /// Adds which process the init is, or that there is none any more.
    pub(crate) fn write_init(&self, init: Option<InitRecord>) -> Result<()> {
        let line = line(RECORD, &init)?;
        match &self.record {
            Some(file) => write(file, RECORD, &line),
            None => {
                let file = open_file(self.directory.as_fd(), RECORD, OFlags::APPEND)?;
                write(&file, RECORD, &line)
            }
        }
    }
}

impl Entry {
    /// Waits for the lock, and takes it. [`ErrorKind::NotFound`] if the container went meanwhile.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let directory = self.reopen()?;
        lock(directory.as_fd(), FlockOperation::LockExclusive)?;
        if fstat(&directory).sys("fstat", || "")?.st_nlink == 0 {
            return Err(Error::new(ErrorKind::NotFound, "container does not exist"));
        }
        Ok(Lock { directory, record: None })
    }

    /// Whether somebody holds the lock.
    pub(crate) fn is_locked(&self) -> Result<bool> {
        // With its own description, which no lock is ever kept on.
        match flock(&self.directory, FlockOperation::NonBlockingLockShared) {
            Ok(()) => {
                flock(&self.directory, FlockOperation::Unlock).sys("flock", || "")?;
                Ok(false)
            }
            Err(Errno::WOULDBLOCK) => Ok(true),
            Err(errno) => Err(SysError::new("flock", "", errno).into()),
        }
    }

    /// Waits until nobody holds the lock.
    pub(crate) fn wait_unlocked(&self) -> Result<()> {
        lock(self.reopen()?.as_fd(), FlockOperation::LockShared)
    }
}

/// Waits for a lock of a directory, by a descriptor that no other is kept on.
pub(super) fn lock(directory: BorrowedFd<'_>, operation: FlockOperation) -> Result<()> {
    rustix::io::retry_on_intr(|| flock(directory, operation)).sys("flock", || "")?;
    Ok(())
}
