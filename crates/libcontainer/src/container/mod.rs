//! The handle over a container, and the records behind it.

mod abandoned;
mod agent;
mod checkpoint;
mod child;
mod devices;
mod end;
mod exec;
mod factory;
mod forget;
mod group;
mod handle;
mod hooks;
mod id;
mod kept;
mod lifecycle;
mod pool;
mod process;
mod rdt;
mod record;
mod release;
mod restore;
mod stats;
mod status;
mod store;
mod unwaited;

pub use child::{Child, ExitStatus};
pub use factory::{Factory, Prepared};
pub use handle::{Container, Target};
pub use pool::{Pool, Taken};
pub use process::{Process, Stdio};
pub use record::Brief;
pub use stats::Stats;
pub use status::{State, Status};

/// See [`crate::fuzzing`].
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz_record(text: &[u8], id: &str) {
    let _ = record::parse(text, id);
}
