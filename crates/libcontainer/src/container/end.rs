//! A container's end: its processes', and then its own.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::process::Signal;

use crate::container::child;
use crate::container::handle::{Container, locked};
use crate::container::unwaited;
use crate::error::Step;
use crate::{Error, ErrorKind, Result, network};

/// How long killed processes may take to end.
const END: Duration = Duration::from_secs(10);

/// How long an init may take from leaving its group to its end.
const LAST_MOMENT: Duration = Duration::from_secs(1);

impl Container {
    /// Ends all of its processes, and returns when they have ended.
    pub fn kill(&self) -> Result<()> {
        let init = self.init()?;
        if let Some((_, pidfd)) = &init {
            match child::send(pidfd.as_fd(), Signal::KILL.as_raw()) {
                Err(error) if *error.kind() != ErrorKind::NotRunning => return Err(error),
                _ => {}
            }
        }
        if let Some(group) = self.recorded_group() {
            let step = || format!("killing container {:?}", self.id);
            group.kill(Signal::KILL).step(step)?;
            if !group.wait_empty(END).step(step)? {
                return Err(self.lives_on());
            }
        }
        if let Some((_, pidfd)) = &init
            && !unwaited::wait_for_init(pidfd.as_fd(), Some(END))?
        {
            return Err(self.lives_on());
        }
        Ok(())
    }

    fn lives_on(&self) -> Error {
        let message = format!("container {:?} does not end: SIGKILL was sent", self.id);
        Error::new(ErrorKind::NotStopped, message)
            .with_hint("a process in an uninterruptible wait ends when that does")
    }

    /// Removes all that is left of a stopped container: processes that its init left behind,
    /// its control group, its host's ends of network pairs; then come its `poststop` hooks, and
    /// its record goes. It may be repeated: after a destroy that was killed half-way, its hooks
    /// run again.
    ///
    /// What comes back is a line for each of those hooks that failed, which is no reason to stop.
    ///
    /// # Errors
    /// [`ErrorKind::NotStopped`] while its init lives.
    pub fn destroy(&self) -> Result<Vec<String>> {
        let step = || format!("destroying container {:?}", self.id);
        let making = locked(&self.making).take();
        let _lock = match making {
            Some((lock, _)) => lock,
            None => match self.entry.lock() {
                Ok(lock) => lock,
                Err(error) if *error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error.within(step())),
            },
        };
        unwaited::reap();
        if let Some((_, pidfd)) = self.init()?
            && !self.is_ending(pidfd.as_fd())?
        {
            let message = format!("container {:?} is not stopped", self.id);
            return Err(Error::new(ErrorKind::NotStopped, message).with_hint("kill it first"));
        }
        self.remove()
    }

    /// Whether its init, which is still there, is past its last moment: its group lists it no
    /// longer. Then this waits for its end.
    fn is_ending(&self, init: BorrowedFd<'_>) -> Result<bool> {
        let gone = |group: cgroups::Manager| group.pids().is_ok_and(|pids| pids.is_empty());
        if self.recorded_group().is_some_and(gone) {
            return unwaited::wait_for_init(init, Some(LAST_MOMENT));
        }
        Ok(false)
    }

    /// The same of one that has ended, for the holder of its lock.
    pub(super) fn remove(&self) -> Result<Vec<String>> {
        let step = || format!("destroying container {:?}", self.id);
        let mut warnings = Vec::new();
        if let Ok(record) = self.record() {
            if let Some(group) = self.recorded_group() {
                if group.is_populated().unwrap_or(false) {
                    group.kill(Signal::KILL).step(step)?;
                }
                self.stop_unit().step(step)?;
                group.destroy().step(step)?;
                group.prune(record.cgroup_levels.saturating_sub(1)).step(step)?;
            }
            network::detach(&record.links).step(step)?;
            if let Some(place) = &record.resctrl {
                place.remove().step(step)?;
            }
            if record.brief.intricate_end {
                self.return_devices(None).step(step)?;
                warnings = match record.config() {
                    Ok(config) => self.run_poststop(config).step(step)?,
                    // Nobody will ever be able to run them.
                    Err(error) => vec![format!("poststop hooks did not run: {error}")],
                };
            }
        }
        self.shared.store.remove(&self.id, &self.entry).step(step)?;
        Ok(warnings)
    }
}
