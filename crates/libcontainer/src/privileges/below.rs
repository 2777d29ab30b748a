//! Paths of the container, resolved by the kernel below a root directory (openat2(2)).

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{Errno, Result};

/// How often a resolution is tried again: one that goes through a `..` ends with EAGAIN when
/// anything is mounted or renamed meanwhile, anywhere on the machine.
const ATTEMPTS: usize = 128;

/// Opens `path`, close-on-exec; no link leads out of `root`, and magic links are refused.
pub(super) fn open(root: impl AsFd, path: &Path, flags: OFlags) -> Result<OwnedFd> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    for _ in 1..ATTEMPTS {
        match openat2(&root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            done => return done,
        }
    }
    Err(Errno::AGAIN)
}

#[cfg(test)]
mod tests;
