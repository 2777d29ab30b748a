//! Mounting on descriptors, and what a mount is made to be.

use std::borrow::Borrow;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, OFlags, StatVfsMountFlags, fstat, fstatvfs};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount_change, mount_remount,
    move_mount, open_tree,
};
use sys::mount::MountAttr;
use sys::{Context, SysError};

use crate::config::Propagation;
use crate::config::mount_flags::attr;
use crate::plan::mounts::Attributes;
use crate::procfs::Procfs;
use crate::{Error, Result};

/// A detached copy of the mount at `path` seen from `dir` (an empty path is `dir` itself), from
/// that place on; with `recursive`, of all mounts below it too (open_tree(2)).
pub(super) fn clone_tree(
    dir: BorrowedFd<'_>,
    path: &Path,
    recursive: bool,
) -> rustix::io::Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    if path.as_os_str().is_empty() {
        flags |= OpenTreeFlags::AT_EMPTY_PATH;
    }
    open_tree(dir, path, flags)
}

/// Mounts `tree` on the place that `target` is open at (move_mount(2)).
pub(super) fn place(tree: BorrowedFd<'_>, target: BorrowedFd<'_>) -> Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    let placed = move_mount(tree, "", target, "", flags);
    // The kernel says EINVAL here, where mount(2) says what is wrong; engines look for that.
    if placed == Err(Errno::INVAL) && is_directory(tree) != is_directory(target) {
        let errno = SysError::new("move_mount", "", Errno::NOTDIR);
        let hint = "a directory can only be mounted on a directory, a file only on a file";
        return Err(Error::from(errno).with_hint(hint));
    }
    Ok(placed.sys("move_mount", String::new)?)
}

fn is_directory(file: BorrowedFd<'_>) -> bool {
    fstat(file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir())
}

/// Mounts `tree` on `target` over whatever is there, or on the process's `/` where that is none.
///
/// What it is made to be, it is before anybody sees it. A kernel without mount_setattr(2) can
/// change only what is mounted in a namespace: there it comes right after.
pub(super) fn attach(
    tree: BorrowedFd<'_>,
    target: Option<BorrowedFd<'_>>,
    attributes: &Attributes,
    proc: &Procfs,
) -> Result<()> {
    let done = set(tree, attributes)?;
    if !done && attributes.rec_set | attributes.rec_clear != 0 {
        let errno = SysError::new("mount_setattr", "AT_RECURSIVE", Errno::NOSYS);
        return Err(Error::from(errno).with_hint("recursive mount options need Linux 5.12"));
    }
    match target {
        Some(target) => place(tree, target)?,
        None => {
            let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
            move_mount(tree, "", CWD, "/", flags).sys("move_mount", || "/")?;
        }
    }
    if done { Ok(()) } else { set_by_remount(tree, attributes, proc) }
}

/// Mounts `tree` on `target`, read-only with all below it; without mount_setattr(2) only the
/// mount itself is.
pub(super) fn attach_read_only(
    tree: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    proc: &Procfs,
) -> Result<()> {
    let all = Attributes { rec_set: attr::RDONLY, ..Attributes::default() };
    let done = set(tree, &all)?;
    place(tree, target)?;
    let one = Attributes { set: attr::RDONLY, ..Attributes::default() };
    if done { Ok(()) } else { set_by_remount(tree, &one, proc) }
}

/// Changes the mount that `mount` is the root of; a procfs is wanted on old kernels only.
pub(super) fn change<P: Borrow<Procfs>>(
    mount: BorrowedFd<'_>,
    attributes: &Attributes,
    proc: impl FnOnce() -> Result<P>,
) -> Result<()> {
    match set(mount, attributes)? {
        true => Ok(()),
        false => set_by_remount(mount, attributes, proc()?.borrow()),
    }
}

/// By mount_setattr(2), in as few calls as can be: false where the kernel does not have it.
fn set(mount: BorrowedFd<'_>, attributes: &Attributes) -> Result<bool> {
    for (attr, recursive) in calls(attributes) {
        match sys::mount::set_attributes(mount, &attr, recursive) {
            Err(error) if error.errno() == Errno::NOSYS => return Ok(false),
            done => done?,
        }
    }
    Ok(true)
}

