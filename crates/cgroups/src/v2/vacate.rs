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
    let mut leaf = None;
    for _ in 0..ATTEMPTS {
        let pids = group.read("cgroup.procs")?;
        // One of another PID namespace, which cannot be named; written, 0 would be ourselves.
        if pids.lines().any(|pid| pid == "0") {
            break;
        }
        let leaf: &Dir = match &leaf {
            Some(leaf) => leaf,
            None => leaf.insert(make_leaf(group)?),
        };
        for pid in pids.lines() {
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

fn make_leaf(group: &Dir) -> Result<Dir> {
    match mkdirat(group, LEAF, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => Dir::open(&group.path().join(LEAF)),
        Err(errno) => {
            let what = format!("making the cgroup {}/{LEAF}", group.path().display());
            Err(failed(what, "mkdirat", errno))
        }
    }
}
