//! The descriptors that came with the plan, at the numbers where they are wanted.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::mount::{OpenTreeFlags, open_tree};
use sys::Context;

use crate::plan::Descriptor;
use crate::wire::Socket;
use crate::{Error, ErrorKind, Result};

/// What came, by purpose.
#[derive(Debug, Default)]
pub struct Descriptors {
    /// See [`Descriptor::Cgroup`].
    pub cgroup: Option<OwnedFd>,
    /// See [`Descriptor::Init`].
    pub init: Option<OwnedFd>,
    /// See [`Descriptor::Root`].
    pub root: Option<OwnedFd>,
    /// See [`Descriptor::StartSocket`].
    pub start_socket: Option<OwnedFd>,
    /// The program's own, at their numbers, close-on-exec but for 0 to 2.
    program: Vec<OwnedFd>,
}

impl Descriptors {
    /// Puts the program's descriptors at their numbers; whatever of ours is in the way moves up,
    /// the socket too.
    pub fn place(purposes: &[Descriptor], fds: Vec<OwnedFd>, socket: &mut Socket) -> Result<Self> {
        if purposes.len() != fds.len() {
            let message = format!("{} descriptors came with {}", fds.len(), purposes.len());
            return Err(Error::new(ErrorKind::System, message));
        }
        let numbers = purposes.iter().filter_map(|purpose| match purpose {
            Descriptor::Program(number) => Some(number + 1),
            _ => None,
        });
        let free = numbers.max().unwrap_or(0).max(3);
        if socket.as_fd().as_raw_fd() < free {
            *socket = Socket::from_fd(above(socket.as_fd(), free)?);
        }
        let mut moved = Vec::with_capacity(fds.len());
        for fd in fds {
            moved.push(if fd.as_raw_fd() < free { above(fd.as_fd(), free)? } else { fd });
        }
        let mut placed = Self::default();
        for (purpose, fd) in purposes.iter().zip(moved) {
            match purpose {
                Descriptor::Program(number) => {
                    placed.program.push(sys::close::duplicate_to(fd.as_fd(), *number)?);
                }
                Descriptor::Cgroup => placed.cgroup = Some(fd),
                Descriptor::Init => placed.init = Some(fd),
                Descriptor::Root => placed.root = Some(fd),
                Descriptor::StartSocket => placed.start_socket = Some(fd),
            }
        }
        Ok(placed)
    }

    /// Makes the control group's directory the root of a mount of its own that is mounted nowhere:
    /// no `..` leads out of it. Where the caller may not do that (in a user namespace), it stays.
    pub fn confine_cgroup(&mut self) {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH;
        if let Some(group) = &self.cgroup
            && let Ok(confined) = open_tree(group, c"", flags)
        {
            self.cgroup = Some(confined);
        }
    }

    /// Lets the program have its descriptors; the last thing before execve.
    pub fn release(&self) -> Result<()> {
        for fd in &self.program {
            fcntl_setfd(fd, FdFlags::empty()).sys("fcntl", || "F_SETFD")?;
        }
        Ok(())
    }
}

fn above(fd: std::os::fd::BorrowedFd<'_>, least: RawFd) -> Result<OwnedFd> {
    Ok(fcntl_dupfd_cloexec(fd, least).sys("fcntl", || format!("F_DUPFD_CLOEXEC {least}"))?)
}