/// The calls of mount_setattr(2) that make up `attributes`, each with whether it is recursive.
fn calls(attributes: &Attributes) -> Vec<(MountAttr, bool)> {
    let Attributes { set, clear, rec_set, rec_clear, propagation } = attributes;
    let mut calls: Vec<(MountAttr, bool)> = Vec::new();
    let all = MountAttr { set: *rec_set, clear: *rec_clear, ..MountAttr::default() };
    let one = MountAttr { set: *set, clear: *clear, ..MountAttr::default() };
    // Recursive options come after the others, as if they were given to the mounted tree.
    calls.push((one, false));
    calls.push((all, true));
    for &(kind, recursive) in propagation {
        let flag = u64::from(propagation_flag(kind).bits());
        let free = calls.iter_mut().find(|(attr, r)| *r == recursive && attr.propagation == 0);
        // Only the first change may move before others: a later one must come after it.
        match free {
            Some((attr, _)) if propagation.len() == 1 => attr.propagation = flag,
            _ => {
                calls.push((MountAttr { propagation: flag, ..MountAttr::default() }, recursive));
            }
        }
    }
    calls.retain(|(attr, _)| attr.set | attr.clear | attr.propagation != 0);
    calls
}

/// The flag of mount(2).
pub(super) fn propagation_flag(propagation: Propagation) -> MountPropagationFlags {
    match propagation {
        Propagation::Private => MountPropagationFlags::PRIVATE,
        Propagation::Slave => MountPropagationFlags::DOWNSTREAM,
        Propagation::Shared => MountPropagationFlags::SHARED,
        Propagation::Unbindable => MountPropagationFlags::UNBINDABLE,
    }
}

/// By mount(2), for kernels before 5.12: of the mount itself alone, which must be mounted in the
/// process's namespace. The working directory moves.
fn set_by_remount(mount: BorrowedFd<'_>, attributes: &Attributes, proc: &Procfs) -> Result<()> {
    // The only way to name a descriptor to mount(2); ours, because another procfs may lie.
    let fds = proc.open_file("self/fd", OFlags::PATH | OFlags::DIRECTORY)?;
    rustix::process::fchdir(&fds).sys("fchdir", || "/proc/self/fd")?;
    let name = mount.as_raw_fd().to_string();
    if attributes.set | attributes.clear != 0 {
        let old = fstatvfs(mount).sys("fstatvfs", || "mount")?.f_flag;
        let wanted = (to_attr(old) & !attributes.clear) | attributes.set;
        let flags = to_mount_flags(wanted) | MountFlags::BIND;
        mount_remount(name.as_str(), flags, "").sys("mount", || format!("remount {flags:?}"))?;
    }
    for &(kind, recursive) in &attributes.propagation {
        let mut flags = propagation_flag(kind);
        if recursive {
            flags |= MountPropagationFlags::REC;
        }
        mount_change(name.as_str(), flags).sys("mount", || format!("{flags:?}"))?;
    }
    Ok(())
}

/// A mount's present attributes (statvfs(3)).
fn to_attr(flags: StatVfsMountFlags) -> u64 {
    let table = [
        (StatVfsMountFlags::RDONLY, attr::RDONLY),
        (StatVfsMountFlags::NOSUID, attr::NOSUID),
        (StatVfsMountFlags::NODEV, attr::NODEV),
        (StatVfsMountFlags::NOEXEC, attr::NOEXEC),
        (StatVfsMountFlags::NOATIME, attr::NOATIME),
        (StatVfsMountFlags::NODIRATIME, attr::NODIRATIME),
        (StatVfsMountFlags::from_bits_retain(ST_NOSYMFOLLOW), attr::NOSYMFOLLOW),
    ];
    let mut bits = table.iter().filter(|(f, _)| flags.contains(*f)).fold(0, |all, (_, b)| all | b);
    let relatime = flags.contains(StatVfsMountFlags::RELATIME);
    if !relatime && bits & attr::NOATIME == 0 {
        bits |= attr::STRICTATIME;
    }
    bits
}

/// The same for mount(2).
fn to_mount_flags(bits: u64) -> MountFlags {
    let mut flags = MountFlags::empty();
    let table = [
        (attr::RDONLY, MountFlags::RDONLY),
        (attr::NOSUID, MountFlags::NOSUID),
        (attr::NODEV, MountFlags::NODEV),
        (attr::NOEXEC, MountFlags::NOEXEC),
        (attr::NODIRATIME, MountFlags::NODIRATIME),
        (attr::NOSYMFOLLOW, MountFlags::from_bits_retain(MS_NOSYMFOLLOW)),
    ];
    for (bit, flag) in table {
        if bits & bit != 0 {
            flags |= flag;
        }
    }
    flags
        | match bits & attr::ATIME {
            attr::NOATIME => MountFlags::NOATIME,
            attr::STRICTATIME => MountFlags::STRICTATIME,
            _ => MountFlags::RELATIME,
        }
}

/// mount(2) and statfs(2), Linux 5.10; rustix does not name them.
const MS_NOSYMFOLLOW: u32 = 256;
const ST_NOSYMFOLLOW: u64 = 0x2000;

#[cfg(test)]
mod tests;
