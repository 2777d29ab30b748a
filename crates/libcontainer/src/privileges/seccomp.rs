//! Loading compiled filters (seccomp(2)).

use std::os::fd::OwnedFd;

use ::seccomp::Program;
use rustix::io::Errno;
use sys::seccomp::Instruction;

use super::failed;
use crate::Result;

/// SECCOMP_FILTER_FLAG_NEW_LISTENER
const NEW_LISTENER: u32 = 1 << 3;

/// Loads the filters in order; the descriptor is the listener of the one that needs it.
pub(super) fn load(programs: &[Program]) -> Result<Option<OwnedFd>> {
    let mut listener = None;
    for program in programs {
        let instructions: Vec<Instruction> = program
            .filter
            .iter()
            .map(|i| Instruction { code: i.code, jt: i.jt, jf: i.jf, k: i.k })
            .collect();
        let flags = program.flags | if program.needs_listener { NEW_LISTENER } else { 0 };
        let advice = [
            (Errno::ACCESS, "without no_new_privileges it needs CAP_SYS_ADMIN"),
            (Errno::INVAL, "the kernel does not know all of the filter's flags"),
            (Errno::BUSY, "the caller's own filter has a listener already"),
        ];
        let loaded = sys::seccomp::load(&instructions, flags)
            .map_err(|error| failed(error, "loading a system-call filter", &advice))?;
        listener = loaded.or(listener);
    }
    Ok(listener)
}

#[cfg(test)]
mod tests;
