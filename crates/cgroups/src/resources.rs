//! The limits that a group can be given.
//!
//! Everything is optional; what is not set is not touched. The meaning of each field is that of
//! the OCI runtime specification (config-linux.md, "Control groups"), in version 1 terms; on
//! version 2 it is converted as that document and the kernel's cgroup-v2.rst say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::devices::DeviceRule;
use crate::{Error, Result};

/// The limits of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// Memory and swap.
    pub memory: Memory,
    /// Processor time, and which processors and memory nodes.
    pub cpu: Cpu,
    /// The most processes and threads; negative: unlimited.
    pub pids: Option<i64>,
    /// Which devices may be made and opened, in order; later rules weigh more. Empty: untouched.
    pub devices: Vec<DeviceRule>,
    /// Block devices.
    pub block_io: BlockIo,
    /// The most bytes of huge pages, by page size as the kernel writes it (`2MB`, `1GB`).
    pub hugetlb: BTreeMap<String, u64>,
    /// The class that network packets are marked with (version 1 only).
    pub net_cls_classid: Option<u32>,
    /// The priority of traffic by network interface, in the caller's network namespace
    /// (version 1 only).
    pub net_prio: BTreeMap<String, u32>,
    /// RDMA limits by device.
    pub rdma: BTreeMap<String, Rdma>,
    /// Version 2 control files and what is written to them, a line at a time, last of all.
    pub unified: BTreeMap<String, String>,
}

/// Memory limits, in bytes; -1 is unlimited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The most memory.
    pub limit: Option<i64>,
    /// What is left to the group when others need memory.
    pub reservation: Option<i64>,
    /// The most memory and swap together.
    pub swap: Option<i64>,
    /// The most kernel memory. Kernels from 5.16 and version 2 count it within `limit` and have
    /// no such limit; there it is accepted and has no effect.
    pub kernel: Option<i64>,
    /// The most kernel memory for TCP buffers (version 1 only; version 2 counts it within
    /// `limit`).
    pub kernel_tcp: Option<i64>,
    /// 0 to 100 (version 1 only).
    pub swappiness: Option<u64>,
    /// Processes that hit the limit wait instead of being killed (version 1 only).
    pub disable_oom_killer: Option<bool>,
    /// Refuse a new `limit` that is below the present usage, instead of letting the kernel reclaim
    /// or kill (version 2; version 1 always refuses what it cannot reclaim).
    pub check_before_update: Option<bool>,
    /// Groups below share this group's limits. Kernels from 5.11 and version 2 know nothing else,
    /// and false is refused there.
    pub use_hierarchy: Option<bool>,
}

/// Processor limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cpu {
    /// Relative weight, 2 to 262144; the default of a group is 1024. Version 2 has weights of 1 to
    /// 10000, 100 by default: 10^((log2(shares)² + 125·log2(shares) - 126) / 612), rounded up.
    pub shares: Option<u64>,
    /// Microseconds of processor time in each period; negative: unlimited.
    pub quota: Option<i64>,
    /// The length of a period in microseconds.
    pub period: Option<u64>,
    /// Unused quota that may be saved up, in microseconds (kernel 5.14).
    pub burst: Option<u64>,
    /// Microseconds of real-time scheduling in each real-time period (version 1 only).
    pub rt_runtime: Option<i64>,
    /// The length of a real-time period in microseconds (version 1 only).
    pub rt_period: Option<u64>,
    /// 1: runs only when nobody else wants to (SCHED_IDLE; kernel 5.15), and `shares` mean nothing:
    /// the kernel refuses new ones alone, and forgets the old ones. 0: as usual, with `shares` or
    /// else the default.
    pub idle: Option<i64>,
    /// The processors, as a list: `0-3,7`.
    pub cpus: Option<String>,
    /// The memory nodes, as a list.
    pub mems: Option<String>,
}

