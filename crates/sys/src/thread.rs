//! What rustix lacks of the calling thread's attributes.

use std::ffi::CStr;

use crate::close::last_errno;
use crate::{Result, SysError};

/// Names the calling thread for ps(1) (PR_SET_NAME); more than 15 bytes are cut.
pub fn set_name(name: &CStr) {
    // SAFETY: the kernel reads at most 16 bytes of a NUL-terminated string.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Forks nothing, opens nothing: whether this is the process's first thread (gettid(2)).
pub fn is_main() -> bool {
    rustix::thread::gettid() == rustix::process::getpid()
}

/// Detaches the thread's root, working directory and umask from other processes' and threads'
/// (CLONE_FS of unshare(2)), which setns(2) of a mount namespace asks for.
pub fn unshare_fs() -> Result<()> {
    // SAFETY: CLONE_FS only copies what was shared; no memory and no descriptor is affected.
    if unsafe { libc::unshare(libc::CLONE_FS) } == 0 {
        Ok(())
    } else {
        Err(SysError::new("unshare", "CLONE_FS", last_errno()))
    }
}
