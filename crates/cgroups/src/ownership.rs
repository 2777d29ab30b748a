//! A group of version 2 given to a user, who may then make groups below it (cgroups(7), "Cgroups
//! delegation: delegating a hierarchy to a less privileged user").

use rustix::fs::{AtFlags, Uid, chownat};
use rustix::io::Errno;

use crate::file::{Dir, failed};
use crate::{Manager, Result};

/// The files that may be given away.
const LIST: &str = "/sys/kernel/cgroup/delegate";

/// What they are where the kernel does not say (before 4.15).
const USUAL: [&str; 3] = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];

impl Manager {
    /// Makes a user the owner of the group's directory in the version 2 tree and of the files that
    /// delegation needs, as far as they are there. Its limits stay the caller's. Nothing to do on
    /// version 1, where this is not secure.
    ///
    /// Errors: [`Error::System`](crate::Error::System)
    pub fn give_to(&self, uid: u32) -> Result<()> {
        let Some(path) = self.v2().filter(|_| self.main_is_v2()) else { return Ok(()) };
        let dir = Dir::open(path)?;
        give(&dir, ".", uid)?;
        match std::fs::read_to_string(LIST) {
            // Control files have no slash in their names.
            Ok(list) => list
                .lines()
                .filter(|name| !name.contains('/'))
                .try_for_each(|name| give(&dir, name, uid)),
            Err(_) => USUAL.into_iter().try_for_each(|name| give(&dir, name, uid)),
        }
    }
}

fn give(dir: &Dir, name: &str, uid: u32) -> Result<()> {
    match chownat(dir, name, Some(Uid::from_raw(uid)), None, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => {
            let path = dir.path().join(name);
            let what = format!("giving {} to the user {uid}", path.display());
            Err(failed(what, "fchownat", errno))
        }
    }
}
