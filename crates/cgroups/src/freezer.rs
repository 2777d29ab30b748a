//! Freezing and thawing a group (cgroup-v1/freezer-subsystem.rst; cgroup-v2.rst,
//! "cgroup.freeze").

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::file::{Dir, failed};
use crate::{Error, Manager, Result};

/// How long the kernel is given to freeze or thaw everything. Only processes that sleep in the
/// kernel where they cannot be interrupted (a hung NFS server) take longer than milliseconds.
const LIMIT: Duration = Duration::from_secs(5);

/// The freezer that a group has.
enum Freezer {
    V1(Dir),
    V2(Dir),
}

impl Freezer {
    fn of(manager: &Manager) -> Result<Self> {
        if let Some(path) = manager.v1("freezer") {
            return Ok(Self::V1(Dir::open(path)?));
        }
        match manager.v2() {
            Some(path) => Ok(Self::V2(Dir::open(path)?)),
            None => {
                let hint = "mount the version 1 hierarchy freezer, or the version 2 tree";
                Err(Error::unsupported("freezer", "freezing", hint))
            }
        }
    }
}

impl Manager {
    /// Freezes all processes of the group and waits until all are frozen. A frozen group stays so.
    ///
    /// Errors: [`Error::TimedOut`] after 5 s, and the group is thawed again;
    /// [`Error::Unsupported`] without a freezer.
    pub fn freeze(&self) -> Result<()> {
        self.freeze_within(LIMIT)
    }

    pub(crate) fn freeze_within(&self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        let done = match Freezer::of(self)? {
            Freezer::V1(dir) => freeze_v1(&dir, deadline)?,
            Freezer::V2(dir) => {
                dir.write("cgroup.freeze", "1")?;
                let done = wait_event(dir.path(), "frozen", "1", deadline)?;
                if !done {
                    dir.write("cgroup.freeze", "0")?;
                }
                done
            }
        };
        if done { Ok(()) } else { Err(self.timed_out("freezing", limit)) }
    }

    /// Lets all processes of the group run again and waits until they may.
    ///
    /// Errors: [`Error::TimedOut`] after 5 s, where a parent group is frozen;
    /// [`Error::Unsupported`] without a freezer.
    pub fn thaw(&self) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        let done = match Freezer::of(self)? {
            Freezer::V1(dir) => {
                dir.write("freezer.state", "THAWED")?;
                poll_state(&dir, "THAWED", deadline)?
            }
            Freezer::V2(dir) => {
                dir.write("cgroup.freeze", "0")?;
                wait_event(dir.path(), "frozen", "0", deadline)?
            }
        };
        if done { Ok(()) } else { Err(self.timed_out("thawing", LIMIT)) }
    }

    /// Whether all processes of the group are frozen now.
    ///
    /// Errors: [`Error::System`] where the group is gone; [`Error::Unsupported`] without a
    /// freezer.
    pub fn frozen(&self) -> Result<bool> {
        match Freezer::of(self)? {
            Freezer::V1(dir) => Ok(dir.read("freezer.state")?.trim() == "FROZEN"),
            Freezer::V2(dir) => Ok(event(&dir.read("cgroup.events")?, "frozen") == Some("1")),
        }
    }

    /// Whether the group, or one above it, has been told to freeze: its processes are frozen, or
    /// will be as soon as the kernel has caught each. A process that comes into a frozen group
    /// runs for a moment, and the group is not [`frozen`](Self::frozen) until it has stopped.
    ///
    /// Errors: as [`frozen`](Self::frozen).
    pub fn freezing(&self) -> Result<bool> {
        match Freezer::of(self)? {
            Freezer::V1(dir) => Ok(dir.read("freezer.state")?.trim() != "THAWED"),
            Freezer::V2(dir) => {
                let told = dir.read("cgroup.freeze")?.trim() == "1";
                Ok(told || event(&dir.read("cgroup.events")?, "frozen") == Some("1"))
            }
        }
    }

    fn timed_out(&self, doing: &str, limit: Duration) -> Error {
        let place = self.main().display();
        let milliseconds = limit.as_millis() as u64;
        Error::TimedOut { what: format!("{doing} {place}"), milliseconds }
    }
}

/// Version 1 freezes what it can see at one time, and has to be told again for what was forked
/// between; reading the state makes it look again.
fn freeze_v1(dir: &Dir, deadline: Instant) -> Result<bool> {
    // Processes that wait for each other in the kernel (vfork(2)) may need to run to be frozen.
    const ROUND: Duration = Duration::from_millis(200);
    loop {
        dir.write("freezer.state", "FROZEN")?;
        if poll_state(dir, "FROZEN", deadline.min(Instant::now() + ROUND))? {
            return Ok(true);
        }
        dir.write("freezer.state", "THAWED")?;
        if Instant::now() >= deadline {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn poll_state(dir: &Dir, wanted: &str, deadline: Instant) -> Result<bool> {
    let mut pause = Duration::from_micros(50);
    loop {
        if dir.read("freezer.state")?.trim() == wanted {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// Waits until cgroup.events of a version 2 group says so; false if it does not by `deadline`.
pub(crate) fn wait_event(group: &Path, key: &str, wanted: &str, deadline: Instant) -> Result<bool> {
    let reading =
        |errno| failed(format!("reading cgroup.events of {}", group.display()), "pread", errno);
    let fd = Dir::open(group)?.file("cgroup.events", OFlags::RDONLY)?;
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
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        let timeout =
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&fd, PollFlags::PRI)], Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(reading(errno)),
        }
    }
}

/// A value in the text of cgroup.events.
pub(crate) fn event<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
}
