//! The one public error: what kind, the steps that led there, and the cause.

use std::fmt;

use serde::{Deserialize, Serialize};
use sys::SysError;

/// The result of everything public in this library.
pub type Result<T> = std::result::Result<T, Error>;

/// What a caller may want to branch on (`docs/errors.md` has the table).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A container with this id exists under the state root.
    IdInUse,
    /// The id has characters or a length that an id may not have.
    InvalidId,
    /// No container with this id is known under the state root.
    NotFound,
    /// The container is paused, and the operation needs it to run.
    Paused,
    /// The container still runs, and the operation needs it stopped.
    NotStopped,
    /// The container does not run, and the operation needs it to.
    NotRunning,
    /// The process has not been executed, or its program cannot be.
    ProcessNotExecuted,
    /// A hook of the container did not exit with 0.
    HookFailed,
    /// The configuration is wrong at this field.
    InvalidConfig {
        /// Where, as a path through the file: `mounts[2].options[0]`.
        field: String,
    },
    /// The kernel or the machine said no; the source has the system call.
    System,
}

/// An error of this library.
///
/// It reads as one line, the outermost step first: `starting container "web": mounting proc at
/// /proc: fsmount: Operation not permitted`. It is plain data, so that an error inside a
/// container's init reaches the caller whole over the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error(Box<Body>);

/// Boxed, so that a result is no larger for the error it may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Body {
    kind: ErrorKind,
    steps: Vec<String>,
    cause: Cause,
    hint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Cause {
    Message(String),
    System(SysError),
    Cgroup(cgroups::Error),
}

impl Error {
    /// An error of a kind, with a message that says what is wrong in one line.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::of(kind, Cause::Message(message.into()))
    }

    fn of(kind: ErrorKind, cause: Cause) -> Self {
        Self(Box::new(Body { kind, steps: Vec::new(), cause, hint: None }))
    }

    /// The configuration's `field` is wrong in the way `message` says.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidConfig { field: field.into() }, message)
    }

    /// What kind of error this is.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The errno of the system call at the bottom, if one failed.
    pub fn errno(&self) -> Option<i32> {
        match &self.0.cause {
            Cause::System(error) => Some(error.errno),
            Cause::Cgroup(error) => error.errno().map(rustix::io::Errno::raw_os_error),
            Cause::Message(_) => None,
        }
    }

    /// The chain of steps, outermost first, that led to the cause.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.0.steps.iter().rev().map(String::as_str)
    }

    /// What the reader can do about it, if we know.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The same error, seen from one step further out.
    #[must_use]
    pub fn within(mut self, step: impl Into<String>) -> Self {
        self.0.steps.push(step.into());
        self
    }

    /// The same error with advice for the reader; an earlier hint, nearer the cause, stays.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// The same error as another kind.
    #[must_use]
    pub fn as_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }
}

impl Error {
    /// The same error with the names that config.json has for its field, where that is one of a
    /// configuration in memory.
    #[must_use]
    pub(crate) fn in_oci_terms(mut self) -> Self {
        if let ErrorKind::InvalidConfig { field } = &mut self.0.kind {
            *field = crate::config::oci_field(field);
        }
        self
    }
}

impl From<SysError> for Error {
    fn from(error: SysError) -> Self {
        Self::of(ErrorKind::System, Cause::System(error))
    }
}

impl From<cgroups::Error> for Error {
    fn from(error: cgroups::Error) -> Self {
        Self::of(ErrorKind::System, Cause::Cgroup(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in self.steps() {
            write!(f, "{step}: ")?;
        }
        if let ErrorKind::InvalidConfig { field } = &self.0.kind
            && !field.is_empty()
        {
            write!(f, "{field}: ")?;
        }
        match &self.0.cause {
            Cause::Message(message) => write!(f, "{message}")?,
            Cause::System(error) if self.0.kind == ErrorKind::ProcessNotExecuted => {
                write!(f, "{} {}: {}", error.call, error.args, small(&error.words()))?;
            }
            Cause::System(error) => write!(f, "{error}")?,
            Cause::Cgroup(error) => write!(f, "{error}")?,
        }
        match &self.0.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// As container engines look for words about a program that cannot be executed: in small letters.
fn small(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            Cause::Message(_) => None,
            Cause::System(error) => Some(error),
            Cause::Cgroup(error) => Some(error),
        }
    }
}

/// Names the step where an error passes.
pub trait Step<T> {
    /// Adds the step to the error's chain; `step` is only evaluated on failure.
    fn step<S: Into<String>>(self, step: impl FnOnce() -> S) -> Result<T>;
    /// Adds advice for the reader to the error.
    fn hint<S: Into<String>>(self, hint: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E: Into<Error>> Step<T> for std::result::Result<T, E> {
    fn step<S: Into<String>>(self, step: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|error| error.into().within(step()))
    }

    fn hint<S: Into<String>>(self, hint: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|error| error.into().with_hint(hint()))
    }
}
