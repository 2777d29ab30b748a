//! The system calls that `rustix` lacks, and one error type for them all.
//!
//! This is the only crate of the project with `unsafe` code. Everything it exports is safe to
//! call; each wrapper names its man page.

mod clone_args;
mod error;

pub mod attempt;
pub mod bpf;
pub mod close;
pub mod command;
pub mod death_signal;
pub mod exec;
pub mod fork;
pub mod inherited;
pub mod io_priority;
pub mod keyring;
pub mod landlock;
pub mod memory_policy;
pub mod mount;
pub mod mountinfo;
pub mod namespace;
pub mod network;
pub mod notify;
pub mod personality;
pub mod pidfd;
pub mod scheduler;
pub mod seccomp;
pub mod signal;
pub mod signalfd;
pub mod spawn;
pub mod start;
pub mod thread;
pub mod tiocsti;
pub mod wait;

pub use error::{Context, Result, SysError};
