//! The id maps of a new user namespace (user_namespaces(7), newuidmap(1)).

use std::io::ErrorKind::NotFound;
use std::process::{Command, Stdio};

use rustix::io::Errno;
use rustix::process::{Pid, getegid, geteuid};
use rustix::thread::CapabilitySet;

use crate::config::IdMap;
use crate::error::Step;
use crate::host::in_force;
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result};

/// One of the two maps.
struct Kind {
    /// What its ids are.
    ids: &'static str,
    /// Its file in /proc/PID.
    file: &'static str,
    /// What writes more of it than the kernel lets an ordinary user write.
    helper: &'static str,
    /// Where that one looks up what it may map.
    ranges: &'static str,
}

const USERS: Kind =
    Kind { ids: "user", file: "uid_map", helper: "newuidmap", ranges: "/etc/subuid" };
const GROUPS: Kind =
    Kind { ids: "group", file: "gid_map", helper: "newgidmap", ranges: "/etc/subgid" };

/// Writes both maps for the process that made the namespace: itself where the kernel lets it, that
/// is with CAP_SETUID and CAP_SETGID or for one's own id alone, else by newuidmap(1) and
/// newgidmap(1).
pub(super) fn write(pid: Pid, uids: &[IdMap], gids: &[IdMap]) -> Result<()> {
    let proc = Procfs::open()?;
    let held = in_force();
    let by_itself = held.contains(CapabilitySet::SETUID) || is_only(uids, geteuid().as_raw());
    USERS.map(&proc, pid, uids, by_itself)?;
    let capable = held.contains(CapabilitySet::SETGID);
    let by_itself = capable || is_only(gids, getegid().as_raw());
    if by_itself && !capable {
        // The kernel takes the map only when setgroups has been given up; who has the capability
        // must not give it up, and newgidmap knows for itself.
        proc.write(format!("{}/setgroups", pid.as_raw_nonzero()), b"deny")?;
    }
    GROUPS.map(&proc, pid, gids, by_itself)
}

/// Whether the map is that of this one id.
fn is_only(maps: &[IdMap], own: u32) -> bool {
    matches!(maps, [map] if map.size == 1 && map.host_id == own)
}

impl Kind {
    fn map(&self, proc: &Procfs, pid: Pid, maps: &[IdMap], by_itself: bool) -> Result<()> {
        let step = || format!("mapping the {} ids", self.ids);
        if !by_itself {
            return self.by_helper(pid, maps).step(step);
        }
        let line = |map: &IdMap| format!("{} {} {}\n", map.container_id, map.host_id, map.size);
        let lines: String = maps.iter().map(line).collect();
        let path = format!("{}/{}", pid.as_raw_nonzero(), self.file);
        proc.write(path, lines.as_bytes()).step(step).map_err(|error| {
            match error.errno().map(Errno::from_raw_os_error) {
                Some(Errno::PERM) => error.with_hint(format!(
                    "the caller's own user namespace does not map all of these {} ids",
                    self.ids
                )),
                _ => error,
            }
        })
    }

    fn by_helper(&self, pid: Pid, maps: &[IdMap]) -> Result<()> {
        let numbers = maps.iter().flat_map(|map| [map.container_id, map.host_id, map.size]);
        let run = Command::new(self.helper)
            .arg(pid.as_raw_nonzero().to_string())
            .args(numbers.map(|number| number.to_string()))
            .stdin(Stdio::null())
            .output();
        let failed = |what: String| Error::new(ErrorKind::System, what);
        let ids = self.ids;
        let run = run.map_err(|error| match error.kind() {
            NotFound => failed(format!("there is no {} here", self.helper)).with_hint(format!(
                "without CAP_SET{}, more than one's own {ids} id is mapped by newuidmap and \
                 newgidmap: Debian's package uidmap has them",
                if ids == "user" { "UID" } else { "GID" },
            )),
            _ => failed(format!("{}: {error}", self.helper)),
        })?;
        if run.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&run.stderr);
        let said = said.trim().replace('\n', "; ");
        let said = if said.is_empty() { format!("{}: {}", self.helper, run.status) } else { said };
        let hint = format!("{} says which {ids} ids this user may map (subuid(5))", self.ranges);
        Err(failed(said).with_hint(hint))
    }
}

#[cfg(test)]
mod tests;
