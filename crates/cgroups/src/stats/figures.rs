//! The figures, by controller. None, an empty list and an empty map are what the kernel does not
//! keep here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::psi::Psi;

/// Processor time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuStats {
    /// Time used.
    pub cpu_usage: CpuUsage,
    /// What the quota held back.
    pub throttling_data: ThrottlingData,
    /// What was used beyond the quota (kernel 5.14).
    pub burst_data: BurstData,
}

/// Processor time used, in nanoseconds. The lists are by processor, of version 1 only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuUsage {
    /// All of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_usage: Option<u64>,
    /// All of it by processor.
    pub percpu_usage: Vec<u64>,
    /// In the kernel by processor.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub percpu_usage_in_kernelmode: Vec<u64>,
    /// In user space by processor.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub percpu_usage_in_usermode: Vec<u64>,
    /// In the kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_in_kernelmode: Option<u64>,
    /// In user space.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_in_usermode: Option<u64>,
}

/// What the quota did (version 2: with the controller cpu).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThrottlingData {
    /// Periods in which the group wanted to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub periods: Option<u64>,
    /// Those in which it used up its quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttled_periods: Option<u64>,
    /// Time held back, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttled_time: Option<u64>,
}

/// What the burst let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BurstData {
    /// Periods in which more than the quota was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bursts_periods: Option<u64>,
    /// The time used beyond it, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst_time: Option<u64>,
}

/// Use of one kind of memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryData {
    /// Now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<u64>,
    /// The most there ever was (version 2: memory from kernel 5.19, swap from 6.5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_usage: Option<u64>,
    /// How often the limit was met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failcnt: Option<u64>,
    /// The limit. Unlimited is the kernel's largest, 9223372036854771712, on version 1 and
    /// `u64::MAX` on version 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Memory, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryStats {
    /// Of the usage, what caches files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<u64>,
    /// Memory.
    pub usage: MemoryData,
    /// Memory and swap together. (Version 2 has no highest usage of it.)
    pub swap_usage: MemoryData,
    /// Swap by itself (version 2).
    pub swap_only_usage: MemoryData,
    /// Of the usage, what the kernel holds for the group.
    pub kernel_usage: MemoryData,
    /// Of that, TCP buffers (version 1).
    pub kernel_tcp_usage: MemoryData,
    /// What is left to the group where memory is short: memory.low, or the soft limit of version 1.
    /// Unlimited as in [`MemoryData::limit`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservation: Option<u64>,
    /// Where reclaim begins: memory.high (version 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<u64>,
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

/// Huge pages of one size, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HugetlbStats {
    /// In use now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<u64>,
    /// The most there ever was (version 1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_usage: Option<u64>,
    /// How often the limit was met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failcnt: Option<u64>,
    /// The limit; unlimited is as large as it gets, a page less than `i64::MAX`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Reserved by mmap(2), used or not (kernel 5.7).
    pub rsvd: MemoryData,
    /// hugetlb.*.events (version 2).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub events: BTreeMap<String, u64>,
    /// The same without the groups below.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub events_local: BTreeMap<String, u64>,
}

/// Which processors and memory nodes the group may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpusetStats {
    /// Processors that it is limited to; an empty list is the parent's on version 2, none at all on
    /// version 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Vec<u32>>,
    /// Memory nodes that it is limited to, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mems: Option<Vec<u32>>,
    /// Processors that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_cpus: Option<Vec<u32>>,
    /// Memory nodes that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_mems: Option<Vec<u32>>,
    /// The further control files of version 1, by their names without `cpuset.`
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, i64>,
}

/// Processes and threads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PidsStats {
    /// Now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<u64>,
    /// The limit; none is unlimited, where there is a `current`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The most there ever were (kernel 6.7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak: Option<u64>,
    /// pids.events: `max` is how often a process could not be made for the limit.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub events: BTreeMap<String, u64>,
}

/// Pressure stall information (Documentation/accounting/psi.rst); none where the kernel has it
/// switched off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PressureStats {
    /// For a processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Psi>,
    /// For memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Psi>,
    /// For block devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io: Option<Psi>,
}

/// Use of one RDMA device; a limit of none is unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RdmaStats {
    /// Handles in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hca_handles: Option<u64>,
    /// Objects in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hca_objects: Option<u64>,
    /// The limit of handles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hca_handles_limit: Option<u64>,
    /// The limit of objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hca_objects_limit: Option<u64>,
}
