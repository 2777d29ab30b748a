//! Stage 0 as CRIU: for a restore in a mount namespace of its own, with what it shall mount in
//! reach; then CRIU is executed in its place.

use std::convert::Infallible;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{set_parent_process_death_signal, setsid};
use sys::Context;
use sys::namespace::{flag, unshare};

use crate::init::descriptors::Descriptors;
use crate::plan::{CriuPlan, Descriptor};
use crate::procfs::Procfs;
use crate::wire::{FromInit, Socket};
use crate::{Error, ErrorKind, Result, Step, rootfs};

/// Returns only when something failed.
pub fn become_criu(plan: CriuPlan, fds: Vec<OwnedFd>, socket: &mut Socket) -> Result<Infallible> {
    let mut fds = fds.into_iter();
    let (Some(null), Some(images), Some(work)) = (fds.next(), fds.next(), fds.next()) else {
        return Err(Error::new(ErrorKind::System, "CRIU's descriptors have not come along"));
    };
    let mut directories = [images, work];
    if let Some(layout) = &plan.layout {
        let proc = Procfs::open().step(|| "opening /proc")?;
        let sources = rootfs::open_sources(&layout.rootfs, &proc)?;
        // Those that are open belong to another mount namespace from now on, where CRIU, which
        // works in its directories, cannot mount.
        let carried = rootfs::carry(&directories)?;
        unshare(flag::MOUNT)?;
        directories = rootfs::lay_out(layout, sources, carried, &proc)?;
    }
    // CRIU takes the numbers of directories for those of whoever has made its socket.
    let (theirs, ours) = Socket::pair()?;
    let copy = || null.try_clone().sys("fcntl", || "F_DUPFD_CLOEXEC");
    let mut placed = vec![copy()?, copy()?, null.try_clone().sys("fcntl", || "F_DUPFD_CLOEXEC")?];
    placed.push(ours.into_fd());
    placed.extend(directories);
    placed.extend(fds);
    let count = i32::try_from(placed.len()).unwrap_or(i32::MAX);
    let numbers: Vec<_> = (0..count).map(Descriptor::Program).collect();
    // Out of the way of those that get their numbers now.
    let theirs = fcntl_dupfd_cloexec(&theirs, count).sys("fcntl", || "F_DUPFD_CLOEXEC")?;
    let descriptors = Descriptors::place(&numbers, placed, socket)?;
    socket.send(&FromInit::Criu, &[theirs.as_fd()])?;
    drop(theirs);
    // No key that is typed reaches it.
    setsid().sys("setsid", || "")?;
    if plan.survives {
        set_parent_process_death_signal(None).sys("prctl", || "PR_SET_PDEATHSIG")?;
    }
    rustix::process::chdir("/").sys("chdir", || "/")?;
    let text = |bytes: &[u8]| {
        CString::new(bytes).map_err(|_| Error::new(ErrorKind::System, "a NUL byte in an argument"))
    };
    let program = text(plan.program.as_os_str().as_bytes())?;
    let socket = CriuPlan::SOCKET.to_string();
    let args = [CString::from(c"criu"), CString::from(c"swrk"), text(socket.as_bytes())?];
    let env: Result<Vec<_>> = plan.env.iter().map(|one| text(one.as_bytes())).collect();
    let env = env?;
    descriptors.release()?;
    sys::signal::reset()?;
    Err(sys::exec::exec_path(&program, &args, &env).into())
}
