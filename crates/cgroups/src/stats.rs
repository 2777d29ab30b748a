//! What a group has used.
//!
//! The first four fields of [`Stats`] serialise with the keys that nsinit's readers know
//! (`CgroupStats`), in the terms of version 1: nanoseconds and bytes. Version 2 is mapped onto
//! them where it keeps the figure; the newer figures stand beside them. docs/statistics.md has
//! the file that each comes from.
//!
//! A figure that the kernel does not keep here is none, and its key is left out; 0 is what the
//! kernel has counted.

mod both;
mod figures;
mod files;
mod v1;
mod v2;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Manager, Result};
pub use figures::{
    BlkioEntry, BlkioStats, BurstData, CpuStats, CpuUsage, CpusetStats, HugetlbStats, MemoryData,
    MemoryStats, PidsStats, PressureStats, RdmaStats, ThrottlingData,
};
use files::Reader;

/// The figures of one group and all groups below it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// Processor time.
    pub cpu_stats: CpuStats,
    /// Memory.
    pub memory_stats: MemoryStats,
    /// Block devices.
    pub blkio_stats: BlkioStats,
    /// Huge pages, by page size as the kernel writes it (`2MB`).
    pub hugetlb_stats: BTreeMap<String, HugetlbStats>,
    /// Which processors and memory nodes the group may use.
    pub cpuset_stats: CpusetStats,
    /// Processes and threads.
    pub pids: PidsStats,
    /// Time lost waiting (version 2 tree, also on hybrid hosts).
    pub psi: PressureStats,
    /// How often memory limits were met: memory.events of version 2, or what version 1's
    /// memory.oom_control counts.
    pub memory_events: BTreeMap<String, u64>,
    /// The same without the groups below: memory.events.local (version 2).
    pub memory_events_local: BTreeMap<String, u64>,
    /// RDMA use by device.
    pub rdma: BTreeMap<String, RdmaStats>,
}

impl Manager {
    /// Reads the figures: each control file once, by open(2), read(2) and close(2), and nothing
    /// besides but the directory of each hierarchy. (The page sizes of the host are looked up once
    /// in a process.)
    ///
    /// Errors: [`Error::System`](crate::Error::System) where the group is gone.
    pub fn stats(&self) -> Result<Stats> {
        let mut stats = Stats::default();
        let mut reader = Reader::default();
        for (path, controllers) in self.v1_groups() {
            if !controllers.iter().any(|one| v1::has_figures(one)) {
                continue;
            }
            let mut files = reader.open(path)?;
            for controller in controllers {
                v1::read(controller, &mut files, &mut stats)?;
            }
            files.finish()?;
        }
        if let Some(path) = self.v2() {
            let mut files = reader.open(path)?;
            v2::read(&mut files, &mut stats, |controller| self.v1(controller).is_none())?;
            files.finish()?;
        }
        Ok(stats)
    }
}
