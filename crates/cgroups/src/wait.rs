//! Waiting for what the kernel tells of a group, without looking again and again where it does.

use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::Result;
use crate::file::{Dir, failed};

/// How many processes are watched at a time.
const BATCH: usize = 256;

/// A value in the text of cgroup.events.
pub(crate) fn event<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
}

/// Waits until cgroup.events of a version 2 group says so; false if it does not by `deadline`.
pub(crate) fn wait_event(dir: &Dir, key: &str, wanted: &str, deadline: Instant) -> Result<bool> {
    let reading = |errno| {
        failed(format!("reading cgroup.events of {}", dir.path().display()), "pread", errno)
    };
    let fd = dir.file("cgroup.events", OFlags::RDONLY)?;
    loop {
        let mut buffer = [0_u8; 256];
        let count = match rustix::io::pread(&fd, &mut buffer, 0) {
            Ok(count) => count,
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(reading(errno)),
        };
        if event(&String::from_utf8_lossy(&buffer[..count]), key) == Some(wanted) {
            return Ok(true);
        }
        let Some(left) = left(deadline) else { return Ok(false) };
        match poll(&mut [PollFd::new(&fd, PollFlags::PRI)], Some(&left)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(reading(errno)),
        }
    }
}

/// Waits for the end of one of these processes, since version 1 has no event for an empty group;
/// false if none has ended by `deadline`. It returns early now and then: a number of 0 stands for
/// a process that is not visible here, which cannot be watched.
pub(crate) fn wait_for_one(pids: &[i32], pause: &mut Duration, deadline: Instant) -> Result<bool> {
    let Some(left) = left(deadline) else { return Ok(false) };
    let open = |pid: &i32| pidfd_open(Pid::from_raw(*pid)?, PidfdFlags::empty()).ok();
    let visible = pids.iter().filter(|pid| **pid > 0);
    let held: Vec<OwnedFd> = visible.take(BATCH).filter_map(open).collect();
    let mut fds: Vec<_> = held.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    // One that has ended and is still listed goes in a moment, and has nothing to be waited for.
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let ended = |fds: &mut [PollFd<'_>], limit: &Timespec| match poll(fds, Some(limit)) {
        Ok(count) => Ok(count > 0),
        Err(Errno::INTR) => Ok(false),
        Err(errno) => Err(failed("waiting for a group's processes".to_owned(), "poll", errno)),
    };
    if held.len() < pids.len() || ended(&mut fds, &now)? {
        thread::sleep(*pause);
        *pause = (*pause * 2).min(Duration::from_millis(10));
        return Ok(true);
    }
    ended(&mut fds, &left)?;
    Ok(true)
}

/// What is left until then; nothing when it is over.
fn left(deadline: Instant) -> Option<Timespec> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
    (!left.is_zero()).then_some(timeout)
}
