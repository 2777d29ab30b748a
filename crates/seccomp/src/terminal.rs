//! A filter against input pushed into somebody else's terminal (CVE-2017-5226).

use crate::rules::{Action, Architecture, Arg, Op, Profile, Rule};

/// Push a byte into the terminal's input (asm-generic/ioctls.h).
const TIOCSTI: u64 = 0x5412;
/// Among others, paste the selection of a virtual console into its input.
const TIOCLINUX: u64 = 0x541c;

/// Everything allowed but the requests TIOCSTI and TIOCLINUX of ioctl(2), which fail with EPERM.
///
/// Only the low half of the request is compared, since the kernel ignores the high one. All
/// architectures of the machine are covered, so that 32-bit programs run.
#[must_use]
pub fn tiocsti_filter() -> Profile {
    let deny = |request| Rule {
        names: vec!["ioctl".into()],
        numbers: Vec::new(),
        action: Action::Errno,
        errno_ret: None,
        args: vec![Arg { index: 1, value: 0xffff_ffff, value_two: request, op: Op::MaskedEq }],
    };
    Profile {
        default_action: Action::Allow,
        default_errno_ret: None,
        architectures: vec![
            Architecture::X86_64,
            Architecture::X86,
            Architecture::X32,
            Architecture::Aarch64,
            Architecture::Arm,
        ],
        flags: Vec::new(),
        listener_path: String::new(),
        listener_metadata: String::new(),
        syscalls: vec![deny(TIOCSTI), deny(TIOCLINUX)],
    }
}

#[cfg(test)]
mod tests;
