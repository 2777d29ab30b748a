//! Why a profile cannot be compiled.

use std::fmt;

use crate::rules::Action;

/// A profile that is wrong. `path` is the field's place inside the profile, for example
/// `syscalls[3].args[0].index`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// An errno was given for an action that returns none (the specification makes it an error).
    ErrnoWithoutUse {
        /// The field.
        path: String,
        /// The action that takes no errno.
        action: Action,
    },
    /// An errno above 4095, the kernel's MAX_ERRNO, or above 65535 for SCMP_ACT_TRACE.
    ErrnoTooLarge {
        /// The field.
        path: String,
        /// The value given.
        value: u32,
    },
    /// A system call has arguments 0 to 5.
    ArgumentIndex {
        /// The field.
        path: String,
        /// The value given.
        index: u32,
    },
    /// A rule that names no system call.
    NoNames {
        /// The field.
        path: String,
    },
    /// An action of a 2015 container.json that is none of -3, -2, -1 and 0 to 4095.
    LegacyAction {
        /// The field.
        path: String,
        /// The value given.
        value: i64,
    },
    /// An operator of a 2015 container.json that is none of 0 to 4.
    LegacyOp {
        /// The field.
        path: String,
        /// The value given.
        value: i64,
    },
    /// The filter is longer than the kernel takes ([`crate::MAX_INSTRUCTIONS`]).
    TooLong {
        /// Its length in instructions.
        instructions: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::ErrnoWithoutUse { path, action } => {
                write!(f, "{path}: the action {} returns no errno", action.name())
            }
            Error::ErrnoTooLarge { path, value } => {
                write!(f, "{path}: {value} is too large for an errno")
            }
            Error::ArgumentIndex { path, index } => {
                write!(f, "{path}: a system call has the arguments 0 to 5, not {index}")
            }
            Error::NoNames { path } => write!(f, "{path}: no system call is named"),
            Error::LegacyAction { path, value } => write!(
                f,
                "{path}: unknown action {value} (-3 kill, -2 trap, -1 allow, 0 to 4095 errno)"
            ),
            Error::LegacyOp { path, value } => {
                write!(f, "{path}: unknown operator {value} (0 ==, 1 !=, 2 >, 3 <, 4 masked ==)")
            }
            Error::TooLong { instructions } => write!(
                f,
                "the filter has {instructions} instructions, the kernel takes {}",
                crate::MAX_INSTRUCTIONS
            ),
        }
    }
}

impl std::error::Error for Error {}
