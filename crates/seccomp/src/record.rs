//! Profiles from what a program does: a filter that reports every call, and the profile that
//! permits what was reported.

use std::collections::BTreeSet;

use crate::arch::Arch;
use crate::rules::{Action, Architecture, Flag, Profile, Rule};
use crate::table;

/// A runtime calls these when the filter is in force and the agent does not have its listener yet,
/// so no agent is asked for them.
const UNSEEN: [&str; 2] = ["sendmsg", "write"];

/// Whether these are called is a matter of time, of signals, of how the program is ended, or, for
/// execve, of the runtime.
const BY_CHANCE: [&str; 5] = ["execve", "exit", "exit_group", "restart_syscall", "rt_sigreturn"];

/// ENOSYS (asm-generic/errno.h)
const ENOSYS: u32 = 38;

/// A profile that permits everything and asks the agent at `listener_path` first, so that it can
/// note the call and let it go on ([`Recording`]).
///
/// It covers every call that our tables know, on all architectures of the machine, but for write
/// and sendmsg. A call that the agent has received is not interrupted by signals that do not kill
/// (Linux 5.19), which the program is not prepared for.
#[must_use]
pub fn recording_profile(listener_path: String) -> Profile {
    let names = table::names().filter(|name| !UNSEEN.contains(name)).map(Into::into).collect();
    let report = Rule {
        names,
        numbers: Vec::new(),
        action: Action::Notify,
        errno_ret: None,
        args: Vec::new(),
    };
    Profile {
        default_action: Action::Allow,
        default_errno_ret: None,
        architectures: Arch::ALL.map(Arch::architecture).into(),
        flags: vec![Flag::WaitKillableRecv],
        listener_path,
        listener_metadata: String::new(),
        syscalls: vec![report],
    }
}

/// The calls that were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// `AUDIT_ARCH_*` and number.
    seen: BTreeSet<(u32, u32)>,
}

impl Recording {
    /// Notes a call: `seccomp_data.arch` and `seccomp_data.nr`.
    pub fn note(&mut self, arch: u32, nr: u32) {
        self.seen.insert((arch, nr));
    }

    /// How many different calls were noted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// The smallest profile, without conditions on arguments, with which a program that makes these
    /// calls works on a machine whose native architecture is `native`: the names in order, the
    /// architectures that were seen, and the few calls that cannot be seen or come by chance.
    ///
    /// What it leaves out fails with ENOSYS, as on a kernel that does not have it: where a C
    /// library tries something newer first, that is what makes it fall back.
    #[must_use]
    pub fn profile(&self, native: Arch) -> Profile {
        let seen = |arch: Arch| {
            self.seen.iter().filter(move |(audit, nr)| {
                *audit == arch.audit() && (arch == Arch::X32) == (arch.is_x32_number(*nr))
            })
        };
        let arches: Vec<Arch> = Arch::ALL
            .into_iter()
            .filter(|arch| *arch == native || seen(*arch).count() > 0)
            .collect();
        let mut names: BTreeSet<&'static str> = UNSEEN.into_iter().chain(BY_CHANCE).collect();
        for arch in &arches {
            names.extend(seen(*arch).filter_map(|(_, nr)| arch.name(*nr)));
        }
        let permitted = Rule {
            names: names.into_iter().map(Into::into).collect(),
            numbers: Vec::new(),
            action: Action::Allow,
            errno_ret: None,
            args: Vec::new(),
        };
        let architectures: Vec<Architecture> =
            arches.iter().map(|arch| arch.architecture()).collect();
        Profile {
            default_action: Action::Errno,
            default_errno_ret: Some(ENOSYS),
            architectures,
            flags: Vec::new(),
            listener_path: String::new(),
            listener_metadata: String::new(),
            syscalls: vec![permitted],
        }
    }
}

#[cfg(test)]
mod tests;
