//! mount_setattr(2), which rustix lacks; the rest of the mount interface is rustix's.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::close::last_errno;
use crate::{Result, SysError};

/// `struct mount_attr` (mount_setattr(2)).
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct MountAttr {
    /// MOUNT_ATTR_* to set.
    pub set: u64,
    /// MOUNT_ATTR_* to clear; an access-time mode is set by clearing MOUNT_ATTR__ATIME beside it.
    pub clear: u64,
    /// MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE, or 0 to leave it.
    pub propagation: u64,
    /// A user namespace for MOUNT_ATTR_IDMAP.
    pub userns_fd: u64,
}

/// Changes the mount that `mount` is the root of; with `recursive`, all below it too
/// (mount_setattr(2), Linux 5.12).
pub fn set_attributes(mount: BorrowedFd<'_>, attr: &MountAttr, recursive: bool) -> Result<()> {
    set_attributes_at(mount, c"", attr, recursive)
}

/// The same, of the mount at `path` seen from `dir`; an empty path is `dir` itself.
pub fn set_attributes_at(
    dir: BorrowedFd<'_>,
    path: &CStr,
    attr: &MountAttr,
    recursive: bool,
) -> Result<()> {
    let mut flags = libc::AT_EMPTY_PATH | libc::AT_SYMLINK_NOFOLLOW;
    if recursive {
        flags |= libc::AT_RECURSIVE;
    }
    // SAFETY: the path is NUL-terminated and the structure has the size given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            dir.as_raw_fd(),
            path.as_ptr(),
            flags,
            attr as *const MountAttr,
            size_of::<MountAttr>(),
        )
    };
    if result == 0 {
        return Ok(());
    }
    if attr.set & ATTR_IDMAP != 0 {
        return Err(SysError::new("mount_setattr", "idmap", last_errno()));
    }
    let args = format!("+{:#x} -{:#x} {:#x}", attr.set, attr.clear, attr.propagation);
    Err(SysError::new("mount_setattr", args, last_errno()))
}

/// MOUNT_ATTR_IDMAP of mount_setattr(2).
const ATTR_IDMAP: u64 = 0x0010_0000;

/// Maps the ids of the detached tree `mount` as the user namespace `users` does; with `recursive`,
/// those of all mounts of it.
///
/// # Errors
/// EINVAL where the file system does not support it, or the mount has been mounted already; EPERM
/// without CAP_SYS_ADMIN in the file system's user namespace and in `users`, or where the mount is
/// mapped already.
pub fn map_ids(mount: BorrowedFd<'_>, users: BorrowedFd<'_>, recursive: bool) -> Result<()> {
    let userns_fd = users.as_raw_fd() as u64;
    let attr = MountAttr { set: ATTR_IDMAP, userns_fd, ..MountAttr::default() };
    set_attributes(mount, &attr, recursive)
}
