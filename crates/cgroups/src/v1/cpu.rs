//! The cpu controller of version 1 (scheduler/sched-bwc.rst, sched-rt-group.rst).

use crate::resources::Cpu;
use crate::setting::Setting;

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
