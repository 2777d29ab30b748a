//! seccomp(2)

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use crate::close::last_errno;
use crate::{Result, SysError};

/// One instruction of a classic BPF program (`struct sock_filter`, linux/filter.h).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// The operation.
    pub code: u16,
    /// Instructions to skip when a jump's test is true.
    pub jt: u8,
    /// Instructions to skip when it is false.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

/// SECCOMP_FILTER_FLAG_NEW_LISTENER
const NEW_LISTENER: u32 = 1 << 3;

/// Loads a filter of at most 4,096 instructions for the calling thread (for all of the process
/// with SECCOMP_FILTER_FLAG_TSYNC in `flags`). With SECCOMP_FILTER_FLAG_NEW_LISTENER the listener
/// comes back. It needs no_new_privs or CAP_SYS_ADMIN, else EACCES.
pub fn load(program: &[Instruction], flags: u32) -> Result<Option<OwnedFd>> {
    let header = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap_or(u16::MAX),
        filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    // SAFETY: `Instruction` has the layout of sock_filter, the kernel only reads the program and
    // checks it, and it outlives the call.
    let result = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const header)
    };
    if result < 0 {
        let args = format!("of {} instructions, flags {flags:#x}", program.len());
        return Err(SysError::new("seccomp", args, last_errno()));
    }
    if flags & NEW_LISTENER == 0 {
        return Ok(None);
    }
    // SAFETY: with this flag the result is a new descriptor that nothing else owns.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(result as RawFd) }))
}
