//! Signals read from a file descriptor: sigprocmask(2), signalfd(2).

use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::Errno;

use crate::{Result, SysError};

/// What signalfd(2) tells of one signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// The signal's number.
    pub signal: i32,
    /// `si_code`: who sent it and why; see sigaction(2).
    pub code: i32,
    /// The sender's pid in the reader's PID namespace, 0 where there is none.
    pub pid: u32,
    /// The sender's real uid.
    pub uid: u32,
}

/// A file descriptor on which blocked signals are read, so that no handler is needed.
#[derive(Debug)]
pub struct SignalFd {
    fd: OwnedFd,
}

impl SignalFd {
    /// Blocks `signals` in the calling thread and opens a close-on-exec descriptor for them.
    ///
    /// The mask stays as it is when the descriptor is dropped, and children inherit it.
    ///
    /// # Errors
    /// EINVAL for a number that is no signal; EMFILE, ENFILE, ENOMEM as signalfd(2) says.
    pub fn block(signals: impl IntoIterator<Item = i32>) -> Result<Self> {
        let set = signal_set(signals)?;
        let (size, none) = (size_of_val(&set), std::ptr::null_mut::<u64>());
        // SAFETY: `set` is the kernel's set of signals, and the old mask is not asked for.
        let failed = unsafe {
            libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, &raw const set, none, size)
        };
        if failed != 0 {
            return Err(last_error("rt_sigprocmask"));
        }
        // SAFETY: as before; -1 asks for a new descriptor.
        let fd = unsafe {
            libc::syscall(libc::SYS_signalfd4, -1, &raw const set, size, libc::SFD_CLOEXEC)
        };
        let Ok(fd @ 0..) = i32::try_from(fd) else { return Err(last_error("signalfd")) };
        // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// Waits for the next signal and takes it.
    ///
    /// # Errors
    /// As read(2); EINTR is tried again.
    pub fn read(&self) -> Result<Received> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        let size = size_of::<libc::signalfd_siginfo>();
        loop {
            // SAFETY: `info` is writable for `size` bytes.
            let got = unsafe { libc::read(self.fd.as_raw_fd(), info.as_mut_ptr().cast(), size) };
            if usize::try_from(got) == Ok(size) {
                break;
            }
            let error = last_error("read");
            if error.errno() != Errno::INTR {
                return Err(error);
            }
        }
        // SAFETY: it was zeroed, which is valid for these integers, and then filled by the kernel.
        let info = unsafe { info.assume_init() };
        Ok(Received {
            signal: i32::try_from(info.ssi_signo).unwrap_or(0),
            code: info.ssi_code,
            pid: info.ssi_pid,
            uid: info.ssi_uid,
        })
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// As the kernel has it. The C libraries keep different ones of the 64 to themselves.
fn signal_set(signals: impl IntoIterator<Item = i32>) -> Result<u64> {
    signals.into_iter().try_fold(0, |set, signal| match signal {
        1..=64 => Ok(set | 1 << (signal - 1)),
        _ => Err(SysError::new("signalfd", signal.to_string(), Errno::INVAL)),
    })
}

fn last_error(call: &'static str) -> SysError {
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
    SysError::new(call, "signalfd", Errno::from_raw_os_error(errno))
}

#[cfg(test)]
mod tests;
