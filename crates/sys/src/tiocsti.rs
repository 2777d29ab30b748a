//! Typing into somebody's terminal: ioctl_tty(2), TIOCSTI.

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;

use crate::{Result, SysError};

/// Puts `byte` into the input queue of the terminal `fd`, as if a person had typed it.
///
/// The classic way out of a container that shares its caller's terminal; tests use it to show
/// that it is shut.
///
/// # Errors
/// EPERM where `fd` is not the caller's controlling terminal, EIO where the kernel has it
/// switched off (sysctl dev.tty.legacy_tiocsti), ENOTTY where `fd` is no terminal.
pub fn tiocsti(fd: impl AsFd, byte: u8) -> Result<()> {
    // SAFETY: TIOCSTI reads one byte from the pointer, which is alive for the call.
    let failed = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCSTI, &raw const byte) };
    if failed == 0 {
        return Ok(());
    }
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
    Err(SysError::new("ioctl", "TIOCSTI", Errno::from_raw_os_error(errno)))
}
