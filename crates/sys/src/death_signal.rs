//! The parent death signal, real-time signals included, which rustix cannot name safely.

use crate::close::last_errno;
use crate::{Result, SysError};

/// The calling thread gets `signal` (1 to 64) when the thread that created it ends
/// (PR_SET_PDEATHSIG, prctl(2)). A change of credentials, also by execve(2), clears it.
pub fn set(signal: i32) -> Result<()> {
    // SAFETY: the argument is a plain number that the kernel checks.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::c_long::from(signal)) } == 0 {
        Ok(())
    } else {
        Err(SysError::new("prctl", format!("PR_SET_PDEATHSIG {signal}"), last_errno()))
    }
}
