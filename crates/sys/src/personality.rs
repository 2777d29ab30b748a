//! personality(2)

use crate::close::last_errno;
use crate::{Result, SysError};

/// Sets the calling process's execution domain (PER_* and flags of linux/personality.h).
pub fn set(persona: u32) -> Result<()> {
    // SAFETY: one number.
    let result = unsafe { libc::syscall(libc::SYS_personality, libc::c_ulong::from(persona)) };
    if result < 0 {
        return Err(SysError::new("personality", format!("{persona:#x}"), last_errno()));
    }
    Ok(())
}
