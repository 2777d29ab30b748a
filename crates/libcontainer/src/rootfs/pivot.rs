//! Into the new root, with the old one gone.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, OFlags, StatxFlags, statx};
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{chroot, fchdir, pivot_root};
use sys::Context;

use crate::plan::mounts::{Entry, mounts_on};
use crate::procfs::Procfs;
use crate::{Error, Result};

/// Makes `root`, which is mounted over `/`, the root of the process and its working directory.
pub(super) fn enter(root: OwnedFd, entry: Entry) -> Result<()> {
    if entry == Entry::Move {
        detach_host(root.as_fd())?;
    }
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

/// A ramfs that is the root of all cannot be detached; what is mounted on it can. Who finds the
/// way out of a chroot then finds little.
fn detach_host(root: BorrowedFd<'_>) -> Result<()> {
    let here = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, rustix::fs::Mode::empty())
        .sys("open", || "/")?;
    let (host, ours) = (mount_id(here.as_fd())?, mount_id(root)?);
    let mountinfo = read_mounts(&Procfs::open()?)?;
    for (id, path) in mounts_on(&mountinfo, host) {
        if id != ours {
            let flags = UnmountFlags::DETACH | UnmountFlags::NOFOLLOW;
            unmount(&path, flags).sys("umount2", || path.display().to_string())?;
        }
    }
    Ok(())
}

fn mount_id(fd: BorrowedFd<'_>) -> Result<u64> {
    let stat = statx(fd, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).sys("statx", || "a root")?;
    Ok(stat.stx_mnt_id)
}

fn read_mounts(proc: &Procfs) -> Result<Vec<u8>> {
    let file = proc.open_file("thread-self/mountinfo", OFlags::RDONLY)?;
    let mut text = Vec::new();
    let mut part = vec![0; 64 * 1024];
    loop {
        match rustix::io::read(&file, &mut part).sys("read", || "/proc/thread-self/mountinfo")? {
            0 => return Ok(text),
            length => text.extend_from_slice(&part[..length]),
        }
    }
}
