//! Idmapped mounts: a user namespace on a detached tree (mount_setattr(2), "ID-mapped mounts").
//!
//! It is done in the host's view: the kernel asks for CAP_SYS_ADMIN in the user namespace that
//! the file system belongs to.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, openat, statx};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use sys::Context;
use sys::fork::{Birth, Fork, fork};
use sys::mountinfo::unescape;
use sys::namespace::flag;

use super::attach::clone_tree;
use crate::config::IdMap;
use crate::plan::mounts::{Idmap, Users};
use crate::procfs::Procfs;
use crate::{Error, Result, Step};

/// The user namespaces that mounts of one container have asked for so far.
#[derive(Debug, Default)]
pub(super) struct Namespaces(Vec<(Users, OwnedFd)>);

impl Namespaces {
    /// Maps the ids of `tree`, a copy of what is mounted at `path` that nobody has seen yet.
    pub(super) fn map(
        &mut self,
        tree: OwnedFd,
        idmap: &Idmap,
        path: &Path,
        proc: &Procfs,
    ) -> Result<OwnedFd> {
        let namespace = self.of(&idmap.users, proc)?;
        let Err(error) = sys::mount::map_ids(tree.as_fd(), namespace, idmap.recursive) else {
            return Ok(tree);
        };
        let hint = match error.errno() {
            Errno::INVAL => match refusing(path, idmap.recursive, namespace, proc) {
                Some(which) => which,
                None => "this file system cannot be idmapped".to_owned(),
            },
            Errno::PERM => "it takes CAP_SYS_ADMIN in the user namespace that the file system \
                            belongs to, and a mount that is not mapped yet"
                .to_owned(),
            Errno::NOSYS => "idmapped mounts need Linux 5.12".to_owned(),
            _ => return Err(error.into()),
        };
        Err(Error::from(error).with_hint(hint))
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

/// The file system that refuses, of that at `path` and those below it.
fn refusing(
    path: &Path,
    recursive: bool,
    namespace: BorrowedFd<'_>,
    proc: &Procfs,
) -> Option<String> {
    let id = statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).ok()?.stx_mnt_id;
    let text = proc.read("self/mountinfo").ok()?;
    for line in text.split(|byte| *byte == b'\n') {
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let Some(place) = words.get(4) else { continue };
        let (top, place) = (words[0] == id.to_string().as_bytes(), unescape(place));
        if !(top || recursive && place.starts_with(path)) {
            continue;
        }
        let at = if top { path } else { place.as_path() };
        let Ok(tree) = clone_tree(CWD, at, false) else { continue };
        if sys::mount::map_ids(tree.as_fd(), namespace, false).is_ok() {
            continue;
        }
        let separator = words.iter().position(|word| *word == b"-")?;
        let fstype = String::from_utf8_lossy(words.get(separator + 1)?);
        let own = match &*fstype {
            "overlay" => "; its layers can, where it is mounted for the container (type overlay)",
            _ => "",
        };
        let at = at.display();
        return Some(format!("{at} is of the file system {fstype}, which cannot be idmapped{own}"));
    }
    None
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
