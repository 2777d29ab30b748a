//! Groups for those who may not make them everywhere (cgroup-v2.rst, "Delegation"; cgroups(7)).

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::detect::text_of;
use crate::manager::UNIFIED;
use crate::{Host, Manager, Result, member, path};

/// What the caller of [`Manager::delegated`] can be told to do about a group that may not be made.
pub const HOW_TO_DELEGATE: &str = "to delegate one: systemd-run --user --scope -p Delegate=yes \
    COMMAND; without systemd, root gives the user a group's directory with its cgroup.procs (and \
    cgroup.subtree_control or tasks), and the command runs in a group below it";

impl Manager {
    /// The handle of the group at `path` in those hierarchies where this process may make it.
    /// None where it may in no one. Makes nothing.
    ///
    /// An absolute path is looked for below the root of the hierarchy. A relative one is also
    /// below the group that this process is in: beside it where that may be, since on version 2 a
    /// group with processes has no controllers to give (cgroup-v2.rst, "No Internal Process
    /// Constraint"), else in it.
    ///
    /// Errors: [`Error::Invalid`](crate::Error::Invalid) as [`Manager::new`];
    /// [`Error::System`](crate::Error::System) where /proc cannot be read.
    pub fn delegated(host: &Host, path: &Path) -> Result<Option<Self>> {
        let clean = path::relative(path)?;
        let own = own_groups(host)?;
        let find = |mountpoint: &Path, own: Option<&Path>, unified: bool| {
            let mut bases = vec![Path::new("")];
            if let Some(own) = own.filter(|_| path.is_relative()) {
                bases.extend(own.parent());
                bases.push(own);
            }
            let place = Place { mountpoint, own, unified };
            bases.iter().map(|base| base.join(&clean)).find(|group| place.may_make(group))
        };
        let mut paths = BTreeMap::new();
        for hierarchy in &host.v1 {
            let own = hierarchy.controllers.first().and_then(|one| own.get(one));
            let own = below(&hierarchy.mountpoint, own);
            if let Some(group) = find(&hierarchy.mountpoint, own, false) {
                for controller in &hierarchy.controllers {
                    paths.insert(controller.clone(), hierarchy.mountpoint.join(&group));
                }
            }
        }
        if let Some(unified) = &host.v2
            && let own = below(&unified.mountpoint, own.get(UNIFIED))
            && let Some(group) = find(&unified.mountpoint, own, true)
        {
            paths.insert(UNIFIED.to_owned(), unified.mountpoint.join(group));
        }
        if paths.is_empty() { Ok(None) } else { Self::from_paths(paths).map(Some) }
    }

    /// Whether this process may start others in the group, where version 2 asks who it is: for that
    /// it takes the cgroup.procs of the nearest group that holds both.
    ///
    /// Errors: [`Error::System`](crate::Error::System) where /proc cannot be read.
    pub fn may_enter(&self, host: &Host) -> Result<bool> {
        let own = own_groups(host)?;
        let may_from = |own: &PathBuf, group: &Path| {
            may(&common(own, group).join("cgroup.procs"), Access::WRITE_OK)
        };
        Ok(match (self.v2(), own.get(UNIFIED)) {
            (Some(group), Some(own)) if self.main_is_v2() => may_from(own, group),
            _ => true,
        })
    }

    /// The directories of the groups that this process itself is in, by controller as in
    /// [`Manager::paths`], where they can be seen.
    ///
    /// Errors: [`Error::System`](crate::Error::System) where /proc cannot be read.
    pub fn inherited(host: &Host) -> Result<BTreeMap<String, PathBuf>> {
        let mut paths = own_groups(host)?;
        let outside = |path: &Path| path.components().any(|part| part == Component::ParentDir);
        paths.retain(|_, directory| !outside(directory) && directory.is_dir());
        Ok(paths)
    }
}

/// One hierarchy, and where in it this process is.
struct Place<'a> {
    mountpoint: &'a Path,
    own: Option<&'a Path>,
    unified: bool,
}

impl Place<'_> {
    /// Whether this process may make `group`, relative to the mount point, and start processes in
    /// it. The kernel asks for the directory to be writable; on version 2 also for the
    /// cgroup.procs of the nearest group that holds both it and this process.
    fn may_make(&self, group: &Path) -> bool {
        let directory = self.mountpoint.join(group);
        let there = directory.ancestors().find(|one| one.is_dir());
        let is_below = |one: &&Path| one.starts_with(self.mountpoint);
        let Some(there) = there.filter(is_below) else { return false };
        if !may(there, Access::WRITE_OK | Access::EXEC_OK) {
            return false;
        }
        let procs = |group: &Path| may(&group.join("cgroup.procs"), Access::WRITE_OK);
        if there == directory && !procs(there) {
            return false;
        }
        !self.unified
            || self.own.is_some_and(|own| procs(&self.mountpoint.join(common(own, group))))
    }
}

fn may(path: &Path, access: Access) -> bool {
    accessat(CWD, path, access, AtFlags::EACCESS).is_ok()
}

/// What both paths begin with.
fn common(one: &Path, other: &Path) -> PathBuf {
    one.components().zip(other.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

/// The groups that this process is in, by controller.
fn own_groups(host: &Host) -> Result<BTreeMap<String, PathBuf>> {
    Ok(member::paths(host, &text_of(Path::new("/proc/self/cgroup"))?))
}

/// Where in a hierarchy a group is. None where it is outside of what the caller's cgroup namespace
/// shows.
fn below<'a>(mountpoint: &Path, group: Option<&'a PathBuf>) -> Option<&'a Path> {
    let path = group?.strip_prefix(mountpoint).ok()?;
    (!path.starts_with("..")).then_some(path)
}

#[cfg(test)]
mod tests;
