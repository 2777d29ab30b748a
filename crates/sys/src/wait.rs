//! Any child at all, for a process that is made parent of strangers (waitid(2)).

use std::mem::MaybeUninit;

use rustix::io::Errno;

use crate::close::last_errno;
use crate::{Result, SysError};

/// The pid of a child that has ended and not been waited for, which this does not do either;
/// `None` where there is none.
pub fn ended_child() -> Result<Option<i32>> {
    wait(libc::P_ALL, 0, libc::WNOWAIT)
}

/// Waits for the ended child `pid`, whose exit status is lost. One that somebody else has waited
/// for is no error.
pub fn reap(pid: i32) -> Result<()> {
    wait(libc::P_PID, pid.cast_unsigned(), 0).map(|_| ())
}

fn wait(which: libc::idtype_t, id: libc::id_t, more: i32) -> Result<Option<i32>> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | more;
    loop {
        // SAFETY: `info` is writable, and has the size that the call expects.
        if unsafe { libc::waitid(which, id, info.as_mut_ptr(), options) } == 0 {
            break;
        }
        match last_errno() {
            Errno::INTR => {}
            Errno::CHILD => return Ok(None),
            errno => return Err(SysError::new("waitid", "", errno)),
        }
    }
    // SAFETY: zeroed at first, which is valid for these integers; where a child was found, the
    // kernel has filled the fields of a SIGCHLD.
    let pid = unsafe { info.assume_init().si_pid() };
    Ok((pid != 0).then_some(pid))
}
