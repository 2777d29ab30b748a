//! The one protocol between a container's creator and its init: typed messages with descriptors
//! on a SOCK_SEQPACKET (`docs/protocol.md`).

mod message;
mod sequence;
mod socket;

pub use message::{FromInit, ToInit};
pub use sequence::Sequence;
pub use socket::{Received, Socket};
