//! What can go wrong with a cgroup, kept as data.

use std::fmt;
use std::path::PathBuf;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sys::SysError;

/// The result of a cgroup operation.
pub type Result<T> = std::result::Result<T, Error>;

/// A cgroup operation that failed. Its `Display` is one whole line: what, where and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Error {
    /// No cgroup file system is mounted where this host needs it.
    NotMounted {
        /// What was looked for, and where.
        what: String,
    },
    /// The group exists and processes live in it: another container's, or somebody else's.
    InUse {
        /// The directory in the cgroup file system.
        path: PathBuf,
        /// One of the processes, or 0 where it cannot be seen from this pid namespace.
        pid: i32,
    },
    /// A limit was asked for that this host has no controller or control file for.
    Unsupported {
        /// The controller, as /proc/cgroups or cgroup.controllers names it.
        controller: String,
        /// The limit, or the control file that is not there.
        key: String,
        /// How to get it.
        hint: String,
    },
    /// A value that can never be right.
    Invalid {
        /// The field of [`Resources`](crate::Resources), or the argument.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The kernel did not do something within the time that it is given.
    TimedOut {
        /// What was waited for, and where.
        what: String,
        /// How long, in milliseconds.
        milliseconds: u64,
    },
    /// systemd is asked for where there is none, or none that can be reached.
    NoSystemd {
        /// What is missing.
        what: String,
    },
    /// A unit of this name exists, and is somebody else's.
    UnitExists {
        /// Its name.
        unit: String,
    },
    /// systemd, or the message bus, refused.
    Bus {
        /// What was asked for, for instance `starting web.scope`.
        what: String,
        /// The error's D-Bus name.
        name: String,
        /// The words that came with it.
        message: String,
    },
    /// A control file reads differently from what the kernel documents.
    Malformed {
        /// The control file.
        path: PathBuf,
        /// The part that was not understood.
        text: String,
    },
    /// A system call failed.
    System {
        /// What was being done, for instance `writing "4096" to memory.max of /sys/fs/cgroup/x`.
        what: String,
        /// What this errno often means here; may be empty.
        hint: String,
        /// The call.
        source: SysError,
    },
}

impl Error {
    /// The errno, where a system call failed.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::System { source, .. } => Some(source.errno()),
            _ => None,
        }
    }

    /// Whether the group (or one of its files) is not there, or no longer.
    pub fn is_gone(&self) -> bool {
        matches!(self.errno(), Some(Errno::NOENT | Errno::NODEV))
    }

    pub(crate) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }

    pub(crate) fn unsupported(controller: &str, key: &str, hint: impl Into<String>) -> Self {
        Self::Unsupported {
            controller: controller.to_owned(),
            key: key.to_owned(),
            hint: hint.into(),
        }
    }

    pub(crate) fn system(what: impl Into<String>, source: SysError) -> Self {
        Self::System { what: what.into(), hint: String::new(), source }
    }

    /// The same error with a hint, where a system call failed with `errno`.
    pub(crate) fn hinted(mut self, errno: Errno, text: impl FnOnce() -> String) -> Self {
        if let Self::System { hint, source, .. } = &mut self
            && source.errno() == errno
            && hint.is_empty()
        {
            *hint = text();
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMounted { what } => write!(f, "no cgroup file system: {what}"),
            Self::InUse { path, pid: 0 } => {
                write!(
                    f,
                    "cgroup {} is in use by processes of another pid namespace",
                    path.display()
                )
            }
            Self::InUse { path, pid } => {
                write!(f, "cgroup {} is in use by process {pid}", path.display())
            }
            Self::Unsupported { controller, key, hint } => {
                write!(f, "{key} needs the cgroup controller {controller}: {hint}")
            }
            Self::Invalid { field, reason } => write!(f, "{field}: {reason}"),
            Self::TimedOut { what, milliseconds } => {
                write!(f, "{what}: not done after {milliseconds} ms")
            }
            Self::NoSystemd { what } => write!(f, "systemd cannot make the cgroup: {what}"),
            Self::UnitExists { unit } => {
                write!(f, "systemd has a unit {unit} already: stop it, or name another")
            }
            Self::Bus { what, name, message } if message.is_empty() => write!(f, "{what}: {name}"),
            Self::Bus { what, message, .. } => write!(f, "{what}: {message}"),
            Self::Malformed { path, text } => {
                write!(f, "{}: cannot understand {text:?}", path.display())
            }
            Self::System { what, hint, source } if hint.is_empty() => {
                write!(f, "{what}: {}", source.words())
            }
            Self::System { what, hint, source } => {
                write!(f, "{what}: {} ({hint})", source.words())
            }
        }
    }
}

/// `source()` is none: the one line of `Display` already says what the system call said.
impl std::error::Error for Error {}
