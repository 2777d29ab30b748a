//! The cpuacct controller of version 1 (cgroup-v1/cpuacct.rst): figures only.

use crate::Result;
use crate::file::Dir;
use crate::parse::number;
use crate::stats::Stats;

/// Reads the figures, all in nanoseconds.
pub(crate) fn stats(dir: &Dir, stats: &mut Stats) -> Result<()> {
    let one = |file: &str| Ok(dir.read_optional(file)?.and_then(|text| number(&text)).unwrap_or(0));
    let usage = &mut stats.cpu_stats.cpu_usage;
    usage.total_usage = one("cpuacct.usage")?;
    usage.usage_in_kernelmode = one("cpuacct.usage_sys")?;
    usage.usage_in_usermode = one("cpuacct.usage_user")?;
    let each = dir.read_optional("cpuacct.usage_percpu")?.unwrap_or_default();
    usage.percpu_usage = each.split_whitespace().filter_map(number).collect();
    Ok(())
}
