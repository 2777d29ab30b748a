//! A copy-on-write view of the host: an overlay over `/` and over each file system below it,
//! whose writes go to one tmpfs that nobody can name and that ends with the container.
//!
//! Layers are given to overlayfs as descriptors' names in /proc/self/fd, with our own procfs as
//! the working directory: they need no escaping, and nothing is resolved twice.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Uid, chownat, fchmod, fstat,
    mkdirat, openat, openat2,
};
use rustix::io::Errno;
use rustix::process::fchdir;
use sys::Context;

use super::assembled;
use super::attach::{self, clone_tree};
use super::filesystem;
use super::inroot::{self, Links};
use crate::config::mount_flags::attr;
use crate::plan::mounts::{Attributes, Layer};
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result, Step};

/// Mounts the view over `/` and returns its root.
pub(super) fn build(layers: &[Layer], proc: &Procfs) -> Result<OwnedFd> {
    let fds = proc.open_file("self/fd", OFlags::PATH | OFlags::DIRECTORY)?;
    fchdir(&fds).sys("fchdir", || "/proc/self/fd")?;
    let mode = [("mode".to_owned(), Some("700".to_owned()))];
    let writes = filesystem::make("tmpfs", &mode, 0)?;
    // overlayfs wants layers that are mounted (detached ones only since Linux 6.15). It goes with
    // the host's mounts at the pivot, and only the overlays keep it then. Any directory but `/`,
    // where it would be what the pivot detaches in the old root's stead.
    let place = open_at("/proc".as_ref(), OFlags::DIRECTORY)?;
    attach::attach(writes.as_fd(), Some(place.as_fd()), &Attributes::private(), proc)?;
    let mut root = None;
    for (index, layer) in layers.iter().enumerate() {
        let at = || format!("over {}", layer.mountpoint.display());
        match &root {
            None => root = Some(first(layer, layers.len(), writes.as_fd(), proc).step(at)?),
            Some(root) => below(root.as_fd(), index, layer, writes.as_fd(), proc).step(at)?,
        }
    }
    root.ok_or_else(|| Error::new(ErrorKind::System, "the host has no root file system"))
}

fn first(layer: &Layer, count: usize, writes: BorrowedFd<'_>, proc: &Procfs) -> Result<OwnedFd> {
    let lower = open_at(&layer.mountpoint, OFlags::empty())?;
    match cover(lower.as_fd(), 0, layer, writes) {
        Ok((tree, attributes)) => {
            attach::attach(tree.as_fd(), None, &attributes, proc)?;
            Ok(tree)
        }
        Err(error) if assembled::is_locked(&error) => {
            let mode = [("mode".to_owned(), Some("755".to_owned()))];
            let tree = filesystem::make("tmpfs", &mode, 0)?;
            attach::attach(tree.as_fd(), None, &Attributes::private(), proc)?;
            // The names of the writes' directories go on from those of the layers.
            let mut index = count;
            let mut next = |part: BorrowedFd<'_>| {
                index += 1;
                cover(part, index, layer, writes)
            };
            assembled::fill(lower.as_fd(), tree.as_fd(), &mut next, proc)?;
            Ok(tree)
        }
        Err(error) => Err(error),
    }
}

/// At the layer's own place below `root`.
fn below(
    root: BorrowedFd<'_>,
    index: usize,
    layer: &Layer,
    writes: BorrowedFd<'_>,
    proc: &Procfs,
) -> Result<()> {
    let lower = match open_at(&layer.mountpoint, OFlags::empty()) {
        // What its own server shows to nobody else, as a user's FUSE mount, or is gone by now.
        Err(error) if is_hidden(&error) => return Ok(()),
        done => done?,
    };
    let target = match inroot::open(root, &layer.mountpoint, Links::Refuse) {
        // The layer that it lies on could not be shown.
        Err(error) if error.errno() == Errno::NOENT => return Ok(()),
        done => done?,
    };
    let (tree, attributes) = cover(lower.as_fd(), index, layer, writes)?;
    attach::attach(tree.as_fd(), Some(target.as_fd()), &attributes, proc)
}

fn is_hidden(error: &Error) -> bool {
    let hidden = [Errno::ACCESS, Errno::PERM, Errno::NOENT, Errno::NOTCONN, Errno::STALE];
    hidden.iter().any(|errno| error.errno() == Some(errno.raw_os_error()))
}

/// Opens a mount point of the host; the kernel's list of mounts names no links.
fn open_at(path: &Path, flags: OFlags) -> Result<OwnedFd> {
    let flags = flags | OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS);
    Ok(opened.sys("openat2", || path.display().to_string())?)
}

/// The overlay; where the kernel takes no overlay over such a file system, or it is a single
/// file, a read-only bind of it.
fn cover(
    lower: BorrowedFd<'_>,
    index: usize,
    layer: &Layer,
    writes: BorrowedFd<'_>,
) -> Result<(OwnedFd, Attributes)> {
    let stat = fstat(lower).sys("fstat", || layer.mountpoint.display().to_string())?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        match overlay(lower, index, layer.attributes, &stat, writes) {
            Ok(tree) => return Ok((tree, Attributes::private())),
            Err(error) if error.errno() == Some(Errno::INVAL.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
    }
    let tree = clone_tree(lower, Path::new(""), false)
        .sys("open_tree", || layer.mountpoint.display().to_string())?;
    Ok((tree, Attributes { set: attr::RDONLY, ..Attributes::private() }))
}

fn overlay(
    lower: BorrowedFd<'_>,
    index: usize,
    attributes: u64,
    stat: &Stat,
    writes: BorrowedFd<'_>,
) -> Result<OwnedFd> {
    let upper = make_directory(writes, &format!("{index}.upper"))?;
    let work = make_directory(writes, &format!("{index}.work"))?;
    // The root of an overlay looks like its upper directory.
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    match chownat(&upper, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH) {
        // An owner whom the user namespace does not map: root of the container has it then.
        Err(Errno::INVAL) => {}
        done => done.sys("fchownat", || "upper")?,
    }
    fchmod(&upper, Mode::from_raw_mode(stat.st_mode & 0o7777)).sys("fchmod", || "upper")?;
    let context = filesystem::open_context("overlay")?;
    let set = |key, value: &str| filesystem::configure(context.as_fd(), key, Some(value));
    set("source", "overlay")?;
    set("lowerdir", &lower.as_raw_fd().to_string())?;
    set("upperdir", &upper.as_raw_fd().to_string())?;
    set("workdir", &work.as_raw_fd().to_string())?;
    filesystem::mount(context.as_fd(), attributes)
}

fn make_directory(parent: BorrowedFd<'_>, name: &str) -> Result<OwnedFd> {
    mkdirat(parent, name, Mode::from_raw_mode(0o755)).sys("mkdirat", || name)?;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(parent, name, flags, Mode::empty()).sys("openat", || name)?)
}
