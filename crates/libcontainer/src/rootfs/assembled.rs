//! A view of the host where the kernel lets nobody have an overlay over `/`: in a user namespace of its
//! own, what is mounted below a directory cannot be left out of it (mount_namespaces(7),
//! "Restrictions on mount namespaces"). So a tmpfs stands for `/`; in there each directory that
//! nothing is mounted below is an overlay, and the others are made, and filled in the same way.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2, readlinkat,
    statat, symlinkat,
};
use rustix::io::Errno;
use sys::Context;

use super::attach;
use crate::plan::mounts::Attributes;
use crate::procfs::Procfs;
use crate::{Error, Result};

/// What the container has of its own there.
const ITS_OWN: [&CStr; 4] = [c"dev", c"proc", c"run", c"sys"];

/// Makes the view of a file or directory of the host, which is to be mounted in its place.
pub(super) type Cover<'a> = &'a mut dyn FnMut(BorrowedFd<'_>) -> Result<(OwnedFd, Attributes)>;

/// Whether the kernel refused to take a directory without what is mounted below it.
pub(super) fn is_locked(error: &Error) -> bool {
    error.errno() == Some(Errno::INVAL.raw_os_error())
}

/// Fills `to`, which stands for the host's directory `from`.
pub(super) fn fill(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    cover: Cover<'_>,
    proc: &Procfs,
) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let readable = match openat(from, c".", flags, Mode::empty()) {
        // Nobody sees what is in there.
        Err(Errno::ACCESS) => return Ok(()),
        done => done.sys("openat", || "a directory of the host")?,
    };
    for entry in Dir::read_from(&readable).sys("getdents64", String::new)? {
        let entry = entry.sys("getdents64", String::new)?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            show(from, to, name, cover, proc)?;
        }
    }
    Ok(())
}

fn show(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    name: &CStr,
    cover: Cover<'_>,
    proc: &Procfs,
) -> Result<()> {
    let shown = || name.to_string_lossy().into_owned();
    let Ok(stat) = statat(from, name, AtFlags::SYMLINK_NOFOLLOW) else { return Ok(()) };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => {
            let text = readlinkat(from, name, Vec::new()).sys("readlinkat", shown)?;
            return Ok(symlinkat(text, to, name).sys("symlinkat", shown)?);
        }
        FileType::Directory => {
            let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
            mkdirat(to, name, mode).sys("mkdirat", shown)?;
        }
        FileType::RegularFile => {
            let create = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            openat(to, name, create, Mode::from_raw_mode(0o644)).sys("openat", shown)?;
        }
        _ => return Ok(()),
    }
    // Another mount is a layer of its own, or a window into the kernel.
    let look = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let source = match openat2(from, name, look, Mode::empty(), ResolveFlags::NO_XDEV) {
        Err(Errno::XDEV | Errno::ACCESS | Errno::NOENT) => return Ok(()),
        done => done.sys("openat2", shown)?,
    };
    if ITS_OWN.contains(&name) {
        return Ok(());
    }
    let target = openat(to, name, look, Mode::empty()).sys("openat", shown)?;
    match cover(source.as_fd()) {
        Ok((tree, attributes)) => {
            attach::attach(tree.as_fd(), Some(target.as_fd()), &attributes, proc)
        }
        Err(error) if is_locked(&error) => fill(source.as_fd(), target.as_fd(), cover, proc),
        Err(error) => Err(error),
    }
}
