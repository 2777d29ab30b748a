//! The handle over a container, and the records behind it.

mod abandoned;
mod agent;
mod brief;
mod checkpoint;
mod child;
mod devices;
mod end;
mod exec;
mod factory;
mod forget;
mod glance;
mod group;
mod handle;
mod hooks;
mod id;
mod kept;
mod lifecycle;
mod lock;
mod pool;
mod process;
mod rdt;
mod record;
mod release;
mod restore;
mod start_socket;
mod stats;
mod status;
mod store;
mod unwaited;

pub use brief::Brief;
pub use child::{Child, ExitStatus};
pub use factory::{Factory, Prepared};
pub use glance::Glance;
pub use handle::{Container, Target};
pub use pool::{Pool, Taken};
pub use process::{Process, Stdio};

pub use stats::Stats;
pub use status::{State, Status};

/// See [`crate::fuzzing`].
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz_record(text: &[u8], id: &str) {
    let _ = record::parse(text, id);
}
