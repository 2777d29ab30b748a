//! A child that executes a program at once, made without copying the caller's memory.
//!
//! clone3(2) with CLONE_VM and CLONE_VFORK: the child runs on a stack of its own in the caller's
//! memory, while the calling thread sleeps, until it executes the program. A caller with
//! gigabytes resident pays no more than a small one, and neither its locks nor its allocator are
//! touched in the child.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::clone_args::CloneArgs;
use crate::exec::pointers;
use crate::signal::BlockAll;
use crate::{Result, SysError};

/// A spawned child.
#[derive(Debug)]
pub struct Spawned {
    /// Its id in the caller's PID namespace.
    pub pid: Pid,
    /// The child itself, close-on-exec.
    pub pidfd: OwnedFd,
}

impl Spawned {
    /// Waits for the end of one that has not executed its program.
    pub(crate) fn reap(&self) {
        let _ = retry_on_intr(|| waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED));
    }
}

/// The child's stack: a few frames of [`child`] and one execveat.
const STACK: usize = 16 * 1024;

struct Orders {
    program: RawFd,
    argv: *const *const libc::c_char,
    envp: *const *const libc::c_char,
    keep: RawFd,
    errno: i32,
}

/// Starts the open file `program`; of the caller's close-on-exec descriptors the child keeps
/// only `keep`, under the same number. The child's signals are all blocked, and its dispositions
/// are the caller's: the program resets both (see [`crate::signal::reset`]).
pub fn spawn(
    program: BorrowedFd<'_>,
    args: &[CString],
    env: &[CString],
    keep: BorrowedFd<'_>,
) -> Result<Spawned> {
    let argv = pointers(args);
    let envp = pointers(env);
    let mut orders = Orders {
        program: program.as_raw_fd(),
        argv: argv.as_ptr(),
        envp: envp.as_ptr(),
        keep: keep.as_raw_fd(),
        errno: 0,
    };
    // SAFETY: the orders and what they point to outlive the call; `child` makes system calls only.
    let spawned = unsafe { beside::<STACK, _>(child, &mut orders) }?;
    if orders.errno != 0 {
        spawned.reap();
        let errno = Errno::from_raw_os_error(orders.errno);
        return Err(SysError::new("execveat", "of the init program", errno));
    }
    Ok(spawned)
}

/// Makes a child that runs `entry(orders)` in the caller's memory, on `STACK` bytes of its own, and
/// returns when it has executed a program or exited. All signals are blocked in it.
///
/// # Safety
/// `entry` may use nothing of the caller's memory but `orders` and what they point to: no
/// allocation, no lock.
pub(crate) unsafe fn beside<const STACK: usize, T>(
    entry: extern "C" fn(&mut T) -> !,
    orders: &mut T,
) -> Result<Spawned> {
    // Only what the child comes to is touched.
    let mut stack = Box::<[u128]>::new_uninit_slice(STACK / 16);
    let mut pidfd: RawFd = -1;
    let clone = CloneArgs {
        flags: (libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD) as u64,
        pidfd: ptr::from_mut(&mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        stack: stack.as_mut_ptr() as u64,
        stack_size: STACK as u64,
        ..CloneArgs::default()
    };
    // A handler of the caller's must not run in the child, on the caller's memory.
    let blocked = BlockAll::new()?;
    // SAFETY: `clone` is valid for the call; the stack and the orders outlive the child's use of
    // them, since CLONE_VFORK holds this thread until the child has executed or exited; `entry`
    // never returns, and the caller answers for what it does.
    let result = unsafe { clone3(&clone, entry, orders) };
    drop(blocked);
    drop(stack);
    let Some(pid) = u32::try_from(result).ok().and_then(|pid| Pid::from_raw(pid as i32)) else {
        return Err(SysError::new("clone3", "", Errno::from_raw_os_error(-result as i32)));
    };
    // SAFETY: the kernel stored a new descriptor there that nothing else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Spawned { pid, pidfd })
}

/// The child's whole life before its program. It runs in the caller's memory: no allocation, no
/// lock, nothing but system calls.
extern "C" fn child(orders: &mut Orders) -> ! {
    // SAFETY: all pointers are those of `spawn`, which sleeps until this has ended; errno is the
    // sleeping caller's own thread-local, and nobody reads it in between.
    unsafe {
        libc::fcntl(orders.keep, libc::F_SETFD, 0);
        libc::syscall(
            libc::SYS_execveat,
            orders.program,
            c"".as_ptr(),
            orders.argv,
            orders.envp,
            libc::AT_EMPTY_PATH,
        );
        orders.errno = *libc::__errno_location();
        libc::_exit(127)
    }
}

/// clone3(2) into `entry(orders)` on the stack that `args` names; returns the child's id, or a
/// negative errno.
///
/// # Safety
/// `args` must name a stack, and what `orders` points to must stay untouched until the child has
/// executed a program or exited. `entry` must not return.
#[cfg(target_arch = "x86_64")]
unsafe fn clone3<T>(args: &CloneArgs, entry: extern "C" fn(&mut T) -> !, orders: &mut T) -> i64 {
    let result: i64;
    // SAFETY: the child starts on its own empty stack, aligned to 16 bytes, and only calls
    // `entry`; in the caller only the declared registers and memory change.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 => result,
            in("rdi") args,
            in("rsi") size_of::<CloneArgs>(),
            in("r12") orders,
            in("r13") entry,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    result
}

/// As above, for aarch64.
///
/// # Safety
/// As above.
#[cfg(target_arch = "aarch64")]
unsafe fn clone3<T>(args: &CloneArgs, entry: extern "C" fn(&mut T) -> !, orders: &mut T) -> i64 {
    let result: i64;
    // SAFETY: as above.
    unsafe {
        std::arch::asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x20",
            "blr x21",
            "brk #1",
            "2:",
            inlateout("x0") ptr::from_ref(args) as i64 => result,
            in("x1") size_of::<CloneArgs>(),
            in("x8") libc::SYS_clone3,
            in("x20") orders,
            in("x21") entry,
        );
    }
    result
}
