//! Network interfaces and netlink sockets: netdevice(7), netlink(7).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::io::Errno;

use crate::close::last_errno;
use crate::{Result, SysError};

/// Brings the interface `name` up (SIOCSIFFLAGS with IFF_UP), leaving its other flags alone.
///
/// `socket` is any socket; the interface is looked up in the network namespace that the socket
/// was made in.
///
/// # Errors
/// ENODEV where there is no such interface, EPERM without CAP_NET_ADMIN in the user namespace
/// that owns the network namespace.
pub fn bring_up(socket: impl AsFd, name: &str) -> Result<()> {
    let socket = socket.as_fd();
    // SAFETY: `ifreq` is plain old data, for which all zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.len() >= request.ifr_name.len() {
        return Err(SysError::new("ioctl", format!("SIOCSIFFLAGS {name}"), Errno::NODEV));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    interface_ioctl(socket, libc::SIOCGIFFLAGS as _, &mut request)
        .map_err(|errno| SysError::new("ioctl", format!("SIOCGIFFLAGS {name}"), errno))?;
    // SAFETY: SIOCGIFFLAGS filled in `ifru_flags`, and it was initialised before.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    let up = libc::IFF_UP as libc::c_short;
    if flags & up != 0 {
        return Ok(());
    }
    request.ifr_ifru.ifru_flags = flags | up;
    interface_ioctl(socket, libc::SIOCSIFFLAGS as _, &mut request)
        .map_err(|errno| SysError::new("ioctl", format!("SIOCSIFFLAGS {name} up"), errno))
}

/// The two ioctls above, which read and write one `ifreq`.
fn interface_ioctl(
    socket: BorrowedFd<'_>,
    operation: libc::Ioctl,
    request: &mut libc::ifreq,
) -> std::result::Result<(), Errno> {
    // SAFETY: both operations take a pointer to an ifreq, which is alive for the call.
    match unsafe { libc::ioctl(socket.as_raw_fd(), operation, &raw mut *request) } {
        0 => Ok(()),
        _ => Err(last_errno()),
    }
}

/// Lets the kernel answer a failed request on this netlink socket with words beside the errno
/// (NETLINK_EXT_ACK).
///
/// # Errors
/// ENOPROTOOPT where the socket is not a netlink socket.
pub fn report_details(socket: impl AsFd) -> Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the option is an int, whose address and size are given.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_NETLINK,
            libc::NETLINK_EXT_ACK,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    match failed {
        0 => Ok(()),
        _ => Err(SysError::new("setsockopt", "NETLINK_EXT_ACK", last_errno())),
    }
}
