//! Which control group a further process of a container joins.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cgroups::{HOW_TO_DELEGATE, Manager, Resources};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::container::handle::Container;
use crate::{Error, ErrorKind, Result};

impl Container {
    /// The group that a further process joins: the container's own, or one below it.
    pub(super) fn group_below(
        &self,
        wanted: &BTreeMap<String, PathBuf>,
    ) -> Result<Option<Manager>> {
        let Some(own) = self.cgroup()? else {
            return match wanted.is_empty() {
                true => Ok(None),
                false => Err(Error::invalid("cgroup", "the container has no group of its own")),
            };
        };
        if wanted.is_empty() {
            return Ok(Some(own));
        }
        let mut paths = own.paths().clone();
        if let Some(unknown) =
            wanted.keys().find(|key| !key.is_empty() && !paths.contains_key(*key))
        {
            let message = format!("the container has no group for controller {unknown:?}");
            return Err(Error::invalid("cgroup", message));
        }
        for path in paths.values_mut() {
            // Controllers of one hierarchy have one group.
            let together = own.paths().iter().filter(|(_, own)| *own == path);
            let named = together.filter_map(|(key, _)| wanted.get(key)).next();
            if let Some(below) = named.or(wanted.get("")) {
                *path = path.join(below.strip_prefix("/").unwrap_or(below));
            }
        }
        Ok(Some(Manager::from_paths(paths)?))
    }

    /// The group that its init is in now, where that is another one than it was made in.
    pub(super) fn group_of_init(&self, pid: i32) -> Option<Manager> {
        let own = self.cgroup().ok()??;
        let host = &self.shared.facts().ok()?.cgroups;
        let now = Manager::of_process(host, Pid::from_raw(pid)?).ok()?;
        (now.paths() != own.paths()).then_some(now)
    }
}

/// Whether this is how joining a group fails that is there no longer, or that has become an inner
/// node and may hold no processes (cgroup-v2.rst, "No Internal Process Constraint"): then an init
/// like systemd has moved on.
pub(super) fn is_unfit(error: &Error) -> bool {
    let unfit = [Errno::NOENT, Errno::NODEV, Errno::BUSY, Errno::OPNOTSUPP];
    *error.kind() == ErrorKind::System
        && unfit.iter().any(|errno| error.errno() == Some(errno.raw_os_error()))
}

/// Sets limits. Whose group was delegated to him may have got fewer controllers than there are.
pub(super) fn set_limits(group: &Manager, limits: &Resources, delegated: bool) -> Result<()> {
    group.set(limits).map_err(|error| {
        let missing =
            matches!(error, cgroups::Error::Unsupported { .. }) && !error.is_only_in_version_1();
        let error = Error::from(error);
        if missing && delegated { error.with_hint(HOW_TO_DELEGATE) } else { error }
    })
}
