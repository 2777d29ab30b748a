//! The blkio controller of version 1 (cgroup-v1/blkio-controller.rst).

use crate::resources::BlockIo;
use crate::setting::Setting;

/// What to write for these limits.
pub(crate) fn settings(limits: &BlockIo) -> Vec<Setting> {
    let mut all = Vec::new();
    if let Some(weight) = limits.weight {
        all.push(Setting::new("blkio.bfq.weight", weight).or("blkio.weight", weight));
    }
    if let Some(weight) = limits.leaf_weight {
        all.push(Setting::new("blkio.leaf_weight", weight));
    }
    for one in &limits.weight_device {
        let line = |weight: u16| format!("{}:{} {weight}", one.major, one.minor);
        if let Some(weight) = one.weight {
            let setting = Setting::new("blkio.bfq.weight_device", line(weight));
            all.push(setting.or("blkio.weight_device", line(weight)));
        }
        if let Some(weight) = one.leaf_weight {
            all.push(Setting::new("blkio.leaf_weight_device", line(weight)));
        }
    }
    for (file, rates) in [
        ("blkio.throttle.read_bps_device", &limits.throttle_read_bps),
        ("blkio.throttle.write_bps_device", &limits.throttle_write_bps),
        ("blkio.throttle.read_iops_device", &limits.throttle_read_iops),
        ("blkio.throttle.write_iops_device", &limits.throttle_write_iops),
    ] {
        for one in rates {
            let line = format!("{}:{} {}", one.major, one.minor, one.rate);
            all.push(Setting::new(file, line));
        }
    }
    all
}
