//! The container's end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags, fstat, fstatfs, major, minor, open, openat2};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use sys::Context;

use crate::error::Step;
use crate::{Error, ErrorKind, Result};

/// Both ends of a pseudo-terminal, close-on-exec.
#[derive(Debug)]
pub(crate) struct Pty {
    /// What the creator gets.
    pub master: OwnedFd,
    /// What the program gets.
    pub peer: OwnedFd,
}

/// `DEVPTS_SUPER_MAGIC` of linux/magic.h.
const DEVPTS: u64 = 0x1cd1;
/// The multiplexer's device number (admin-guide/devices.txt).
const PTMX: (u32, u32) = (5, 2);

/// A pseudo-terminal of the devpts at `/dev/pts` of the process's own root.
pub(crate) fn open_inside() -> Result<Pty> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = open("/", flags, Mode::empty()).sys("open", || "/")?;
    open_in(root.as_fd())
}

/// The same, below the directory `root`. The image's own files are not trusted: what is opened
/// must be the multiplexer of a devpts, and the peer is reached through the master, never by a
/// path (CVE-2025-52565).
pub(crate) fn open_in(root: BorrowedFd<'_>) -> Result<Pty> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    // Looked at before it is opened for use: opening a stranger's device can have effects.
    let node =
        openat2(root, "dev/pts/ptmx", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)
            .sys("open", || "/dev/pts/ptmx")
            .hint(|| "a terminal needs a devpts mounted at /dev/pts")?;
    verify(node.as_fd())?;
    let master = openat2(root, "dev/pts/ptmx", flags, Mode::empty(), resolve)
        .sys("open", || "/dev/pts/ptmx")?;
    verify(master.as_fd())?;
    unlockpt(&master).sys("ioctl", || "TIOCSPTLCK")?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let peer = ioctl_tiocgptpeer(&master, flags).sys("ioctl", || "TIOCGPTPEER")?;
    Ok(Pty { master, peer })
}

fn verify(node: BorrowedFd<'_>) -> Result<()> {
    let fs = fstatfs(node).sys("fstatfs", || "/dev/pts/ptmx")?;
    let device = fstat(node).sys("fstat", || "/dev/pts/ptmx")?.st_rdev;
    if fs.f_type as u64 == DEVPTS && (major(device), minor(device)) == PTMX {
        return Ok(());
    }
    let message = "/dev/pts/ptmx of the container is not a devpts's multiplexer";
    Err(Error::new(ErrorKind::System, message)
        .with_hint("a terminal needs a devpts mounted at /dev/pts"))
}

/// Makes the peer the controlling terminal of this session and its streams 0 to 2.
pub(crate) fn attach(peer: BorrowedFd<'_>, size: Option<(u16, u16)>) -> Result<()> {
    if let Some((rows, columns)) = size {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(peer, size).sys("ioctl", || "TIOCSWINSZ")?;
    }
    rustix::process::ioctl_tiocsctty(peer).sys("ioctl", || "TIOCSCTTY")?;
    for number in 0..3 {
        // These three numbers belong to the program from now on.
        std::mem::forget(sys::close::duplicate_to(peer, number)?);
    }
    Ok(())
}
