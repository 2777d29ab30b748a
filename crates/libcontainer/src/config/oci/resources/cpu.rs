//! `cpu` (config-linux.md, "CPU").

use cgroups::Cpu;

use crate::Result;

use super::super::super::node::Node;
use super::super::super::value;
use super::{set, within};

/// The bounds of a period, and the least quota, in microseconds (kernel/sched/core.c).
const SHORTEST: u64 = 1000;
const LONGEST: u64 = 1_000_000;

/// The bounds of shares (MIN_SHARES and MAX_SHARES there): the kernel takes others for these.
const FEWEST: u64 = 2;
const MOST: u64 = 1 << 18;

/// Reads it.
pub(super) fn read(node: &Node<'_>) -> Result<Cpu> {
    let list = |key| {
        let field = node.get(key)?.filter(|field| !field.is_empty());
        field.map(|field| value::cpu_list(&field)).transpose()
    };
    let cpu = Cpu {
        shares: within(node, "shares", FEWEST, MOST)?,
        quota: set(node, "quota")?,
        period: within(node, "period", SHORTEST, LONGEST)?,
        burst: node.number_of("burst")?,
        rt_runtime: set(node, "realtimeRuntime")?,
        rt_period: set(node, "realtimePeriod")?,
        idle: node.number_of("idle")?,
        cpus: list("cpus")?,
        mems: list("mems")?,
    };
    if let Some(idle) = cpu.idle.filter(|idle| !(0..=1).contains(idle)) {
        return Err(node.need("idle")?.error(format!("{idle} is neither 0 nor 1")));
    }
    if let Some(quota) = cpu.quota.and_then(|quota| u64::try_from(quota).ok()) {
        if quota < SHORTEST {
            let message = format!("{quota} is less than {SHORTEST} microseconds");
            return Err(node.need("quota")?.error(message));
        }
        if let Some(burst) = cpu.burst.filter(|burst| *burst > quota) {
            let message = format!("{burst} is more than the quota of {quota}");
            return Err(node.need("burst")?.error(message));
        }
    }
    Ok(cpu)
}
