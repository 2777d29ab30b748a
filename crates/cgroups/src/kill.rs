//! Signals to all processes of a group.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Resource, Signal, getrlimit, pidfd_open, pidfd_send_signal,
};

use crate::file::{Dir, failed};
use crate::wait::{event, wait_event, wait_for_one};
use crate::{Error, Manager, Result, walk};

/// How long processes that were sent SIGKILL are given to end, where that must be waited for.
const LIMIT: Duration = Duration::from_secs(5);
/// How many processes are held by pidfd at a time, at most; and which part of the descriptors that
/// this process may have, since other threads need some.
const BATCH: u64 = 4096;
const SHARE: u64 = 4;

impl Manager {
    /// The processes of the group and of all groups below it, those left out that the caller's
    /// pid namespace does not show. Empty where the group is gone.
    pub fn pids(&self) -> Result<Vec<Pid>> {
        let visible = |pid: i32| if pid > 0 { Pid::from_raw(pid) } else { None };
        Ok(self.members()?.into_iter().filter_map(visible).collect())
    }

    /// The numbers of the processes, ascending; 0 for those that are not visible.
    ///
    /// On a hybrid host both versions count: a process that was born into the version 2 group is
    /// there before it is attached to the others.
    fn members(&self) -> Result<Vec<i32>> {
        let mut members = walk::pids(self.main())?;
        if let Some(group) = self.v2().filter(|_| !self.main_is_v2()) {
            members.extend(walk::pids(group)?);
        }
        members.sort_unstable();
        members.dedup();
        Ok(members)
    }

    /// Whether any process lives in the group or below it. False where it is gone.
    pub fn is_populated(&self) -> Result<bool> {
        if let Some(group) = self.v2() {
            let populated = match Dir::open(group).and_then(|dir| dir.read("cgroup.events")) {
                Ok(text) => event(&text, "populated") == Some("1"),
                Err(error) if error.is_gone() => false,
                Err(error) => return Err(error),
            };
            if populated || self.main_is_v2() {
                return Ok(populated);
            }
        }
        Ok(!walk::pids(self.main())?.is_empty())
    }

    /// Waits until no process lives in the group or below it; false if some do after `limit`.
    pub fn wait_empty(&self, limit: Duration) -> Result<bool> {
        let deadline = Instant::now() + limit;
        if let Some(group) = self.v2() {
            let waited =
                Dir::open(group).and_then(|dir| wait_event(&dir, "populated", "0", deadline));
            match waited {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(error),
            }
            if self.main_is_v2() {
                return Ok(true);
            }
        }
        let mut pause = Duration::from_micros(100);
        loop {
            let pids = walk::pids(self.main())?;
            if pids.is_empty() {
                return Ok(true);
            }
            if !wait_for_one(&pids, &mut pause, deadline)? {
                return Ok(false);
            }
        }
    }

    /// Sends a signal to every process of the group and of the groups below it.
    ///
    /// SIGKILL catches processes that fork meanwhile: by cgroup.kill where the version 2 tree has
    /// it (kernel 5.14), and then nothing is waited for; else by freezing, killing and thawing
    /// until none is left, at most 5 s. Frozen processes die too. Another signal goes once to
    /// those that are there, and reaches frozen ones when they are thawed.
    ///
    /// Each process is held by a pidfd and found again in the group before it is signalled, so a
    /// reused number never is.
    ///
    /// Errors: [`Error::TimedOut`]; [`Error::System`] for EPERM.
    pub fn kill(&self, signal: Signal) -> Result<()> {
        if signal != Signal::KILL {
            return self.signal_each(signal);
        }
        let by_kernel = match self.v2() {
            Some(group) => match Dir::open(group).and_then(|dir| dir.write("cgroup.kill", "1")) {
                Ok(()) => true,
                Err(error) if error.is_gone() => false,
                Err(error) => return Err(error),
            },
            None => false,
        };
        if by_kernel && self.main_is_v2() {
            return Ok(());
        }
        self.kill_each()
    }

    /// SIGKILL without the kernel's help.
    fn kill_each(&self) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        let mut round = 0_u32;
        loop {
            // Most groups end by the first round; freezing is for those that outrun it.
            let frozen = round > 1 && self.freeze_within(Duration::from_millis(500)).is_ok();
            let result = self.signal_each(Signal::KILL);
            // Frozen processes of version 1 die only when thawed, whoever froze them.
            if frozen || self.freezing().unwrap_or(false) {
                match self.thaw() {
                    Err(error) if error.is_gone() => {}
                    thawed => thawed?,
                }
            }
            result?;
            let left = deadline.saturating_duration_since(Instant::now());
            if self.wait_empty(left.min(Duration::from_millis(20 << round.min(5))))? {
                return Ok(());
            }
            if left.is_zero() {
                let what = format!("killing the processes of {}", self.main().display());
                return Err(Error::TimedOut { what, milliseconds: LIMIT.as_millis() as u64 });
            }
            round += 1;
        }
    }

    fn signal_each(&self, signal: Signal) -> Result<()> {
        let pids = self.pids()?;
        let mut rest = pids.as_slice();
        while !rest.is_empty() {
            let held = hold(&mut rest)?;
            let members = self.members()?;
            for (pid, pidfd) in held {
                if members.binary_search(&pid.as_raw_pid()).is_err() {
                    continue;
                }
                match pidfd_send_signal(pidfd, signal) {
                    Ok(()) | Err(Errno::SRCH) => {}
                    Err(errno) => {
                        let what = format!("signalling process {}", pid.as_raw_nonzero());
                        return Err(failed(what, "pidfd_send_signal", errno));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Takes as many from the front as may be held at a time; those that have ended are left out.
fn hold(pids: &mut &[Pid]) -> Result<Vec<(Pid, OwnedFd)>> {
    let most = getrlimit(Resource::Nofile).current.map_or(BATCH, |soft| BATCH.min(soft / SHARE));
    let mut held = Vec::new();
    while let Some((&pid, rest)) = pids.split_first() {
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => held.push((pid, pidfd)),
            // It has ended; its number may be a thread's now (pidfd_open(2)).
            Err(Errno::SRCH | Errno::INVAL | Errno::NOENT) => {}
            // The rest has its turn when these are let go.
            Err(Errno::MFILE | Errno::NFILE) if !held.is_empty() => break,
            Err(errno) => {
                let what = format!("holding process {}", pid.as_raw_nonzero());
                return Err(failed(what, "pidfd_open", errno));
            }
        }
        *pids = rest;
        if held.len() as u64 >= most {
            break;
        }
    }
    Ok(held)
}

#[cfg(test)]
mod tests;
