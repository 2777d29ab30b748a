//! The terminal of the first process, shown at /dev/console.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use sys::Context;

use super::attach::{clone_tree, place};
use super::inroot::{self, Kind, Links};
use super::nodes::empty_file;
use crate::Result;

/// Mounts the peer of a pseudo-terminal, a file of the container's devpts, on /dev/console.
pub(super) fn bind_console(root: BorrowedFd<'_>, peer: BorrowedFd<'_>) -> Result<()> {
    let dev = inroot::open_or_make(root, Path::new("/dev"), Kind::Directory, Links::Refuse)?;
    let file = empty_file(dev.as_fd(), "console")?;
    let tree = clone_tree(peer, Path::new(""), false).sys("open_tree", || "the terminal")?;
    place(tree.as_fd(), file.as_fd())
}
