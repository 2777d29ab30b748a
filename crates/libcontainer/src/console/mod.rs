//! Pseudo-terminals: made the process's own, and relayed by whoever has the master.

mod pty;
mod relay;

pub(crate) use pty::{Pty, attach, open_in, open_inside};
pub use relay::{RawMode, Relay, resize, size};
