//! Freezing and thawing a group (cgroup-v1/freezer-subsystem.rst; cgroup-v2.rst,
//! "cgroup.freeze").

use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::CWD;

use crate::file::{Dir, read_at};
use crate::wait::{event, wait_event};
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

impl Freezer {
    /// Tells the kernel to freeze or to thaw, which takes it a while.
    fn tell(&self, freeze: bool) -> Result<()> {
        match self {
            Self::V1(dir) => dir.write("freezer.state", if freeze { "FROZEN" } else { "THAWED" }),
            Self::V2(dir) => dir.write("cgroup.freeze", if freeze { "1" } else { "0" }),
        }
    }

    /// Whether a group above has been told to freeze, as far as that can be seen.
    fn is_held_above(&self) -> bool {
        match self {
            Self::V1(dir) => {
                dir.read("freezer.parent_freezing").is_ok_and(|text| text.trim() == "1")
            }
            Self::V2(dir) => dir.path().ancestors().skip(1).any(|above| {
                let told = Dir::open(above).and_then(|dir| dir.read("cgroup.freeze"));
                told.is_ok_and(|text| text.trim() == "1")
            }),
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
        let freezer = Freezer::of(self)?;
        let result = match &freezer {
            Freezer::V1(dir) => freeze_v1(dir, deadline),
            Freezer::V2(dir) => {
                freezer.tell(true).and_then(|()| wait_event(dir, "frozen", "1", deadline))
            }
        };
        if matches!(result, Ok(true)) {
            return Ok(());
        }
        // Not half of them: who cannot have it frozen has it running.
        let thawed = freezer.tell(false);
        result?;
        thawed?;
        Err(self.timed_out("freezing", limit))
    }

    /// Lets all processes of the group run again and waits until they may.
    ///
    /// Errors: [`Error::Invalid`] where a group above it is frozen, and then it thaws with that;
    /// [`Error::TimedOut`] after 5 s; [`Error::Unsupported`] without a freezer.
    pub fn thaw(&self) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        let freezer = Freezer::of(self)?;
        freezer.tell(false)?;
        if freezer.is_held_above() {
            let reason = "a group above it is frozen: it thaws when that does";
            return Err(Error::invalid(self.main().display().to_string(), reason));
        }
        let done = match &freezer {
            Freezer::V1(dir) => poll_state(dir, "THAWED", deadline)?,
            Freezer::V2(dir) => wait_event(dir, "frozen", "0", deadline)?,
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
        match (self.v1("freezer"), self.v2()) {
            (Some(path), _) => Ok(read_at(CWD, &path.join("freezer.state"))?.trim() != "THAWED"),
            (None, Some(path)) => {
                let told = read_at(CWD, &path.join("cgroup.freeze"))?.trim() == "1";
                Ok(told
                    || event(&read_at(CWD, &path.join("cgroup.events"))?, "frozen") == Some("1"))
            }
            (None, None) => Freezer::of(self).map(|_| false),
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
