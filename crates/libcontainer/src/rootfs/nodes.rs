//! Device nodes and links, made on the descriptor of their directory.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{
    Access, AtFlags, FileType, Gid, Mode, OFlags, Uid, accessat, chownat, makedev, mknodat, openat,
    symlinkat,
};
use rustix::io::Errno;
use sys::{Context, SysError};

use super::builder::Builder;
use super::inroot::{self, Kind, Links};
use super::source::verify_device;
use crate::config::DeviceKind;
use crate::plan::mounts::{Attributes, DeviceNode, Node};
use crate::{Result, Step};

/// Makes `nodes` in `directory`, which no link leads to.
pub(super) fn make(builder: &mut Builder<'_>, directory: &Path, nodes: &[Node]) -> Result<()> {
    let dir = inroot::open_or_make(builder.root(), directory, Kind::Directory, Links::Refuse)?;
    let dir = dir.as_fd();
    for node in nodes {
        match node {
            Node::Device(device) => {
                make_device(dir, device).step(|| format!("making the device {}", device.name))?;
            }
            Node::Bound { name, source } => {
                bind_device(builder, dir, name, *source)
                    .step(|| format!("binding the device {name}"))?;
            }
            Node::Link { name, target } => make_link(dir, name, target)?,
            Node::Core => {
                if accessat(builder.proc, "kcore", Access::EXISTS, AtFlags::empty()).is_ok() {
                    make_link(dir, "core", Path::new("/proc/kcore"))?;
                }
            }
        }
    }
    Ok(())
}

/// mknodat(2); the umask is 0 meanwhile. A node that is there already must be that device.
fn make_device(dir: BorrowedFd<'_>, device: &DeviceNode) -> Result<()> {
    let DeviceNode { name, kind, major, minor, mode, uid, gid } = device;
    let (file_type, number) = match kind {
        DeviceKind::Char => (FileType::CharacterDevice, makedev(*major, *minor)),
        DeviceKind::Block => (FileType::BlockDevice, makedev(*major, *minor)),
        DeviceKind::Fifo => (FileType::Fifo, 0),
    };
    let made = mknodat(dir, name.as_str(), file_type, Mode::from_raw_mode(*mode), number);
    match made {
        Ok(()) if (*uid, *gid) == (0, 0) => return Ok(()),
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(SysError::new("mknodat", name, errno).into()),
    }
    let look = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let node = openat(dir, name.as_str(), look, Mode::empty()).sys("openat", || name.as_str())?;
    verify_device(node.as_fd(), (*kind, *major, *minor))?;
    if made.is_ok() {
        let (uid, gid) = (Some(Uid::from_raw(*uid)), Some(Gid::from_raw(*gid)));
        chownat(&node, "", uid, gid, AtFlags::EMPTY_PATH).sys("fchownat", || name.as_str())?;
    }
    Ok(())
}

/// The host's node on an empty file.
fn bind_device(
    builder: &mut Builder<'_>,
    dir: BorrowedFd<'_>,
    name: &str,
    source: usize,
) -> Result<()> {
    let optional = builder.plan.sources.get(source).is_some_and(|source| source.optional);
    let tree = match builder.take(source) {
        Err(error) if optional && error.errno() == Some(Errno::NOENT.raw_os_error()) => {
            return Ok(());
        }
        done => done?,
    };
    let file = empty_file(dir, name)?;
    builder.attach(tree.as_fd(), file.as_fd(), &Attributes::private())
}

/// A file to mount on, which is none of the kinds that lead elsewhere.
pub(super) fn empty_file(dir: BorrowedFd<'_>, name: &str) -> Result<std::os::fd::OwnedFd> {
    let create = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY;
    match openat(dir, name, create | OFlags::CLOEXEC, Mode::from_raw_mode(0o600)) {
        Err(Errno::EXIST) => {}
        done => return Ok(done.sys("openat", || name)?),
    }
    let look = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(dir, name, look, Mode::empty()).sys("openat", || name)?;
    let stat = rustix::fs::fstat(&file).sys("fstat", || name)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => Err(SysError::new("openat", name, Errno::LOOP).into()),
        FileType::Directory => Err(SysError::new("openat", name, Errno::ISDIR).into()),
        _ => Ok(file),
    }
}

/// symlinkat(2); a name that is taken stays as the image has it.
fn make_link(dir: BorrowedFd<'_>, name: &str, target: &Path) -> Result<()> {
    match symlinkat(target, dir, name) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        done => Ok(done.sys("symlinkat", || name)?),
    }
}
