//! Which devices a group's processes may make and open.

pub mod bpf;
mod listing;
pub mod rules;

pub use rules::{Access, DeviceKind, DeviceRule};
