//! Signal masks and dispositions (signal(7)).

use std::mem::MaybeUninit;
use std::ptr;

use crate::close::last_errno;
use crate::{Result, SysError};

/// Blocks every signal of the calling thread until it is dropped.
#[derive(Debug)]
pub struct BlockAll {
    before: libc::sigset_t,
}

impl BlockAll {
    /// Blocks them (pthread_sigmask(3)).
    pub fn new() -> Result<Self> {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: both sets are written by libc before they are read.
        let errno = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr())
        };
        if errno != 0 {
            let errno = rustix::io::Errno::from_raw_os_error(errno);
            return Err(SysError::new("sigprocmask", "", errno));
        }
        // SAFETY: filled by the successful call.
        Ok(Self { before: unsafe { before.assume_init() } })
    }
}

impl Drop for BlockAll {
    fn drop(&mut self) {
        // SAFETY: a set that pthread_sigmask itself gave.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut()) };
    }
}

/// Puts every signal at its default and empties the calling thread's mask, as a program that is
/// about to be executed should find them (execve keeps ignored signals and the mask).
///
/// It leaves alone what is at its default already, so a caller pays one call a signal to look
/// and a second only for what differs.
pub fn reset() -> Result<()> {
    for signal in 1..=64 {
        if signal == libc::SIGKILL || signal == libc::SIGSTOP {
            continue;
        }
        let mut now = KernelSigaction::default();
        // SAFETY: both pointers are null or point to a kernel sigaction of the kernel's size; a
        // handler is only ever set to SIG_DFL.
        unsafe {
            if rt_sigaction(signal, ptr::null(), &mut now) == 0 && now.handler != libc::SIG_DFL {
                rt_sigaction(signal, &KernelSigaction::default(), ptr::null_mut());
            }
        }
    }
    let empty: u64 = 0;
    // SAFETY: an 8-byte set, the size the kernel asks for.
    let result = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &empty,
            ptr::null_mut::<u64>(),
            size_of::<u64>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(SysError::new("rt_sigprocmask", "", last_errno())) }
}

/// The kernel's own sigaction, which libc's differs from; libc keeps signals 32 and 33 for
/// itself and refuses to touch them, the kernel does not.
#[repr(C)]
#[derive(Default)]
struct KernelSigaction {
    handler: libc::sighandler_t,
    flags: libc::c_ulong,
    restorer: usize,
    mask: u64,
}

unsafe fn rt_sigaction(
    signal: i32,
    new: *const KernelSigaction,
    old: *mut KernelSigaction,
) -> libc::c_long {
    // SAFETY: the caller passes null or valid pointers.
    unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, new, old, size_of::<u64>()) }
}

/// The signal of this number, 1 to 64, real-time ones included; `None` for another number.
pub fn from_number(number: i32) -> Option<rustix::process::Signal> {
    if !(1..=64).contains(&number) {
        return None;
    }
    // SAFETY: a number that the kernel knows; this project's use of a signal is to pass it on.
    Some(unsafe { rustix::process::Signal::from_raw_unchecked(number) })
}
