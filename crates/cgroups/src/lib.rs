//! Linux control groups, by their file system (version 1, hybrid and version 2 hosts) and by systemd.
//!
//! [`Host::detect`] looks once at what the host has. A [`Manager`] is the handle of one group in
//! every hierarchy: it makes it, limits it, puts processes in, freezes, counts, kills and removes
//! it. The crate knows nothing of containers.
//!
//! ```no_run
//! use std::path::Path;
//! use cgroups::{Host, Manager, Memory, Resources};
//!
//! # fn main() -> cgroups::Result<()> {
//! # let pid = rustix::process::getpid();
//! let group = Manager::new(&Host::detect()?, Path::new("nsinit/web-1"))?;
//! group.create()?;
//! let memory = Memory { limit: Some(64 << 20), ..Memory::default() };
//! group.set(&Resources { memory, ..Resources::default() })?;
//! group.attach(pid)?; // On version 2 rather clone3(2) into group.directory().
//! if let Some(bytes) = group.stats()?.memory_stats.usage.usage {
//!     println!("{bytes} bytes");
//! }
//! group.kill(rustix::process::Signal::KILL)?;
//! group.destroy()?;
//! group.prune(1)?;
//! # Ok(())
//! # }
//! ```
//!
//! Sources are named by their place in the kernel's documentation:
//! `Documentation/admin-guide/cgroup-v1/` and `Documentation/admin-guide/cgroup-v2.rst`.
#![forbid(unsafe_code)]

mod delegation;
mod detect;
pub mod devices;
mod error;
mod events;
mod file;
mod freezer;
mod freezers;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod kill;
mod manager;
mod member;
mod ownership;
mod parse;
mod path;
mod psi;
mod resources;
mod set;
mod setting;
mod stats;
pub mod systemd;
mod tree;
mod v1;
mod v2;
mod version_1;
mod wait;
mod walk;

pub use delegation::HOW_TO_DELEGATE;
pub use detect::{Hierarchy, Host, Mode, Unified};
pub use devices::{Access, DeviceKind, DevicePrograms, DeviceRule};
pub use error::{Error, Result};
pub use events::{Event, Notifier, Pressure};
pub use freezers::Freezers;
pub use manager::Manager;
pub use psi::{Psi, Stall};
pub use resources::{BlockIo, Cpu, Memory, Rdma, Resources, ThrottleDevice, WeightDevice};
pub use stats::{
    BlkioEntry, BlkioStats, BurstData, CpuStats, CpuUsage, CpusetStats, HugetlbStats, MemoryData,
    MemoryStats, PidsStats, PressureStats, RdmaStats, Stats, ThrottlingData,
};
