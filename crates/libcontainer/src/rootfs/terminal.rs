//! A pseudo-terminal of the container's own devpts.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{OFlags, fstatfs};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use sys::{Context, SysError};

use super::attach::{clone_tree, place};
use super::inroot::{self, Kind, Links};
use super::nodes::empty_file;
use super::source::verify_device;
use crate::config::DeviceKind;
use crate::{Error, Result};

/// A pseudo-terminal (pty(7)).
#[derive(Debug)]
pub struct Terminal {
    /// The side of the one who looks at it; close-on-exec.
    pub master: OwnedFd,
    /// The side of the container's process; close-on-exec.
    pub peer: OwnedFd,
}

/// DEVPTS_SUPER_MAGIC of statfs(2).
const DEVPTS: i64 = 0x1cd1;
/// The multiplexer: device 5:2 (admin-guide/devices.txt).
const PTMX: (DeviceKind, u32, u32) = (DeviceKind::Char, 5, 2);

/// Opens a new pseudo-terminal on the devpts at /dev/pts below `root`, which must really be one.
/// Neither side is anybody's controlling terminal by that.
pub fn open(root: BorrowedFd<'_>) -> Result<Terminal> {
    let path = Path::new("/dev/pts/ptmx");
    let node = inroot::open(root, path, Links::Refuse)?;
    if fstatfs(&node).sys("fstatfs", || inroot::shown(path))?.f_type != DEVPTS as _ {
        return Err(Error::from(SysError::new("fstatfs", inroot::shown(path), Errno::NODEV))
            .with_hint("a terminal needs a devpts mounted at /dev/pts"));
    }
    verify_device(node.as_fd(), PTMX)?;
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let master = inroot::open_with(root, path, flags, Links::Refuse)?;
    // Between the two opens nothing but a process of the container could have moved a mount
    // there; what counts is what was opened for use.
    if fstatfs(&master).sys("fstatfs", || inroot::shown(path))?.f_type != DEVPTS as _ {
        return Err(SysError::new("openat2", inroot::shown(path), Errno::NODEV).into());
    }
    unlockpt(&master).sys("ioctl", || "TIOCSPTLCK")?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let peer = ioctl_tiocgptpeer(&master, flags).sys("ioctl", || "TIOCGPTPEER")?;
    Ok(Terminal { master, peer })
}

/// Shows the peer at /dev/console.
pub(super) fn bind_console(root: BorrowedFd<'_>, peer: BorrowedFd<'_>) -> Result<()> {
    let dev = inroot::open_or_make(root, Path::new("/dev"), Kind::Directory, Links::Refuse)?;
    let file = empty_file(dev.as_fd(), "console")?;
    let tree = clone_tree(peer, Path::new(""), false).sys("open_tree", || "the terminal")?;
    place(tree.as_fd(), file.as_fd())
}

#[cfg(test)]
mod tests;
