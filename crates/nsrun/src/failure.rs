//! A failed verb, and its exit code.

use libcontainer::Error;

/// The exit code of a failure of ours.
pub const FAILED: u8 = 1;

/// The exit code of `run` and `exec` when the process could not be started.
const NOT_STARTED: u8 = 255;

/// What a verb comes to.
pub type Outcome<T> = std::result::Result<T, Failure>;

/// Why a verb failed.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What is told.
    pub error: Error,
}

impl Failure {
    /// The process that was asked for could not be started.
    pub fn not_started(error: Error) -> Self {
        Self { code: NOT_STARTED, error }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { code: FAILED, error }
    }
}
