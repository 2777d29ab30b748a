//! Where and when the kernel runs a process, and where its memory comes from (config.md, "Linux
//! Process"; config-linux.md, "Memory policy" and "Personality").

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::node::shortened;
use crate::{Error, ErrorKind};

/// What a process is scheduled by (sched_setattr(2)); what is not given is 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduler {
    /// The policy.
    pub policy: SchedulerPolicy,
    /// -20 to 19, for SCHED_OTHER and SCHED_BATCH.
    #[serde(default)]
    pub nice: i32,
    /// 1 to 99, for SCHED_FIFO and SCHED_RR.
    #[serde(default)]
    pub priority: i32,
    /// Flags.
    #[serde(default)]
    pub flags: Vec<SchedulerFlag>,
    /// Nanoseconds, for SCHED_DEADLINE, as the two that follow.
    #[serde(default)]
    pub runtime: u64,
    /// Nanoseconds.
    #[serde(default)]
    pub deadline: u64,
    /// Nanoseconds.
    #[serde(default)]
    pub period: u64,
}

/// The policies of sched(7), and one that no kernel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // The names say it all.
pub enum SchedulerPolicy {
    #[serde(rename = "SCHED_OTHER")]
    Other = 0,
    #[serde(rename = "SCHED_FIFO")]
    Fifo = 1,
    #[serde(rename = "SCHED_RR")]
    RoundRobin = 2,
    #[serde(rename = "SCHED_BATCH")]
    Batch = 3,
    #[serde(rename = "SCHED_ISO")]
    Iso = 4,
    #[serde(rename = "SCHED_IDLE")]
    Idle = 5,
    #[serde(rename = "SCHED_DEADLINE")]
    Deadline = 6,
}

/// Flags of sched_setattr(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SchedulerFlag {
    /// Children have the usual policy.
    #[serde(rename = "SCHED_FLAG_RESET_ON_FORK")]
    ResetOnFork = 0x01,
    /// Time that others leave is taken too.
    #[serde(rename = "SCHED_FLAG_RECLAIM")]
    Reclaim = 0x02,
    /// SIGXCPU when the runtime is exceeded.
    #[serde(rename = "SCHED_FLAG_DL_OVERRUN")]
    DeadlineOverrun = 0x04,
    /// The policy stays as it is.
    #[serde(rename = "SCHED_FLAG_KEEP_POLICY")]
    KeepPolicy = 0x08,
    /// Nice value, priority and times stay as they are.
    #[serde(rename = "SCHED_FLAG_KEEP_PARAMS")]
    KeepParameters = 0x10,
    /// A lowest utilization is set; the specification has no field for it, so it is 0.
    #[serde(rename = "SCHED_FLAG_UTIL_CLAMP_MIN")]
    UtilizationMin = 0x20,
    /// A highest utilization is set; the specification has no field for it, so it is 0.
    #[serde(rename = "SCHED_FLAG_UTIL_CLAMP_MAX")]
    UtilizationMax = 0x40,
}

/// The class and priority of a process's disk accesses (ioprio_set(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoPriority {
    /// The class.
    pub class: IoClass,
    /// 0, the highest, to 7.
    #[serde(default)]
    pub priority: u8,
}

/// The classes of ioprio_set(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IoClass {
    /// Before all others; it needs a privilege.
    #[serde(rename = "IOPRIO_CLASS_RT")]
    RealTime = 1,
    /// As is usual.
    #[serde(rename = "IOPRIO_CLASS_BE")]
    BestEffort = 2,
    /// After all others.
    #[serde(rename = "IOPRIO_CLASS_IDLE")]
    Idle = 3,
}

/// The processors that a process executed in a running container runs on. It says nothing of a
/// container's first process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecAffinity {
    /// Before it enters the container's control group.
    pub initial: Option<NumberList>,
    /// Afterwards; `None` leaves it to the kernel.
    #[serde(rename = "final")]
    pub last: Option<NumberList>,
}

