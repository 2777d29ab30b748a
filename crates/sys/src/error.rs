//! A failed system call, kept as data.

mod words;

use std::borrow::Cow;
use std::fmt;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// The result of a system call.
pub type Result<T> = std::result::Result<T, SysError>;

/// A system call that failed: which, with what, and why (errno(3)).
///
/// It is kept as data, so that it crosses the socket from a container's init unchanged and
/// callers can decide by [`SysError::errno`] instead of reading text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SysError {
    /// The call's name as in its man page, for instance `openat2`.
    pub call: Cow<'static, str>,
    /// The arguments that matter, for a reader; may be empty.
    pub args: String,
    /// The raw errno value, positive.
    pub errno: i32,
}

impl SysError {
    /// An error of `call` with `args`, for the errno that the kernel gave.
    pub fn new(call: &'static str, args: impl Into<String>, errno: Errno) -> Self {
        Self { call: Cow::Borrowed(call), args: args.into(), errno: errno.raw_os_error() }
    }

    /// The errno as a typed value.
    pub fn errno(&self) -> Errno {
        Errno::from_raw_os_error(self.errno)
    }

    /// The errno's words as glibc's strerror(3) gives them, without the number.
    pub fn words(&self) -> String {
        words::of(self.errno)
    }
}

impl fmt::Display for SysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.args.is_empty() {
            write!(f, "{}: {}", self.call, self.words())
        } else {
            write!(f, "{} {}: {}", self.call, self.args, self.words())
        }
    }
}

impl std::error::Error for SysError {}

/// Names the call and its arguments where an [`Errno`] or [`std::io::Error`] comes back.
pub trait Context<T> {
    /// Turns the error into a [`SysError`]; `args` is only evaluated on failure.
    fn sys<A: Into<String>>(self, call: &'static str, args: impl FnOnce() -> A) -> Result<T>;
}

impl<T> Context<T> for std::result::Result<T, Errno> {
    fn sys<A: Into<String>>(self, call: &'static str, args: impl FnOnce() -> A) -> Result<T> {
        self.map_err(|errno| SysError::new(call, args(), errno))
    }
}

impl<T> Context<T> for std::io::Result<T> {
    fn sys<A: Into<String>>(self, call: &'static str, args: impl FnOnce() -> A) -> Result<T> {
        self.map_err(|error| {
            let errno = error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error);
            SysError::new(call, args(), errno)
        })
    }
}
