//! Pseudo-terminals: made the process's own, and relayed or handed on by whoever has the master.

mod mode;
mod pty;
mod relay;
mod socket;

pub use mode::{RawMode, resize, size};
pub(crate) use pty::{Pty, attach, open_in, open_inside};
pub use relay::Relay;
pub use socket::DescriptorSocket;
