//! A program beside the caller that gets nothing of the caller's but three streams.
//!
//! Made as in [`crate::spawn`], without copying the caller's memory.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use rustix::io::{Errno, fcntl_dupfd_cloexec};

use crate::exec::pointers;
use crate::signal;
use crate::spawn::{Spawned, beside};
use crate::{Context, Result, SysError};

/// What is executed, and how.
#[derive(Debug)]
pub struct Command<'a> {
    /// The program's path; no PATH is looked at.
    pub path: &'a CStr,
    /// Its arguments, its name first.
    pub args: &'a [CString],
    /// Its whole environment.
    pub env: &'a [CString],
    /// Its working directory.
    pub cwd: &'a CStr,
    /// Its standard streams.
    pub stdio: [BorrowedFd<'a>; 3],
}

/// The child's stack: a few frames of [`child`].
const STACK: usize = 64 * 1024;

struct Orders {
    path: *const libc::c_char,
    argv: *const *const libc::c_char,
    envp: *const *const libc::c_char,
    cwd: *const libc::c_char,
    stdio: [RawFd; 3],
    parent: libc::pid_t,
    failed: Option<(&'static str, i32)>,
}

/// Starts it with every signal at its default and none blocked, and no descriptor but the streams.
/// It is killed when the calling thread ends (PR_SET_PDEATHSIG).
pub fn spawn(command: &Command<'_>) -> Result<Spawned> {
    let (argv, envp) = (pointers(command.args), pointers(command.env));
    // None of them may be in the place of another.
    let above = |fd| fcntl_dupfd_cloexec(fd, 3).sys("fcntl", || "F_DUPFD_CLOEXEC");
    let [stdin, stdout, stderr] = command.stdio;
    let stdio = [above(stdin)?, above(stdout)?, above(stderr)?];
    let mut orders = Orders {
        path: command.path.as_ptr(),
        argv: argv.as_ptr(),
        envp: envp.as_ptr(),
        cwd: command.cwd.as_ptr(),
        stdio: [stdio[0].as_raw_fd(), stdio[1].as_raw_fd(), stdio[2].as_raw_fd()],
        parent: rustix::process::getpid().as_raw_nonzero().get(),
        failed: None,
    };
    // SAFETY: the orders and what they point to outlive the call; `child` makes system calls only.
    let spawned = unsafe { beside::<STACK, _>(child, &mut orders) }?;
    let Some((call, errno)) = orders.failed else { return Ok(spawned) };
    spawned.reap();
    let about = match call {
        "chdir" => command.cwd,
        "execve" => command.path,
        _ => c"",
    };
    Err(SysError::new(call, about.to_string_lossy(), Errno::from_raw_os_error(errno)))
}

/// The child's whole life before its program. It runs in the caller's memory: no allocation, no
/// lock, nothing but system calls.
extern "C" fn child(orders: &mut Orders) -> ! {
    // SAFETY: all pointers are those of `spawn`, which sleeps until this has ended; errno is the
    // sleeping caller's own thread-local, and nobody reads it in between. Descriptors and signal
    // dispositions are the child's own copies.
    unsafe {
        orders.failed = prepare(orders).err().map(|call| (call, *libc::__errno_location()));
        if orders.failed.is_none() {
            libc::syscall(libc::SYS_execve, orders.path, orders.argv, orders.envp);
            orders.failed = Some(("execve", *libc::__errno_location()));
        }
        libc::_exit(127)
    }
}

/// Everything before execve; fails with the name of the call whose errno is set.
///
/// # Safety
/// As for [`child`].
unsafe fn prepare(orders: &Orders) -> std::result::Result<(), &'static str> {
    // SAFETY: as for `child`.
    unsafe {
        let done = |call, result: libc::c_long| if result < 0 { Err(call) } else { Ok(()) };
        done("prctl", libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL).into())?;
        if libc::getppid() != orders.parent {
            // The caller was killed before its death could be told.
            libc::_exit(127);
        }
        for (number, fd) in (0..).zip(orders.stdio) {
            done("dup2", libc::dup2(fd, number).into())?;
        }
        done("close_range", libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0))?;
        done("chdir", libc::chdir(orders.cwd).into())?;
        signal::reset().map_err(|_| "rt_sigprocmask")
    }
}
