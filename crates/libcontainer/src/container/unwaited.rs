//! Processes that this program has executed in containers, and not waited for yet.
//!
//! PID 1 of a PID namespace cannot end before every process in it has been waited for
//! (pid_namespaces(7)), and those executed from outside are this program's to wait for. One that
//! drops their handles, or waits for the container first, would wait for ever. So whoever waits
//! for an init takes the exit statuses of the others meanwhile, and keeps them for their handles.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rustix::time::Timespec;

use crate::Result;
use crate::container::child::{ExitStatus, collect, wait_for_end};

/// A process and, once it has been waited for, its exit status.
#[derive(Debug)]
pub(super) struct Started {
    pidfd: OwnedFd,
    status: Mutex<Option<ExitStatus>>,
}

/// Those executed; one leaves when it has been waited for.
static EXECUTED: Mutex<Vec<Arc<Started>>> = Mutex::new(Vec::new());

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Started {
    /// An init, which nothing else waits for.
    pub(super) fn init(pidfd: OwnedFd) -> Arc<Self> {
        Arc::new(Self { pidfd, status: Mutex::new(None) })
    }

    /// A process in somebody else's PID namespace.
    pub(super) fn executed(pidfd: OwnedFd) -> Arc<Self> {
        reap();
        let started = Self::init(pidfd);
        locked(&EXECUTED).push(started.clone());
        started
    }

    /// The exit status of a process that has ended.
    pub(super) fn collect(self: &Arc<Self>) -> Result<ExitStatus> {
        let mut status = locked(&self.status);
        let found = match *status {
            Some(found) => found,
            None => collect(self.pidfd.as_fd())?,
        };
        *status = Some(found);
        locked(&EXECUTED).retain(|other| !Arc::ptr_eq(other, self));
        Ok(found)
    }

    /// What [`collect`](Started::collect) has found before.
    pub(super) fn known(&self) -> Option<ExitStatus> {
        *locked(&self.status)
    }

    /// Whether it has ended, and now its status is known or lost.
    pub(super) fn reap(&self) -> bool {
        let mut status = match self.status.try_lock() {
            Ok(status) => status,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Its own handle is about to take it.
            Err(TryLockError::WouldBlock) => return false,
        };
        let ended = wait_for_end(self.pidfd.as_fd(), Some(Timespec::default())).unwrap_or(false);
        if ended && status.is_none() {
            *status = collect(self.pidfd.as_fd()).ok();
        }
        ended
    }
}

impl AsFd for Started {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Waits for those that have ended.
pub(super) fn reap() {
    let all = locked(&EXECUTED).clone();
    let gone: Vec<_> = all.into_iter().filter(|started| started.reap()).collect();
    if !gone.is_empty() {
        locked(&EXECUTED).retain(|other| !gone.iter().any(|one| Arc::ptr_eq(one, other)));
    }
}

/// Waits until an init has ended, at most `limit`, and for the others meanwhile; whether it has.
pub(super) fn wait_for_init(init: BorrowedFd<'_>, limit: Option<Duration>) -> Result<bool> {
    let deadline = limit.map(|limit| Instant::now() + limit);
    let mut slice = Duration::from_millis(1);
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let now = left.map_or(slice, |left| left.min(slice));
        let now = Timespec { tv_sec: now.as_secs() as i64, tv_nsec: i64::from(now.subsec_nanos()) };
        if wait_for_end(init, Some(now))? {
            return Ok(true);
        }
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(false);
        }
        reap();
        // Nobody tells when another process ends, or its handle is dropped: a look each second is
        // for what other threads may execute.
        let longest = if locked(&EXECUTED).is_empty() { 1000 } else { 50 };
        slice = (slice * 2).min(Duration::from_millis(longest));
    }
}
