//! The id maps of a new user namespace (user_namespaces(7)).

use rustix::process::Pid;

use crate::Result;
use crate::config::IdMap;
use crate::error::Step;
use crate::procfs::Procfs;

/// Writes both maps for the process that made the namespace.
pub(super) fn write(pid: Pid, uids: &[IdMap], gids: &[IdMap]) -> Result<()> {
    let proc = Procfs::open()?;
    let pid = pid.as_raw_nonzero();
    // Without CAP_SETGID over the parent namespace, a group map is only taken when setgroups
    // has been given up; with it, that must not be given up.
    if !rustix::process::geteuid().is_root() {
        proc.write(format!("{pid}/setgroups"), b"deny")?;
    }
    let unprivileged =
        || "more than one's own id needs CAP_SETUID and CAP_SETGID in the parent user namespace";
    proc.write(format!("{pid}/uid_map"), &lines(uids))
        .step(|| "mapping the user ids")
        .hint(unprivileged)?;
    proc.write(format!("{pid}/gid_map"), &lines(gids))
        .step(|| "mapping the group ids")
        .hint(unprivileged)
}

fn lines(maps: &[IdMap]) -> Vec<u8> {
    let line = |map: &IdMap| format!("{} {} {}\n", map.container_id, map.host_id, map.size);
    maps.iter().map(line).collect::<String>().into_bytes()
}
