//! Entering any system call by its number, to see whether it is refused: syscall(2).

use rustix::io::Errno;

use crate::{Result, SysError};

/// Calls that ignore their arguments, so that nonsense does not stop them: they would end, fork,
/// block or confuse the caller.
const NEVER: &[libc::c_long] = &[
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_vhangup,
    libc::SYS_munlockall,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_pause,
];

/// Enters system call `number` with -1 in every argument and returns what it returned.
///
/// -1 is no descriptor, no address, no flag set and no id, so a call that gets past seccomp
/// (and past what else refuses it) fails for its arguments: EBADF, EFAULT, EINVAL. What comes
/// back therefore tells a filter's answer from the kernel's own.
///
/// # Errors
/// EINVAL for the calls that take no arguments and act on the caller (exit, fork, pause, …),
/// without entering them; else what the kernel says.
pub fn attempt(number: i64) -> Result<i64> {
    if NEVER.contains(&number) {
        return Err(SysError::new("syscall", format!("{number} is never tried"), Errno::INVAL));
    }
    const NONE: libc::c_long = -1;
    // SAFETY: -1 is no user address, so the kernel can neither read nor write this process's
    // memory through it, nor map or unmap any of it (it is not page-aligned); no descriptor of
    // the process is closed, since -1 is none; the calls that act without arguments are above.
    let got = unsafe { libc::syscall(number, NONE, NONE, NONE, NONE, NONE, NONE) };
    if got != -1 {
        return Ok(got);
    }
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
    Err(SysError::new("syscall", number.to_string(), Errno::from_raw_os_error(errno)))
}

#[cfg(test)]
mod tests;
