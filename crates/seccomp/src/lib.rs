//! Seccomp rules compiled to classic BPF: pure computation, no system call, no dependency on the
//! rest of the project. Loading a [`Program`] is done elsewhere (seccomp(2),
//! `SECCOMP_SET_MODE_FILTER`).
//!
//! ```
//! use seccomp::{Arch, Options, Profile, compile, default_profile};
//!
//! # if let Some(native) = Arch::native() {
//! let profile: Profile = default_profile(&|capability| capability == "CAP_CHOWN");
//! let program = compile(&profile, Options::new(native))?;
//! assert!(program.filter.len() < 4096 && !program.needs_listener);
//! # }
//! # Ok::<(), seccomp::Error>(())
//! ```
//!
//! # What a profile means
//!
//! The model is that of the OCI runtime specification (config-linux.md, "Seccomp"), whose meaning
//! is that of libseccomp. Where the specification is silent:
//!
//! - The native architecture is always covered; listed ones are added if this kind of machine can
//!   make their calls, the others (a MIPS on an x86-64) are left out, since nothing can ever reach
//!   them. A call of an architecture that is not covered kills the thread, as libseccomp does.
//!   x32 is an architecture of its own: without it, numbers with bit 30 set are such calls (but for
//!   -1, which no table has and a tracer uses to skip a call: it gets the default action).
//! - The arguments (`args`) of one rule must all match, also two on the same argument. (runc splits
//!   such a rule into alternatives.)
//! - Several rules for one call are alternatives. One without `args` decides alone, whatever its
//!   place; of two such the first. Otherwise the first whose arguments match decides, in the order
//!   of the profile; if none does, the default action.
//! - A rule whose outcome is the default's is dropped, so it shields nothing from later rules.
//! - `SCMP_CMP_MASKED_EQ` takes the mask in `value` and compares with `valueTwo & mask`.
//! - On the 32-bit architectures (x86, x32, arm) arguments and values are cut to 32 bits, so that
//!   a -1 written with 64 bits matches.
//! - On x86 a rule for a socket or System V IPC call holds for its entry in socketcall(2) and
//!   ipc(2) too, after what the profile says of these. A rule with `args` cannot be tested there,
//!   since the arguments are in memory: it holds without them if it restricts, and not at all if it
//!   is ALLOW or LOG. (libseccomp lets it hold in both cases, and so permits too much.)
//! - Where several rules for a call match with different outcomes, libseccomp refuses some of them
//!   (EEXIST), and tries the others in an order of its own.
//! - Names that no table of ours knows are skipped and reported in [`Program::skipped`].
//! - Where the default action forbids (errno, trap, kill), calls newer than any that the profile
//!   names fail with ENOSYS instead, so that a C library falls back to an older call: see
//!   [`Options::newer_is_enosys`].
#![forbid(unsafe_code)]

mod arch;
mod assemble;
mod compare;
mod compile;
mod default_profile;
mod error;
mod filter;
pub mod interpreter;
mod legacy;
mod merge;
mod ranges;
mod reading;
mod record;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod reference;
mod resolve;
mod rules;
mod sound;
mod table;
mod terminal;

pub use arch::Arch;
pub use compile::{Options, compile};
pub use default_profile::default_profile;
pub use error::Error;
pub use filter::{MAX_INSTRUCTIONS, Program, SockFilter};
pub use legacy::{LegacyArg, LegacyProfile, LegacyRule};
pub use record::{Recording, recording_profile};
pub use resolve::Rules;
pub use rules::{Action, Architecture, Arg, Flag, Op, Profile, Rule};
pub use terminal::tiocsti_filter;
