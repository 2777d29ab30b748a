//! landlock(7): a process restricts itself, and whatever it executes.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use crate::close::last_errno;
use crate::{Result, SysError};

/// `struct landlock_ruleset_attr` (linux/landlock.h). A kernel that knows less of it takes it all
/// the same where the rest is 0.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Handled {
    /// LANDLOCK_ACCESS_FS_*: denied but for the rules.
    pub files: u64,
    /// LANDLOCK_ACCESS_NET_*: denied but for the rules; version 4.
    pub network: u64,
    /// LANDLOCK_SCOPE_*: denied towards others; version 6.
    pub scopes: u64,
}

/// LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON; version 7.
pub const LOG_NEW_EXEC_ON: u32 = 1 << 1;

const CREATE_RULESET_VERSION: u32 = 1;
const RULE_PATH_BENEATH: u32 = 1;
const RULE_NET_PORT: u32 = 2;

/// `struct landlock_path_beneath_attr`
#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: RawFd,
}

/// `struct landlock_net_port_attr`
#[repr(C)]
struct NetPort {
    allowed: u64,
    port: u64,
}

/// The version of the kernel's Landlock, 1 and up (landlock_create_ruleset(2)). ENOSYS where the
/// kernel has been built without it, EOPNOTSUPP where it has been started without.
pub fn version() -> Result<u32> {
    let none = std::ptr::null::<Handled>();
    // SAFETY: with this flag the kernel looks at no memory.
    let version = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, none, 0_usize, CREATE_RULESET_VERSION)
    };
    u32::try_from(version)
        .map_err(|_| SysError::new("landlock_create_ruleset", "version", last_errno()))
}

/// A new set of rules, close-on-exec, that restricts this. Nothing at all is ENOMSG.
pub fn create(handled: &Handled) -> Result<OwnedFd> {
    let size = size_of::<Handled>();
    // SAFETY: the structure has that size, is only read, and outlives the call.
    let fd = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, &raw const *handled, size, 0_u32)
    };
    if fd < 0 {
        return Err(SysError::new(
            "landlock_create_ruleset",
            format!("{handled:x?}"),
            last_errno(),
        ));
    }
    // SAFETY: the result is a new descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Allows `access` to `file` and to all below it. Each of it must be handled, and for what is not a
/// directory, must make sense there, else EINVAL.
pub fn allow_path(rules: BorrowedFd<'_>, file: BorrowedFd<'_>, access: u64) -> Result<()> {
    let rule = PathBeneath { allowed: access, parent: file.as_raw_fd() };
    add(rules, RULE_PATH_BENEATH, &raw const rule as *const libc::c_void)
        .map_err(|errno| SysError::new("landlock_add_rule", format!("path {access:#x}"), errno))
}

/// Allows `access` (LANDLOCK_ACCESS_NET_*) to a port; 0 is any that bind(2) finds free.
pub fn allow_port(rules: BorrowedFd<'_>, port: u16, access: u64) -> Result<()> {
    let rule = NetPort { allowed: access, port: port.into() };
    add(rules, RULE_NET_PORT, &raw const rule as *const libc::c_void)
        .map_err(|errno| SysError::new("landlock_add_rule", format!("port {port}"), errno))
}

fn add(
    rules: BorrowedFd<'_>,
    kind: u32,
    rule: *const libc::c_void,
) -> std::result::Result<(), rustix::io::Errno> {
    // SAFETY: both callers give the structure of this kind, which is only read and outlives the call.
    let result =
        unsafe { libc::syscall(libc::SYS_landlock_add_rule, rules.as_raw_fd(), kind, rule, 0_u32) };
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Restricts the calling thread and what it forks or executes from now on
/// (landlock_restrict_self(2)). It needs no_new_privs or CAP_SYS_ADMIN, else EPERM.
pub fn restrict_self(rules: impl AsFd, flags: u32) -> Result<()> {
    let rules = rules.as_fd().as_raw_fd();
    // SAFETY: the kernel looks at no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules, flags) };
    if result < 0 {
        return Err(SysError::new(
            "landlock_restrict_self",
            format!("flags {flags:#x}"),
            last_errno(),
        ));
    }
    Ok(())
}
