//! execveat(2)

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use crate::SysError;
use crate::close::last_errno;

/// Executes the open file `program`; returns only when that failed.
pub fn exec_fd(program: BorrowedFd<'_>, args: &[CString], env: &[CString]) -> SysError {
    exec(program.as_raw_fd(), c"", args, env, libc::AT_EMPTY_PATH)
}

/// Executes `program` by its path, seen from the working directory and root of the process;
/// returns only when that failed. A script gets that path as its argument.
pub fn exec_path(program: &CStr, args: &[CString], env: &[CString]) -> SysError {
    exec(libc::AT_FDCWD, program, args, env, 0)
}

fn exec(dir: i32, path: &CStr, args: &[CString], env: &[CString], flags: i32) -> SysError {
    let argv = pointers(args);
    let envp = pointers(env);
    // SAFETY: the path is NUL-terminated, and both arrays end in a null pointer and point to
    // NUL-terminated strings that outlive the call.
    unsafe {
        libc::syscall(libc::SYS_execveat, dir, path.as_ptr(), argv.as_ptr(), envp.as_ptr(), flags);
    }
    SysError::new("execve", path.to_string_lossy(), last_errno())
}

/// The null-terminated array that execve(2) takes.
pub(crate) fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect()
}
