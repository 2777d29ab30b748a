//! Extended attributes (xattr(7)) of what is copied.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, flistxattr_query, fsetxattr};
use rustix::io::Errno;
use sys::Context;

use crate::Result;

/// The most that the kernel gives (XATTR_LIST_MAX, XATTR_SIZE_MAX of linux/limits.h).
const MOST: usize = 64 << 10;

/// Gives `to` what `from` has, but for what the file system of `to` does not keep or only the
/// host may set (`trusted.` in a user namespace).
pub(super) fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<()> {
    let length = match flistxattr_query(from) {
        Ok(0) | Err(Errno::OPNOTSUPP) => return Ok(()),
        done => done.sys("flistxattr", String::new)?,
    };
    let mut names = vec![0; length.min(MOST)];
    let length = flistxattr(from, &mut *names).sys("flistxattr", String::new)?;
    let mut value = vec![0; MOST];
    for name in names[..length].split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        let shown = || name.to_string_lossy();
        let length = match fgetxattr(from, name, &mut *value) {
            Err(Errno::NODATA | Errno::OVERFLOW) => continue,
            done => done.sys("fgetxattr", shown)?,
        };
        match fsetxattr(to, name, &value[..length], XattrFlags::empty()) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::PERM) => {}
            done => done.sys("fsetxattr", shown)?,
        }
    }
    Ok(())
}
