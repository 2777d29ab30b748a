//! The only reader of [`Config`](crate::Config): everything resolved and checked once.
//!
//! What comes out is data: [`InitPlan`] crosses the socket to the container's init, the rest
//! stays with the creator. Nothing here changes anything.

mod ahead;
pub mod capabilities;
mod cgroup;
mod criu;
pub mod filters;
pub mod hooks;
mod init;
pub mod landlock;
pub mod mounts;
pub mod namespaces;
pub mod process;
pub mod scheduling;
mod start;
pub mod sysctl;

pub use ahead::Ahead;
pub use cgroup::Systemd;
pub use criu::{CriuPlan, Layout};
pub use init::{Descriptor, Entry, InitPlan, JoinPlan, StartPlan};
pub use start::{ContainerPlan, Place, first, join, process as process_of, start};