impl Cpu {
    /// The same without the part that the controller cpuset enforces.
    pub(crate) fn wants_cpu(&self) -> bool {
        *self != Self { cpus: self.cpus.clone(), mems: self.mems.clone(), ..Self::default() }
    }

    /// The shares, unless the group becomes idle with them: then the kernel takes none, and runs it
    /// with less than the least.
    pub(crate) fn weighing(&self) -> Option<u64> {
        self.shares.filter(|_| self.idle.is_none_or(|idle| idle == 0))
    }

    /// Whether the controller cpuset is asked for anything.
    pub(crate) fn wants_cpuset(&self) -> bool {
        self.cpus.is_some() || self.mems.is_some()
    }
}

/// Limits on block devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockIo {
    /// Relative weight, 10 to 1000.
    pub weight: Option<u16>,
    /// The same against the group's own children (version 1, kernels before 5.0).
    pub leaf_weight: Option<u16>,
    /// Weights for single devices.
    pub weight_device: Vec<WeightDevice>,
    /// Most bytes a second read.
    pub throttle_read_bps: Vec<ThrottleDevice>,
    /// Most bytes a second written.
    pub throttle_write_bps: Vec<ThrottleDevice>,
    /// Most reads a second.
    pub throttle_read_iops: Vec<ThrottleDevice>,
    /// Most writes a second.
    pub throttle_write_iops: Vec<ThrottleDevice>,
}

/// A weight for one block device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WeightDevice {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// 10 to 1000.
    pub weight: Option<u16>,
    /// 10 to 1000 (version 1, kernels before 5.0).
    pub leaf_weight: Option<u16>,
}

/// A rate for one block device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThrottleDevice {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Bytes or operations a second; 0: unlimited.
    pub rate: u64,
}

/// Limits of one RDMA device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rdma {
    /// The most handles.
    pub hca_handles: Option<u32>,
    /// The most objects.
    pub hca_objects: Option<u32>,
}

/// The control files of no controller that are limits; the others say who is in the group, and
/// whether it runs.
const OFFERED: [&str; 3] = ["cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure"];

impl Resources {
    /// Refuses what no kernel takes, before anything is written.
    pub(crate) fn check(&self) -> Result<()> {
        let memory = &self.memory;
        if let Some(swap) = memory.swap.filter(|swap| *swap >= 0) {
            match memory.limit {
                Some(limit) if limit < 0 => {
                    return Err(Error::invalid(
                        "memory.swap",
                        "a limit of memory and swap needs a limit of memory",
                    ));
                }
                Some(limit) if swap < limit => {
                    let reason =
                        format!("{swap} is memory and swap, less than memory.limit {limit}");
                    return Err(Error::invalid("memory.swap", reason));
                }
                _ => {}
            }
        }
        if memory.swappiness.is_some_and(|value| value > 100) {
            return Err(Error::invalid("memory.swappiness", "must be 0 to 100"));
        }
        for size in self.hugetlb.keys() {
            if size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                let reason = format!("{size:?} is no page size like 2MB");
                return Err(Error::invalid("hugepageLimits", reason));
            }
        }
        for name in self.unified.keys() {
            let plain =
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            if !plain || !name.contains('.') || name.starts_with('.') {
                let reason = format!("{name:?} is no control file like memory.high");
                return Err(Error::invalid("unified", reason));
            }
            if name.starts_with("cgroup.") && !OFFERED.contains(&name.as_str()) {
                let reason = format!("{name} is for the runtime itself");
                return Err(Error::invalid("unified", reason));
            }
        }
        self.block_io.check()
    }
}

impl BlockIo {
    fn check(&self) -> Result<()> {
        let devices = self.weight_device.iter().flat_map(|one| [one.weight, one.leaf_weight]);
        for weight in [self.weight, self.leaf_weight].into_iter().chain(devices).flatten() {
            if !(10..=1000).contains(&weight) {
                let reason = format!("a weight of {weight} is not within 10 to 1000");
                return Err(Error::invalid("blockIO", reason));
            }
        }
        Ok(())
    }
}
