//! The profile that nsinit uses where the user gives none: what programs need is allowed, the rest
//! fails with EPERM.
//!
//! A call is left out if it acts on the machine and not on the container (clocks, modules, swap),
//! if what it gives is not namespaced (keyrings), if it widens the kernel's attack surface beyond
//! what programs need (io_uring, userfaultfd, bpf, namespaces made by an unprivileged process), or
//! if nothing has used it for decades. Calls that a capability guards come with that capability:
//! who grants the capability wants its calls.

mod calls;

use crate::rules::{Action, Architecture, Arg, Op, Profile, Rule};

/// The low half of a register, for arguments of which the kernel ignores the high one.
const INT: u64 = 0xffff_ffff;

/// All CLONE_NEW* flags that clone(2) takes: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and
/// NEWNET (linux/sched.h).
const NEW_NAMESPACES: u64 = 0x7e02_0000;

/// UNAME26 and PER_LINUX32 (linux/personality.h).
const HARMLESS_PERSONALITY: u64 = 0x002_0000 | 0x8;

/// Talks to the hypervisor's host or to sibling machines past any network namespace
/// (linux/socket.h).
const AF_VSOCK: u64 = 40;

// asm-generic/errno.h
const ENOSYS: u32 = 38;
const EAFNOSUPPORT: u32 = 97;

/// The default profile for a process whose bounding set has the capabilities for which `granted`
/// says true, by names such as `CAP_SYS_ADMIN`.
///
/// Denied calls fail with EPERM, but clone3 fails with ENOSYS: its flags are in memory, which a
/// filter cannot read, and C libraries fall back to clone. 32-bit programs of the same machine are
/// covered, x32 is not.
///
/// One hole stays, as in the profiles of today's engines: AF_VSOCK is denied to socket(2), not to
/// socketcall(2), which 32-bit C libraries need for every socket.
#[must_use]
pub fn default_profile(granted: &dyn Fn(&str) -> bool) -> Profile {
    let mut allowed = Vec::with_capacity(512);
    allowed.extend(calls::ALWAYS.split_ascii_whitespace().map(Into::into));
    for (capabilities, calls) in calls::WITH_CAPABILITY {
        if capabilities.split_ascii_whitespace().any(granted) {
            allowed.extend(calls.split_ascii_whitespace().map(Into::into));
        }
    }
    let allowed = Rule {
        names: allowed,
        numbers: Vec::new(),
        action: Action::Allow,
        errno_ret: None,
        args: Vec::new(),
    };
    let mut rules = vec![
        allowed,
        allow("personality", arg(0, Op::MaskedEq, INT & !HARMLESS_PERSONALITY, 0)),
        // -1 asks for the present one.
        allow("personality", arg(0, Op::MaskedEq, INT, INT)),
    ];
    // The first that matches decides, and a mask of 0 matches always. The errno is what a kernel
    // without the family says.
    let family = arg(0, Op::MaskedEq, INT, AF_VSOCK);
    rules.push(rule("socket", Action::Errno, Some(EAFNOSUPPORT), vec![family]));
    rules.push(allow("socket", arg(0, Op::MaskedEq, 0, 0)));
    if !granted("CAP_SYS_ADMIN") {
        rules.push(allow("clone", arg(0, Op::MaskedEq, NEW_NAMESPACES, 0)));
        rules.push(rule("clone3", Action::Errno, Some(ENOSYS), Vec::new()));
    }
    Profile {
        default_action: Action::Errno,
        default_errno_ret: None,
        architectures: vec![
            Architecture::X86_64,
            Architecture::X86,
            Architecture::Aarch64,
            Architecture::Arm,
        ],
        flags: Vec::new(),
        listener_path: String::new(),
        listener_metadata: String::new(),
        syscalls: rules,
    }
}

fn rule(name: &'static str, action: Action, errno_ret: Option<u32>, args: Vec<Arg>) -> Rule {
    Rule { names: vec![name.into()], numbers: Vec::new(), action, errno_ret, args }
}

fn allow(name: &'static str, arg: Arg) -> Rule {
    rule(name, Action::Allow, None, vec![arg])
}

const fn arg(index: u32, op: Op, value: u64, value_two: u64) -> Arg {
    Arg { index, value, value_two, op }
}

#[cfg(test)]
mod tests;
