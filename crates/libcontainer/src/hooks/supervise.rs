//! Sees a hook's process to its end: takes what it says, and kills it when its time is over.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, pidfd_send_signal};
use rustix::time::Timespec;
use sys::Context;

use crate::{Error, ErrorKind, Result, reap};

/// How much of each stream is kept: its end.
const KEPT: usize = 600;
/// What is still read of a stream when the hook has ended: a pipe holds no more, and a daemon that
/// it left behind may write on for ever.
const LEFT: usize = 64 * 1024;

/// Waits for the process; `streams` are the reading ends of its standard output and error.
///
/// When the `peer` socket's other end is closed, it is killed.
///
/// What it leaves behind may go on with the writing ends of the pipes, and is not waited for.
///
/// # Errors
/// [`ErrorKind::HookFailed`] when it does not exit with 0 in time.
pub(super) fn supervise(
    process: BorrowedFd<'_>,
    timeout: Option<Duration>,
    streams: [OwnedFd; 2],
    peer: Option<BorrowedFd<'_>>,
) -> Result<()> {
    let mut said = streams.map(|pipe| Said { pipe: Some(pipe), end: Vec::new() });
    let watched = watch(process, timeout, &mut said, peer);
    if !matches!(watched, Ok(true)) {
        // It may have ended meanwhile.
        let _ = pidfd_send_signal(process, Signal::KILL);
    }
    // Its status is taken whatever happened: no zombie stays.
    let status = reap::collect(process);
    let how = match (watched?, timeout) {
        (false, Some(limit)) => format!("timed out after {} s, and was killed", limit.as_secs()),
        _ => match how(status?) {
            None => return Ok(()),
            Some(how) => how,
        },
    };
    let [stdout, stderr] = said;
    Err(Error::new(ErrorKind::HookFailed, how + &stdout.tell("stdout") + &stderr.tell("stderr")))
}

/// Whether it has ended in time.
fn watch(
    process: BorrowedFd<'_>,
    timeout: Option<Duration>,
    said: &mut [Said; 2],
    peer: Option<BorrowedFd<'_>>,
) -> Result<bool> {
    let deadline = timeout.and_then(|limit| Instant::now().checked_add(limit));
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(false);
        }
        let ready = ready(process, said, peer, left)?;
        for (stream, ready) in said.iter_mut().zip([ready[1], ready[2]]) {
            if ready {
                stream.take()?;
            }
        }
        if ready[0] {
            for stream in said {
                stream.drain()?;
            }
            return Ok(true);
        }
        if ready[3] {
            return Err(Error::new(ErrorKind::System, "killed: whoever it was run for has ended"));
        }
    }
}

/// Which of the process's end, its streams and the peer's end have come, after at most `limit`.
fn ready(
    process: BorrowedFd<'_>,
    said: &[Said; 2],
    peer: Option<BorrowedFd<'_>>,
    limit: Option<Duration>,
) -> Result<[bool; 4]> {
    let limit = limit.map(|limit| Timespec {
        tv_sec: limit.as_secs() as i64,
        tv_nsec: i64::from(limit.subsec_nanos()),
    });
    let [stdout, stderr] = said;
    let mut fds = [
        PollFd::from_borrowed_fd(process, PollFlags::IN),
        stdout.asked(process),
        stderr.asked(process),
        // Its hang-up comes unasked, and it has nothing to say.
        PollFd::from_borrowed_fd(peer.unwrap_or(process), PollFlags::empty()),
    ];
    rustix::io::retry_on_intr(|| poll(&mut fds, limit.as_ref())).sys("poll", || "of a hook")?;
    Ok(fds.map(|fd| !fd.revents().is_empty()))
}

/// What a process says on one stream.
struct Said {
    /// `None` after the stream's end.
    pipe: Option<OwnedFd>,
    end: Vec<u8>,
}

impl Said {
    /// One that has ended is not asked any more, and `other` stands in its place for nothing.
    fn asked<'a>(&'a self, other: BorrowedFd<'a>) -> PollFd<'a> {
        match &self.pipe {
            Some(pipe) => PollFd::new(pipe, PollFlags::IN),
            None => PollFd::from_borrowed_fd(other, PollFlags::empty()),
        }
    }

    /// Takes what is there, how much that was; to be called when something is, for a pipe blocks.
    fn take(&mut self) -> Result<usize> {
        let Some(pipe) = &self.pipe else { return Ok(0) };
        let mut part = [0; 4096];
        let length = rustix::io::retry_on_intr(|| rustix::io::read(pipe, &mut part[..]))
            .sys("read", || "what a hook says")?;
        if length == 0 {
            self.pipe = None;
        }
        self.end.extend_from_slice(&part[..length]);
        let over = self.end.len().saturating_sub(KEPT);
        self.end.drain(..over);
        Ok(length)
    }

    /// Takes what is left in the pipe.
    fn drain(&mut self) -> Result<()> {
        let mut taken = 0;
        while taken < LEFT
            && let Some(pipe) = &self.pipe
        {
            let mut fds = [PollFd::new(pipe, PollFlags::IN)];
            let now = Timespec::default();
            rustix::io::retry_on_intr(|| poll(&mut fds, Some(&now))).sys("poll", || "")?;
            if fds[0].revents().is_empty() {
                break;
            }
            taken += self.take()?;
        }
        Ok(())
    }

    /// Its last words, in one line.
    fn tell(&self, name: &str) -> String {
        let text = String::from_utf8_lossy(&self.end);
        let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let line = lines.join(" | ");
        let over = line.char_indices().rev().nth(KEPT - 1).map_or(0, |(index, _)| index);
        match line.is_empty() {
            true => String::new(),
            false => format!(", {name}: {}", &line[over..]),
        }
    }
}

/// How it failed; `None` if it did not.
fn how(status: ExitStatus) -> Option<String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("exit status {code}")),
        (None, signal) => Some(format!("killed by signal {}", signal.unwrap_or_default())),
    }
}
