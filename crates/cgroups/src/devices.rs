//! Which devices a group's processes may make and open.

pub mod bpf;
pub mod rules;

pub use rules::{Access, DeviceKind, DeviceRule};
