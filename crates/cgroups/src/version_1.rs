//! Limits that only version 1 has.

use crate::{BlockIo, Cpu, Error, Memory, Resources};

impl Resources {
    /// A limit among these that only version 1 has, by its name.
    pub fn only_in_version_1(&self) -> Option<&'static str> {
        let class = self.net_cls_classid.map(|_| "network.classID");
        let priorities = (!self.net_prio.is_empty()).then_some("network.priorities");
        let rest = || self.cpu.only_in_version_1().or_else(|| self.block_io.only_in_version_1());
        self.memory.only_in_version_1().or_else(rest).or(class).or(priorities)
    }
}

impl Memory {
    pub(crate) fn only_in_version_1(&self) -> Option<&'static str> {
        [
            (self.swappiness.is_some(), "memory.swappiness"),
            (self.disable_oom_killer == Some(true), "memory.disableOOMKiller"),
            (self.kernel_tcp.is_some_and(|limit| limit >= 0), "memory.kernelTCP"),
            (self.use_hierarchy == Some(false), "memory.useHierarchy"),
        ]
        .into_iter()
        .find_map(|(asked, key)| asked.then_some(key))
    }
}

impl Cpu {
    pub(crate) fn only_in_version_1(&self) -> Option<&'static str> {
        let asked = self.rt_runtime.is_some() || self.rt_period.is_some();
        asked.then_some("cpu.realtimeRuntime and cpu.realtimePeriod")
    }
}

impl BlockIo {
    pub(crate) fn only_in_version_1(&self) -> Option<&'static str> {
        let device = self.weight_device.iter().any(|one| one.leaf_weight.is_some());
        (device || self.leaf_weight.is_some()).then_some("blockIO.leafWeight")
    }
}

impl Error {
    /// A limit was asked for that this host has no version 1 hierarchy for, and version 2 has not.
    pub fn is_only_in_version_1(&self) -> bool {
        let Self::Unsupported { controller, .. } = self else { return false };
        controller.ends_with("(version 1)") || ["net_cls", "net_prio"].contains(&&controller[..])
    }
}
