//! What the command lines nsinit and nsrun share.
#![forbid(unsafe_code)]

pub mod line;
mod print;
pub mod shells;
pub mod time;
pub mod verb;

pub use print::print;
