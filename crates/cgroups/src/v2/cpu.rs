//! The cpu controller of version 2. (cpuset's files are as in version 1.)

use crate::file::Dir;
use crate::parse::number;
use crate::resources::Cpu;
use crate::setting::Setting;
use crate::{Error, Result};

/// What to write for these limits.
pub(crate) fn settings(dir: &Dir, cpu: &Cpu) -> Result<Vec<Setting>> {
    if let Some(key) = cpu.only_in_version_1() {
        let hint = "version 2 does not limit real-time processes; leave it out";
        return Err(Error::unsupported("cpu (version 1)", key, hint));
    }
    let mut all = Vec::new();
    if let Some(shares) = cpu.weighing() {
        all.push(Setting::new("cpu.weight", weight(shares)));
    }
    if cpu.quota.is_some() || cpu.period.is_some() {
        all.push(Setting::new("cpu.max", bandwidth(dir, cpu)?));
    }
    if let Some(burst) = cpu.burst {
        all.push(Setting::new("cpu.max.burst", burst));
    } else if cpu.quota.is_some() || cpu.period.is_some() {
        // Kernels from 5.14 to 6.9 take the burst for nanoseconds when cpu.max is written, and so
        // leave a thousandth of it.
        let now = dir.read_optional("cpu.max.burst")?.and_then(|text| number(&text));
        all.extend(now.filter(|burst| *burst > 0).map(|it| Setting::new("cpu.max.burst", it)));
    }
    if let Some(idle) = cpu.idle {
        all.push(Setting::new("cpu.idle", idle));
    }
    Ok(all)
}

/// The value of cpu.max. The kernel lets the period be left out, not the quota, so a change of
/// the period alone reads the quota first.
fn bandwidth(dir: &Dir, cpu: &Cpu) -> Result<String> {
    let quota = match cpu.quota {
        Some(quota) if quota < 0 => "max".to_owned(),
        Some(quota) => quota.to_string(),
        None => {
            let now = dir.read_optional("cpu.max")?.unwrap_or_default();
            now.split_whitespace().next().unwrap_or("max").to_owned()
        }
    };
    Ok(match cpu.period {
        Some(period) => format!("{quota} {period}"),
        None => quota,
    })
}

/// Shares of version 1 (2 to 262144) as a weight of version 2 (1 to 10000), on the curve that
/// kubelets and runtimes agree on since 2025: 10^((log2(shares)² + 125·log2(shares) - 126) / 612),
/// rounded up. The ends meet, and so do the defaults, 1024 and 100. (The line that was usual before
/// made 39 of 1024, and a container less than its neighbours that have the default.)
pub(crate) fn weight(shares: u64) -> u64 {
    let log = (shares.clamp(2, 262_144) as f64).log2();
    10_f64.powf((log * (log + 125.0) - 126.0) / 612.0).ceil() as u64
}

#[cfg(test)]
mod tests;
