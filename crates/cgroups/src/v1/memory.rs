//! The memory controller of version 1 (cgroup-v1/memory.rst).

use crate::resources::Memory;
use crate::setting::Setting;

/// What to write for these limits.
pub(crate) fn settings(memory: &Memory) -> Vec<Setting> {
    // Memory cannot be unlimited while memory and swap together are limited.
    let swap = memory.swap.or(memory.limit.filter(|limit| *limit < 0));
    let mut all = Vec::new();
    if let Some(shared) = memory.use_hierarchy {
        all.push(Setting::new("memory.use_hierarchy", u8::from(shared)));
    }
    if let Some(limit) = memory.limit {
        all.push(Setting::new("memory.limit_in_bytes", limit.max(-1)));
    }
    if let Some(swap) = swap {
        let setting = Setting::new("memory.memsw.limit_in_bytes", swap.max(-1));
        all.push(if swap < 0 { setting.if_there() } else { setting });
    }
    if let Some(reservation) = memory.reservation {
        all.push(Setting::new("memory.soft_limit_in_bytes", reservation.max(-1)));
    }
    if let Some(kernel) = memory.kernel {
        all.push(Setting::new("memory.kmem.limit_in_bytes", kernel.max(-1)).if_there());
    }
    if let Some(tcp) = memory.kernel_tcp {
        let setting = Setting::new("memory.kmem.tcp.limit_in_bytes", tcp.max(-1));
        all.push(if tcp < 0 { setting.if_there() } else { setting });
    }
    if let Some(swappiness) = memory.swappiness {
        all.push(Setting::new("memory.swappiness", swappiness));
    }
    if let Some(disable) = memory.disable_oom_killer {
        all.push(Setting::new("memory.oom_control", u8::from(disable)));
    }
    all
}
