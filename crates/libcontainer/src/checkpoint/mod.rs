//! Checkpoints by CRIU, which is asked over its socket and never by its command line
//! (docs/checkpoint.md).

mod chain;
mod contents;
mod criu;
mod descriptors;
mod images;
mod lazy;
mod log;
mod mounts;
mod network_lock;
mod note;
mod options;
mod positions;
mod protobuf;
mod rpc;
mod statistics;

pub(crate) use contents::{check as check_contents, devices as devices_of, has_label};
pub(crate) use criu::Criu as Program;
pub(crate) use descriptors::{Stream, look as look_outside};
pub(crate) use images::Directories;
pub(crate) use lazy::check_pipes;
pub(crate) use mounts::{Mounts, keys_of, sources_of};
pub(crate) use network_lock::unlock as unlock_network;
pub(crate) use note::Note;
pub use options::{CgroupsMode, CheckpointOptions, Criu, PageServer, RestoreOptions};
pub(crate) use positions::forget as forget_positions;
pub(crate) use protobuf::Message;
pub(crate) use rpc::{Failure, Response, Session, Type, option};
pub use statistics::{DumpStatistics, RestoreStatistics};
