//! Idmapped mounts: a user namespace on a detached tree (mount_setattr(2), "ID-mapped mounts").
//!
//! It is done in the host's view: the kernel asks for CAP_SYS_ADMIN in the user namespace that
//! the file system belongs to.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use sys::Context;
use sys::fork::{Birth, Fork, fork};
use sys::namespace::flag;

use crate::config::IdMap;
use crate::plan::mounts::{Idmap, Users};
use crate::procfs::Procfs;
use crate::{Error, Result, Step};

/// The user namespaces that mounts of one container have asked for so far.
#[derive(Debug, Default)]
pub(super) struct Namespaces(Vec<(Users, OwnedFd)>);

impl Namespaces {
    /// Maps the ids of `tree`, which nobody has seen yet.
    pub(super) fn apply(
        &mut self,
        tree: BorrowedFd<'_>,
        idmap: &Idmap,
        proc: &Procfs,
    ) -> Result<()> {
        let namespace = self.of(&idmap.users, proc)?;
        sys::mount::map_ids(tree, namespace, idmap.recursive).map_err(|error| {
            let hint = match error.errno() {
                Errno::INVAL if idmap.recursive => {
                    "this file system, or one that is mounted below, cannot be idmapped"
                }
                Errno::INVAL => "this file system cannot be idmapped",
                Errno::PERM => {
                    "it takes CAP_SYS_ADMIN in the user namespace that the file system belongs to, \
                     and a mount that is not mapped yet"
                }
                Errno::NOSYS => "idmapped mounts need Linux 5.12",
                _ => return error.into(),
            };
            Error::from(error).with_hint(hint)
        })
    }

    fn of(&mut self, users: &Users, proc: &Procfs) -> Result<BorrowedFd<'_>> {
        let known = self.0.iter().position(|(other, _)| other == users);
        let index = match known {
            Some(index) => index,
            None => {
                let namespace = match users {
                    Users::At(path) => open(path)?,
                    Users::New(uids, gids) => {
                        make(uids, gids, proc).step(|| "making a user namespace for its ids")?
                    }
                };
                self.0.push((users.clone(), namespace));
                self.0.len() - 1
            }
        };
        Ok(self.0[index].1.as_fd())
    }
}

fn open(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(openat(CWD, path, flags, Mode::empty()).sys("openat", || path.display().to_string())?)
}

/// A user namespace with these maps, of which a process is only needed until it is open.
fn make(uids: &[IdMap], gids: &[IdMap], proc: &Procfs) -> Result<OwnedFd> {
    let (wait, _held) = pipe_with(PipeFlags::CLOEXEC).sys("pipe2", String::new)?;
    let birth = Birth { namespaces: flag::USER, ..Birth::default() };
    match fork(&birth)? {
        Fork::Child => {
            drop(_held);
            // Ends when the other side does, whatever ends that.
            let _ = rustix::io::retry_on_intr(|| rustix::io::read(&wait, &mut [0; 1]));
            std::process::exit(0);
        }
        Fork::Parent { pid, pidfd } => {
            let pid = pid.as_raw_nonzero();
            let opened = proc
                .write(format!("{pid}/uid_map"), &lines(uids))
                .and_then(|()| proc.write(format!("{pid}/gid_map"), &lines(gids)))
                .and_then(|()| proc.open_link(format!("{pid}/ns/user")));
            pidfd_send_signal(&pidfd, Signal::KILL).sys("pidfd_send_signal", String::new)?;
            rustix::io::retry_on_intr(|| {
                waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED)
            })
            .sys("waitid", String::new)?;
            opened
        }
    }
}

/// user_namespaces(7), "uid_map and gid_map".
fn lines(maps: &[IdMap]) -> Vec<u8> {
    let line = |map: &IdMap| format!("{} {} {}\n", map.container_id, map.host_id, map.size);
    maps.iter().map(line).collect::<String>().into_bytes()
}