/// What system the kernel appears to be (personality(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Personality {
    /// Its own.
    #[serde(rename = "LINUX")]
    Linux = 0,
    /// uname(2) tells of a 32-bit processor.
    #[serde(rename = "LINUX32")]
    Linux32 = 8,
}

/// The NUMA nodes that memory comes from (set_mempolicy(2)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryPolicy {
    /// The mode.
    pub mode: MemoryMode,
    /// The nodes; `None` is none.
    #[serde(default)]
    pub nodes: Option<NumberList>,
    /// Flags.
    #[serde(default)]
    pub flags: Vec<MemoryFlag>,
}

/// The modes of set_mempolicy(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // The names say it all.
pub enum MemoryMode {
    #[serde(rename = "MPOL_DEFAULT")]
    Default = 0,
    #[serde(rename = "MPOL_PREFERRED")]
    Preferred = 1,
    #[serde(rename = "MPOL_BIND")]
    Bind = 2,
    #[serde(rename = "MPOL_INTERLEAVE")]
    Interleave = 3,
    #[serde(rename = "MPOL_LOCAL")]
    Local = 4,
    #[serde(rename = "MPOL_PREFERRED_MANY")]
    PreferredMany = 5,
    #[serde(rename = "MPOL_WEIGHTED_INTERLEAVE")]
    WeightedInterleave = 6,
}

impl MemoryMode {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Default,
        Self::Preferred,
        Self::Bind,
        Self::Interleave,
        Self::Local,
        Self::PreferredMany,
        Self::WeightedInterleave,
    ];
}

/// Flags of set_mempolicy(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemoryFlag {
    /// The kernel moves pages to where they are used.
    #[serde(rename = "MPOL_F_NUMA_BALANCING")]
    NumaBalancing = 1 << 13,
    /// The nodes are counted among those that the process may use.
    #[serde(rename = "MPOL_F_RELATIVE_NODES")]
    RelativeNodes = 1 << 14,
    /// The nodes stay when those that the process may use change.
    #[serde(rename = "MPOL_F_STATIC_NODES")]
    StaticNodes = 1 << 15,
}

impl MemoryFlag {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::NumaBalancing, Self::RelativeNodes, Self::StaticNodes];
}

/// Processors or memory nodes, as the text `0-3,7`; never empty, none above
/// [`NumberList::LARGEST`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NumberList(Vec<u32>);

impl NumberList {
    /// The largest number that can stand in one.
    pub const LARGEST: u32 = 1023;

    /// The numbers, each once, in ascending order.
    pub fn numbers(&self) -> &[u32] {
        &self.0
    }
}

impl FromStr for NumberList {
    type Err = Error;

    /// Numbers and ranges between commas; spaces may stand around each.
    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || {
            let text = shortened(text);
            let message = format!("{text:?} is not a list of numbers and ranges like 0-3,7");
            Error::new(ErrorKind::InvalidConfig { field: String::new() }, message)
        };
        let number = |text: &str| -> Result<u32, Error> {
            let text = text.trim_matches(' ');
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| digits).ok_or_else(malformed)
        };
        let mut numbers: Vec<u32> = Vec::new();
        for part in text.split(',') {
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (number(first)?, number(last)?),
                None => (number(part)?, number(part)?),
            };
            if first > last {
                return Err(malformed());
            }
            if last > Self::LARGEST {
                let message = format!("{last} is too large, at most {} can be", Self::LARGEST);
                return Err(Error::new(ErrorKind::InvalidConfig { field: String::new() }, message));
            }
            numbers.extend(first..=last);
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(Self(numbers))
    }
}

impl TryFrom<String> for NumberList {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<NumberList> for String {
    fn from(list: NumberList) -> Self {
        list.to_string()
    }
}

impl fmt::Display for NumberList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, number) in self.0.iter().enumerate() {
            write!(f, "{}{number}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
