//! set_mempolicy(2)

use crate::close::last_errno;
use crate::{Result, SysError};

/// Sets the calling thread's NUMA policy: `mode` is MPOL_* with the MPOL_F_* flags of
/// linux/mempolicy.h in it, `nodes` a mask with a bit for each node.
pub fn set(mode: u32, nodes: &[u64]) -> Result<()> {
    let (mask, bits) = match nodes {
        [] => (std::ptr::null(), 0),
        // The kernel reads one bit less than it is told ("maxnode", BUGS in the man page).
        nodes => (nodes.as_ptr(), nodes.len() * 64 + 1),
    };
    // SAFETY: the mask has that many bits and is only read; no mask goes with a length of 0.
    let result = unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, mask, bits) };
    if result < 0 {
        return Err(SysError::new(
            "set_mempolicy",
            format!("mode {mode:#x}, nodes {nodes:x?}"),
            last_errno(),
        ));
    }
    Ok(())
}
