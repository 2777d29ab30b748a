//! Descriptors that this process was started with (close(2), proc_pid_fd(5)).

use std::os::fd::RawFd;

use rustix::fs::{CWD, Dir, Mode, OFlags, openat};

use crate::{Context, Result};

/// Closes every descriptor from 3 up that is not close-on-exec.
///
/// All that Rust's library and this project open is close-on-exec: what is not was left open by
/// whoever started this process, and has no owner here. It is for a process that stays behind in
/// the background and must not keep a caller's locks and pipes open.
///
/// # Errors
/// As open(2) and getdents(2) of `/proc/self/fd`.
pub fn close() -> Result<()> {
    let path = "/proc/self/fd";
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let listing = openat(CWD, path, flags, Mode::empty()).sys("open", || path)?;
    let mut numbers: Vec<RawFd> = Vec::new();
    for entry in Dir::new(listing).sys("getdents", || path)? {
        let name = entry.sys("getdents", || path)?;
        numbers.extend(name.file_name().to_str().ok().and_then(|n| n.parse::<RawFd>().ok()));
    }
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // SAFETY: F_GETFD only looks; a number that is closed by now gives -1.
        let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
        if flags >= 0 && flags & libc::FD_CLOEXEC == 0 {
            // SAFETY: no owner in this process has it, see above.
            unsafe { libc::close(number) };
        }
    }
    Ok(())
}
