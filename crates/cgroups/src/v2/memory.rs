//! The memory controller of version 2.

use crate::file::Dir;
use crate::parse::number;
use crate::resources::Memory;
use crate::setting::Setting;
use crate::{Error, Result};

/// What to write for these limits.
pub(crate) fn settings(dir: &Dir, memory: &Memory) -> Result<Vec<Setting>> {
    if let Some(key) = memory.only_in_version_1() {
        let hint = "version 2 has no such limit; leave it out, or boot with version 1";
        return Err(Error::unsupported("memory (version 1)", key, hint));
    }
    if memory.check_before_update == Some(true) {
        check_usage(dir, memory)?;
    }
    let mut all = Vec::new();
    if let Some(limit) = memory.limit {
        all.push(Setting::new("memory.max", amount(limit)));
    }
    // As on version 1, unlimited memory means unlimited swap.
    if let Some(swap) = memory.swap.or(memory.limit.filter(|limit| *limit < 0)) {
        let limit = match memory.limit {
            None if swap >= 0 => present_limit(dir)?,
            limit => limit,
        };
        let bytes = swap_only(swap, limit)?;
        let setting = Setting::new("memory.swap.max", amount(bytes));
        // Where the kernel has no swap, none and any amount are what there is.
        all.push(if bytes <= 0 { setting.if_there() } else { setting });
    }
    if let Some(reservation) = memory.reservation {
        all.push(Setting::new("memory.low", amount(reservation)));
    }
    Ok(all)
}

/// The limit that the group has now; none if it has none.
fn present_limit(dir: &Dir) -> Result<Option<i64>> {
    let text = dir.read_optional("memory.max")?.unwrap_or_default();
    Ok(number(&text).and_then(|limit| i64::try_from(limit).ok()))
}

/// Version 2 limits swap by itself, where OCI's figure is memory and swap together.
fn swap_only(swap: i64, limit: Option<i64>) -> Result<i64> {
    match limit {
        _ if swap < 0 => Ok(-1),
        Some(limit) if limit > swap => {
            let reason = format!("{swap} is memory and swap, less than the present limit {limit}");
            Err(Error::invalid("memory.swap", reason))
        }
        Some(limit) if limit >= 0 => Ok(swap - limit),
        _ => Err(Error::invalid("memory.swap", "version 2 needs memory.limit with it")),
    }
}

fn amount(bytes: i64) -> String {
    if bytes < 0 { "max".to_owned() } else { bytes.to_string() }
}

/// Keeps a limit from being set below what is in use.
fn check_usage(dir: &Dir, memory: &Memory) -> Result<()> {
    let Some(limit) = memory.limit.filter(|limit| *limit >= 0) else { return Ok(()) };
    let usage = dir.read_optional("memory.current")?.unwrap_or_default();
    match usage.trim().parse::<i64>() {
        Ok(usage) if usage > limit => {
            let reason = format!("{limit} is below the present usage of {usage} bytes");
            Err(Error::invalid("memory.limit", reason))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
