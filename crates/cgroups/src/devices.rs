//! Which devices a group's processes may make and open.

pub mod bpf;
mod listing;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod reference;
pub mod rules;
mod shared;

pub use rules::{Access, DeviceKind, DeviceRule};
pub use shared::DevicePrograms;
