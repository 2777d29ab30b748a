//! What a group has used.
//!
//! The first four fields of [`Stats`] serialise with the keys that nsinit's readers know
//! (`CgroupStats`), in the terms of version 1: nanoseconds and bytes. Version 2 is mapped onto
//! them where it keeps the figure; what the kernel does not keep is 0 or empty. The newer figures
//! stand beside them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::file::Dir;
use crate::psi::Psi;
use crate::{Manager, Result, v1, v2};

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
    pub hugetlb_stats: BTreeMap<String, MemoryData>,
    /// Processes and threads.
    pub pids: PidsStats,
    /// Time lost waiting (version 2 tree, also on hybrid hosts).
    pub psi: PressureStats,
    /// How often memory limits were met: memory.events of version 2, or what version 1's
    /// memory.oom_control counts.
    pub memory_events: BTreeMap<String, u64>,
    /// RDMA use by device.
    pub rdma: BTreeMap<String, RdmaStats>,
}

/// Processor time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuStats {
    /// Time used.
    pub cpu_usage: CpuUsage,
    /// Time that the quota held back.
    pub throttling_data: ThrottlingData,
}

/// Processor time used, in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuUsage {
    /// All of it.
    pub total_usage: u64,
    /// By processor (version 1 only).
    pub percpu_usage: Vec<u64>,
    /// In the kernel.
    pub usage_in_kernelmode: u64,
    /// In user space.
    pub usage_in_usermode: u64,
}

/// What the quota did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThrottlingData {
    /// Periods in which the group wanted to run.
    pub periods: u64,
    /// Those in which it used up its quota.
    pub throttled_periods: u64,
    /// Time held back, in nanoseconds.
    pub throttled_time: u64,
}

/// Use of one kind of memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryData {
    /// Now.
    pub usage: u64,
    /// The most there ever was (version 2: from kernel 5.19, memory only).
    pub max_usage: u64,
    /// How often the limit was met.
    pub failcnt: u64,
    /// The limit. Unlimited is the kernel's largest, 9223372036854771712, on version 1 and
    /// `u64::MAX` on version 2.
    pub limit: u64,
}

/// Memory, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryStats {
    /// Of the usage, what caches files.
    pub cache: u64,
    /// Memory.
    pub usage: MemoryData,
    /// Memory and swap together.
    pub swap_usage: MemoryData,
    /// Of the usage, what the kernel holds for the group.
    pub kernel_usage: MemoryData,
    /// Of that, TCP buffers (version 1).
    pub kernel_tcp_usage: MemoryData,
    /// All of memory.stat.
    pub stats: BTreeMap<String, u64>,
}

/// One figure of one block device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlkioEntry {
    /// Major number.
    pub major: u64,
    /// Minor number.
    pub minor: u64,
    /// `Read`, `Write`, `Sync`, `Async`, `Discard` or `Total`; empty where the figure has none.
    pub op: String,
    /// The figure.
    pub value: u64,
}

/// Block devices; which lists are filled depends on the I/O scheduler.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlkioStats {
    /// Bytes transferred.
    pub io_service_bytes_recursive: Vec<BlkioEntry>,
    /// Operations.
    pub io_serviced_recursive: Vec<BlkioEntry>,
    /// Operations in the queue.
    pub io_queue_recursive: Vec<BlkioEntry>,
    /// Nanoseconds between dispatch and completion.
    pub io_service_time_recursive: Vec<BlkioEntry>,
    /// Nanoseconds in the queue.
    pub io_wait_time_recursive: Vec<BlkioEntry>,
    /// Merged operations.
    pub io_merged_recursive: Vec<BlkioEntry>,
    /// Milliseconds of device time.
    pub io_time_recursive: Vec<BlkioEntry>,
    /// Sectors transferred.
    pub sectors_recursive: Vec<BlkioEntry>,
}

/// Processes and threads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PidsStats {
    /// Now.
    pub current: u64,
    /// The limit; none is unlimited.
    pub limit: Option<u64>,
}

/// Pressure stall information (Documentation/accounting/psi.rst); none where the kernel has it
/// switched off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PressureStats {
    /// For a processor.
    pub cpu: Option<Psi>,
    /// For memory.
    pub memory: Option<Psi>,
    /// For block devices.
    pub io: Option<Psi>,
}

/// Use of one RDMA device; a limit of none is unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RdmaStats {
    /// Handles in use.
    pub hca_handles: u64,
    /// Objects in use.
    pub hca_objects: u64,
    /// The limit of handles.
    pub hca_handles_limit: Option<u64>,
    /// The limit of objects.
    pub hca_objects_limit: Option<u64>,
}

impl Manager {
    /// Reads the figures. A controller that this host or this group does not have leaves its
    /// fields at 0.
    ///
    /// Errors: [`Error::System`](crate::Error::System) where the group is gone.
    pub fn stats(&self) -> Result<Stats> {
        let mut stats = Stats::default();
        for (path, controllers) in self.v1_groups() {
            let dir = Dir::open(path)?;
            for controller in controllers {
                match controller.as_str() {
                    "cpu" => v1::cpu::stats(&dir, &mut stats)?,
                    "cpuacct" => v1::cpuacct::stats(&dir, &mut stats)?,
                    "memory" => v1::memory::stats(&dir, &mut stats)?,
                    "blkio" => v1::blkio::stats(&dir, &mut stats)?,
                    "hugetlb" => v1::hugetlb::stats(&dir, &mut stats)?,
                    "pids" => v1::pids::stats(&dir, &mut stats)?,
                    "rdma" => v1::rdma::stats(&dir, &mut stats)?,
                    _ => {}
                }
            }
        }
        if let Some(path) = self.v2() {
            let dir = Dir::open(path)?;
            v2::psi_stats(&dir, &mut stats)?;
            let lacks = |controller: &str| self.v1(controller).is_none();
            if lacks("cpu") && lacks("cpuacct") {
                v2::cpu::stats(&dir, &mut stats)?;
            }
            if lacks("memory") {
                v2::memory::stats(&dir, &mut stats)?;
            }
            if lacks("blkio") {
                v2::io::stats(&dir, &mut stats)?;
            }
            if lacks("hugetlb") {
                v2::hugetlb::stats(&dir, &mut stats)?;
            }
            if lacks("pids") {
                v1::pids::stats(&dir, &mut stats)?;
            }
            if lacks("rdma") {
                v1::rdma::stats(&dir, &mut stats)?;
            }
        }
        Ok(stats)
    }
}
