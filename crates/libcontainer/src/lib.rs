//! Makes and manages containers with Linux namespaces, control groups, capabilities and
//! file-system access controls, through the container's whole life.
#![forbid(unsafe_code)]

mod checkpoint;
pub mod config;
pub mod console;
mod container;
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

mod error;
pub mod foreground;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hooks;
mod host;
mod init;
mod network;
mod parent;
mod plan;
mod privileges;
mod procfs;
mod reap;
mod resctrl;
mod rootfs;
mod wire;

pub use cgroups::{Event, Notifier, Pressure, Resources};
pub use checkpoint::{
    CgroupsMode, CheckpointOptions, Criu, DumpStatistics, PageServer, RestoreOptions,
    RestoreStatistics,
};
pub use config::{Config, ProcessSpec};
pub use container::{
    Brief, Child, Container, ExitStatus, Factory, Glance, Pool, Prepared, Process, State, Stats,
    Status, Stdio, Taken, Target,
};
pub use error::{Error, ErrorKind, Result, Step};
pub use init::init;
pub use network::InterfaceStats;
pub use resctrl::{BandwidthInfo, CacheInfo, Occupancy, RdtStats, Traffic};
