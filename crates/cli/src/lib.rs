//! What the command lines nsinit and nsrun share.
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod line;
mod print;
mod progress;
pub mod shells;
pub mod time;
pub mod verb;

pub use print::print;
