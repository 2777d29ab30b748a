//! sched_setattr(2)

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use crate::close::last_errno;
use crate::{Result, SysError};

/// What a thread is scheduled by: `struct sched_attr`, but for the utilization clamps, which are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// SCHED_* of linux/sched.h.
    pub policy: u32,
    /// SCHED_FLAG_* of linux/sched.h.
    pub flags: u64,
    /// -20 to 19, for SCHED_OTHER and SCHED_BATCH.
    pub nice: i32,
    /// 1 to 99, for SCHED_FIFO and SCHED_RR.
    pub priority: u32,
    /// Nanoseconds, for SCHED_DEADLINE, as the two that follow.
    pub runtime: u64,
    /// Nanoseconds.
    pub deadline: u64,
    /// Nanoseconds.
    pub period: u64,
}

/// Sets them for the thread of this id, the caller where there is none.
pub fn set(thread: Option<Pid>, attributes: &Attributes) -> Result<()> {
    /// As of SCHED_ATTR_SIZE_VER1, linux/sched/types.h.
    #[repr(C)]
    struct SchedAttr {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        runtime: u64,
        deadline: u64,
        period: u64,
        util_min: u32,
        util_max: u32,
    }
    let Attributes { policy, flags, nice, priority, runtime, deadline, period } = *attributes;
    let attr = SchedAttr {
        size: size_of::<SchedAttr>() as u32,
        policy,
        flags,
        nice,
        priority,
        runtime,
        deadline,
        period,
        util_min: 0,
        util_max: 0,
    };
    let pid = thread.map_or(0, |thread| thread.as_raw_nonzero().get());
    // SAFETY: the kernel reads `attr`, whose size stands in it, and keeps nothing of it.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, pid, &raw const attr, 0) };
    if result < 0 {
        let args = format!("policy {policy}, nice {nice}, priority {priority}, flags {flags:#x}");
        return Err(SysError::new("sched_setattr", args, last_errno()));
    }
    Ok(())
}
