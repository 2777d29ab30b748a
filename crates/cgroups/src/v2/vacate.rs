//! A group that becomes a parent: its processes go to a group below it.

use rustix::fs::{Mode, mkdirat};
use rustix::io::Errno;

use crate::file::{Dir, failed};
use crate::{Error, Result};

/// Where they go; engines in containers name it so, too.
const LEAF: &str = "init";

/// How often those that were born meanwhile are moved after the others.
const ATTEMPTS: usize = 32;

/// Moves the processes out of `group` and does `again` what was refused with EBUSY, until it is
/// done or they cannot be moved. Then `refused` is the error.
pub(super) fn retry(group: &Dir, refused: Error, again: impl Fn() -> Result<()>) -> Result<()> {
    match mkdirat(group, LEAF, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => {
            let what = format!("making the cgroup {}/{LEAF}", group.path().display());
            return Err(failed(what, "mkdirat", errno));
        }
    }
    let leaf = Dir::open(&group.path().join(LEAF))?;
    for _ in 0..ATTEMPTS {
        for pid in group.read("cgroup.procs")?.lines() {
            // One of another PID namespace; written, 0 would be ourselves.
            if pid == "0" {
                return Err(refused);
            }
            match leaf.write("cgroup.procs", pid) {
                // One that has ended.
                Err(error) if error.errno() == Some(Errno::SRCH) => {}
                moved => moved?,
            }
        }
        match again() {
            Err(error) if error.errno() == Some(Errno::BUSY) => {}
            done => return done,
        }
    }
    Err(refused)
}
