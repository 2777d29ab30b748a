//! Into the new root, with the old one gone.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{chroot, fchdir, pivot_root};
use sys::Context;

use crate::plan::mounts::Entry;
use crate::{Error, Result};

/// Makes `root`, which is mounted over `/`, the root of the process and its working directory.
pub(super) fn enter(root: OwnedFd, entry: Entry) -> Result<()> {
    fchdir(&root).sys("fchdir", || "the new root")?;
    match entry {
        Entry::Pivot => pivot(),
        Entry::Move | Entry::Chroot => Ok(chroot(".").sys("chroot", || "the new root")?),
    }
}

/// The new root and the place for the old one are the same directory: the old root ends mounted
/// over the new one, where the working directory still names the new one below it
/// (pivot_root(2), "pivot_root(".", ".")").
fn pivot() -> Result<()> {
    match pivot_root(".", ".") {
        Err(errno @ Errno::INVAL) => {
            let error = Error::from(sys::SysError::new("pivot_root", "", errno));
            return Err(error.with_hint(
                "the host's root cannot be exchanged, as when it is a ramfs or the caller lives \
                 in a chroot: set no_pivot_root",
            ));
        }
        done => done.sys("pivot_root", String::new)?,
    }
    Ok(unmount(".", UnmountFlags::DETACH).sys("umount2", || "the host's root")?)
}
