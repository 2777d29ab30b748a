//! The system calls that `rustix` lacks, and one error type for them all.
//!
//! This is the only crate of the project with `unsafe` code. Everything it exports is safe to
//! call; each wrapper names its man page.

mod error;

pub use error::{Context, Result, SysError};
