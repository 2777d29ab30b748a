//! procfs through a handle of our own, which no mount over `/proc` can redirect.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::buffer::spare_capacity;
use rustix::fs::{CWD, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, fstat, fstatfs, openat2};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use sys::{Context, SysError};

use crate::{Error, Result};

/// The inode number of a procfs's root directory (PROC_ROOT_INO, linux/proc_ns.h).
const ROOT_INODE: u64 = 1;

/// The most that is read of a file, in bytes, and what there is room for at first.
const MOST: usize = 64 << 10;
const FIRST: usize = 4 << 10;

/// The root of a procfs, verified to be one.
#[derive(Debug)]
pub struct Procfs {
    root: OwnedFd,
}

impl Procfs {
    /// The procfs at `/proc` of the calling process's own view, or a fresh one where that is not
    /// a procfs (needs CAP_SYS_ADMIN).
    pub fn open() -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat2(CWD, "/proc", flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            Ok(root) if is_procfs(root.as_fd()) => Ok(Self { root }),
            _ => Self::fresh(),
        }
    }

    /// A procfs of the calling process's PID namespace, mounted nowhere.
    pub fn fresh() -> Result<Self> {
        let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC).sys("fsopen", || "proc")?;
        fsconfig_create(context.as_fd()).sys("fsconfig", || "create proc")?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let root = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
            .sys("fsmount", || "proc")?;
        Ok(Self { root })
    }

    /// Opens `path` below the root; neither a link nor another mount on the way is followed.
    pub fn open_file(&self, path: impl AsRef<Path>, flags: OFlags) -> Result<OwnedFd> {
        let path = path.as_ref();
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_XDEV | ResolveFlags::NO_MAGICLINKS;
        Ok(openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
            .sys("openat2", || format!("/proc/{}", path.display()))?)
    }

    /// Opens the magic link at `path` below the root, for instance `12/ns/net` or `12/root`.
    pub fn open_link(&self, path: impl AsRef<Path>) -> Result<OwnedFd> {
        let path = path.as_ref();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(rustix::fs::openat(&self.root, path, flags, Mode::empty())
            .sys("open", || format!("/proc/{}", path.display()))?)
    }

    /// Writes `value` to the file at `path` in one write(2).
    pub fn write(&self, path: impl AsRef<Path>, value: &[u8]) -> Result<()> {
        let path = path.as_ref();
        let file = self.open_file(path, OFlags::WRONLY | OFlags::TRUNC)?;
        let written = rustix::io::write(&file, value).sys("write", || {
            format!("{:?} to /proc/{}", String::from_utf8_lossy(value), path.display())
        })?;
        if written == value.len() {
            return Ok(());
        }
        let short = SysError::new("write", format!("to /proc/{}", path.display()), Errno::IO);
        Err(Error::from(short))
    }

    /// The whole file at `path`, at most 64 KiB of it.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        let path = path.as_ref();
        let file = self.open_file(path, OFlags::RDONLY)?;
        // Most are a line: what is touched of a large buffer costs more than the file.
        let mut text = Vec::with_capacity(FIRST);
        loop {
            let read = rustix::io::read(&file, spare_capacity(&mut text))
                .sys("read", || format!("/proc/{}", path.display()))?;
            if read == 0 || text.len() >= MOST {
                return Ok(text);
            }
            if text.len() == text.capacity() {
                text.reserve_exact(text.len());
            }
        }
    }
}

impl AsFd for Procfs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

fn is_procfs(root: BorrowedFd<'_>) -> bool {
    fstatfs(root).is_ok_and(|fs| fs.f_type == PROC_SUPER_MAGIC)
        && fstat(root).is_ok_and(|stat| stat.st_ino == ROOT_INODE)
}

#[cfg(test)]
mod tests;
