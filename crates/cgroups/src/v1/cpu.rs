//! The cpu controller of version 1 (scheduler/sched-bwc.rst, sched-rt-group.rst).

use crate::Result;
use crate::file::Dir;
use crate::parse::flat_value;
use crate::resources::Cpu;
use crate::setting::Setting;
use crate::stats::Stats;

/// What to write for these limits.
pub(crate) fn settings(cpu: &Cpu) -> Vec<Setting> {
    let mut all = Vec::new();
    if let Some(shares) = cpu.weighing() {
        all.push(Setting::new("cpu.shares", shares));
    }
    if let Some(period) = cpu.period {
        all.push(Setting::new("cpu.cfs_period_us", period));
    }
    if let Some(quota) = cpu.quota {
        all.push(Setting::new("cpu.cfs_quota_us", quota.max(-1)));
    }
    if let Some(burst) = cpu.burst {
        all.push(Setting::new("cpu.cfs_burst_us", burst));
    }
    if let Some(period) = cpu.rt_period {
        all.push(Setting::new("cpu.rt_period_us", period));
    }
    if let Some(runtime) = cpu.rt_runtime {
        all.push(Setting::new("cpu.rt_runtime_us", runtime.max(-1)));
    }
    if let Some(idle) = cpu.idle {
        all.push(Setting::new("cpu.idle", idle));
    }
    all
}

/// Reads what the quota did.
pub(crate) fn stats(dir: &Dir, stats: &mut Stats) -> Result<()> {
    let text = dir.read_optional("cpu.stat")?.unwrap_or_default();
    let data = &mut stats.cpu_stats.throttling_data;
    data.periods = flat_value(&text, "nr_periods");
    data.throttled_periods = flat_value(&text, "nr_throttled");
    data.throttled_time = flat_value(&text, "throttled_time");
    Ok(())
}
