//! keyctl(2)

use std::ffi::CStr;

use crate::close::last_errno;
use crate::{Result, SysError};

/// Joins a new session keyring of this name (KEYCTL_JOIN_SESSION_KEYRING, session-keyring(7)).
pub fn join_session(name: &CStr) -> Result<()> {
    const KEYCTL_JOIN_SESSION_KEYRING: libc::c_int = 1;
    // SAFETY: the name is NUL-terminated and only read.
    let result =
        unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.as_ptr()) };
    if result < 0 {
        return Err(SysError::new("keyctl", "JOIN_SESSION_KEYRING", last_errno()));
    }
    Ok(())
}
