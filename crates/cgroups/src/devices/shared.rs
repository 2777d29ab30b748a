//! One device program for several groups of the same rules: the verifier's work is most of what
//! the devices cost a start, and each program takes the kernel some pages.
//!
//! A program is never changed once it is loaded; a group whose rules change gets another in its
//! place, and the others keep theirs. It lives as long as a group or a descriptor has it. So whose
//! program it was does not matter, if only it is the same. One that is found at a neighbour (the
//! groups beside ours may belong to anybody, and come and go at any time) is taken only if the
//! kernel says that its every instruction is the one that we would have loaded, by the same user
//! and under our name. These instructions call nothing and use no map, so there is nothing else
//! that its behaviour could depend on; without BTF no other program can be attached to it, to run
//! in its place. The kernel tells this of the descriptor that is then attached: an id or a name
//! that has come to mean something else does no harm. Where anything is different, or fails (no
//! CAP_SYS_ADMIN, a JIT that rewrites or blinds instructions), a program is loaded.

use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, FileType, RawDir};
use sys::bpf::{self, Instruction};

use super::bpf::NAME;
use crate::file::Dir;

/// The device program that was put on a group last, for the next group whose rules are the same
/// ([`Manager::set_first`](crate::Manager::set_first)). It holds one descriptor (close-on-exec)
/// once there is one; it may be used by several threads.
#[derive(Debug, Default)]
pub struct DevicePrograms(Mutex<Option<Last>>);

#[derive(Debug)]
struct Last {
    instructions: Vec<Instruction>,
    program: Arc<OwnedFd>,
}

impl DevicePrograms {
    /// Attaches a program of these instructions to a group that has none of ours.
    pub(super) fn attach(&self, group: &Dir, instructions: Vec<Instruction>) -> sys::Result<()> {
        let attach = |program: &OwnedFd| bpf::attach_cgroup_device(group, program, None);
        if self.last(&instructions).is_some_and(|last| attach(&last).is_ok()) {
            return Ok(());
        }
        let known = neighbours(group, &instructions).filter(|found| attach(found).is_ok());
        let program = match known {
            Some(known) => known,
            None => {
                let program = bpf::load_cgroup_device(NAME, &instructions)?;
                attach(&program)?;
                program
            }
        };
        let last = Last { instructions, program: Arc::new(program) };
        let before = self.lock().replace(last);
        drop(before);
        Ok(())
    }

    fn last(&self, instructions: &[Instruction]) -> Option<Arc<OwnedFd>> {
        let last = self.lock();
        last.as_ref().filter(|it| it.instructions == instructions).map(|it| it.program.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Last>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The very program on the first neighbour that is seen. No more are looked at: those beside us
/// are mostly of one kind, and it must cost next to nothing where they are not.
fn neighbours(group: &Dir, instructions: &[Instruction]) -> Option<OwnedFd> {
    let neighbour = neighbour(group)?;
    let same = |program: &OwnedFd| {
        bpf::is_cgroup_device(program, NAME, instructions).is_ok_and(|same| same)
    };
    // A unit of systemd's has one of its own as well.
    let ids = bpf::query_cgroup_device(&neighbour).ok()?.into_iter().take(2);
    ids.filter_map(|id| bpf::program_by_id(id).ok()).find(same)
}

/// So many times 1 KiB of names is looked through for a neighbour at most: a group's own files are
/// less than 3 KiB, and where there are many neighbours the first of them comes early.
const READS: u8 = 4;

/// A group beside this one, if one is among the first names there.
fn neighbour(group: &Dir) -> Option<Dir> {
    // The link count of a group is 2 and one for each below.
    if rustix::fs::statat(group, "..", AtFlags::empty()).ok()?.st_nlink <= 3 {
        return None;
    }
    let parent = group.parent().ok()?;
    let mut space = [MaybeUninit::uninit(); 1024];
    let mut names = RawDir::new(&parent, &mut space);
    let mut reads = 0;
    while let Some(Ok(entry)) = names.next() {
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        let own = name == "." || name == ".." || group.path().file_name() == Some(name);
        if entry.file_type() == FileType::Directory && !own {
            return parent.child(name).ok();
        }
        if names.is_buffer_empty() {
            reads += 1;
            if reads == READS {
                return None;
            }
        }
    }
    None
}
