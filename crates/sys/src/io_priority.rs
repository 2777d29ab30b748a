//! ioprio_set(2)

use crate::close::last_errno;
use crate::{Result, SysError};

/// Sets the calling thread's class (IOPRIO_CLASS_* of linux/ioprio.h, 1 to 3) and the priority in
/// it, 0 (the highest) to 7. Its children have them from their birth.
pub fn set(class: u8, priority: u8) -> Result<()> {
    const IOPRIO_WHO_PROCESS: libc::c_int = 1;
    const IOPRIO_CLASS_SHIFT: libc::c_int = 13;
    let value = (libc::c_int::from(class) << IOPRIO_CLASS_SHIFT) | libc::c_int::from(priority);
    // SAFETY: three numbers; 0 is the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, value) };
    if result < 0 {
        let args = format!("class {class}, priority {priority}");
        return Err(SysError::new("ioprio_set", args, last_errno()));
    }
    Ok(())
}
