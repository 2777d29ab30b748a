//! Loading compiled filters (seccomp(2)).

use std::os::fd::OwnedFd;

use ::seccomp::{Flag, Program};
use rustix::io::Errno;
use sys::seccomp::Instruction;

use super::failed;
use crate::Result;

/// SECCOMP_FILTER_FLAG_NEW_LISTENER
const NEW_LISTENER: u32 = 1 << 3;
/// SECCOMP_FILTER_FLAG_TSYNC_ESRCH: the kernel wants it where TSYNC and NEW_LISTENER meet.
const TSYNC_ESRCH: u32 = 1 << 4;

/// Loads the filters in order; `hand_over` gets the listener of the one that needs it.
pub(super) fn load(
    programs: &[Program],
    hand_over: &mut dyn FnMut(OwnedFd) -> Result<()>,
) -> Result<()> {
    // All of them before the first: memory is taken and given back by system calls.
    let prepared: Vec<(u32, Vec<Instruction>)> = programs.iter().map(prepare).collect();
    for (flags, instructions) in &prepared {
        let advice = [
            (Errno::ACCESS, "without no_new_privileges it needs CAP_SYS_ADMIN"),
            (Errno::INVAL, "the kernel does not know all of the filter's flags"),
            (Errno::BUSY, "the caller's own filter has a listener already"),
        ];
        let listener = sys::seccomp::load(instructions, *flags)
            .map_err(|error| failed(error, "loading a system-call filter", &advice))?;
        if let Some(listener) = listener {
            hand_over(listener)?;
        }
    }
    Ok(())
}

fn prepare(program: &Program) -> (u32, Vec<Instruction>) {
    let instruction =
        |i: &::seccomp::SockFilter| Instruction { code: i.code, jt: i.jt, jf: i.jf, k: i.k };
    let tsync = program.flags & Flag::Tsync.bit() != 0;
    let flags = match program.needs_listener {
        true if tsync => program.flags | NEW_LISTENER | TSYNC_ESRCH,
        true => program.flags | NEW_LISTENER,
        // It is about waiting for an agent, and refused where there is none.
        false => program.flags & !Flag::WaitKillableRecv.bit(),
    };
    (flags, program.filter.iter().map(instruction).collect())
}

#[cfg(test)]
mod tests;
