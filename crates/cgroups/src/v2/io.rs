//! The io controller of version 2, from limits in the terms of version 1's blkio.

use crate::resources::{BlockIo, ThrottleDevice};
use crate::setting::Setting;
use crate::{Error, Result};

/// What to write for these limits.
pub(crate) fn settings(limits: &BlockIo) -> Result<Vec<Setting>> {
    if let Some(key) = limits.only_in_version_1() {
        let hint = "only kernels before 5.0 had it; leave it out";
        return Err(Error::unsupported("blkio (version 1)", key, hint));
    }
    let mut all = Vec::new();
    if let Some(value) = limits.weight {
        let setting = Setting::new("io.bfq.weight", value);
        all.push(setting.or("io.weight", format!("default {}", weight(value))));
    }
    for one in &limits.weight_device {
        if let Some(value) = one.weight {
            let place = format!("{}:{}", one.major, one.minor);
            let setting = Setting::new("io.bfq.weight", format!("{place} {value}"));
            all.push(setting.or("io.weight", format!("{place} {}", weight(value))));
        }
    }
    for (key, rates) in [
        ("rbps", &limits.throttle_read_bps),
        ("wbps", &limits.throttle_write_bps),
        ("riops", &limits.throttle_read_iops),
        ("wiops", &limits.throttle_write_iops),
    ] {
        all.extend(rates.iter().map(|one| Setting::new("io.max", throttle(key, one))));
    }
    Ok(all)
}

fn throttle(key: &str, one: &ThrottleDevice) -> String {
    let rate = if one.rate == 0 { "max".to_owned() } else { one.rate.to_string() };
    format!("{}:{} {key}={rate}", one.major, one.minor)
}

/// A weight of 10 to 1000 as one of io.weight, 1 to 10000.
pub(crate) fn weight(blkio: u16) -> u64 {
    let blkio = u64::from(blkio).clamp(10, 1000);
    1 + (blkio - 10) * 9999 / 990
}

#[cfg(test)]
mod tests;
