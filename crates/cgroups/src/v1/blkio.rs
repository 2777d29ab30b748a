//! The blkio controller of version 1 (cgroup-v1/blkio-controller.rst).

use crate::Result;
use crate::file::Dir;
use crate::parse::{device, number};
use crate::resources::BlockIo;
use crate::setting::Setting;
use crate::stats::{BlkioEntry, Stats};

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

/// Reads the figures. The names of the files differ with the I/O scheduler and the kernel; the
/// first that has any device counts, with the throttling layer's, which every device has, last.
pub(crate) fn stats(dir: &Dir, stats: &mut Stats) -> Result<()> {
    let blkio = &mut stats.blkio_stats;
    for (list, name) in [
        (&mut blkio.io_service_bytes_recursive, "io_service_bytes_recursive"),
        (&mut blkio.io_serviced_recursive, "io_serviced_recursive"),
        (&mut blkio.io_queue_recursive, "io_queued_recursive"),
        (&mut blkio.io_service_time_recursive, "io_service_time_recursive"),
        (&mut blkio.io_wait_time_recursive, "io_wait_time_recursive"),
        (&mut blkio.io_merged_recursive, "io_merged_recursive"),
        (&mut blkio.io_time_recursive, "time_recursive"),
        (&mut blkio.sectors_recursive, "sectors_recursive"),
    ] {
        for layer in ["blkio", "blkio.bfq", "blkio.throttle"] {
            let text = dir.read_optional(&format!("{layer}.{name}"))?.unwrap_or_default();
            list.extend(text.lines().filter_map(entry));
            if !list.is_empty() {
                break;
            }
        }
    }
    Ok(())
}

/// `8:0 Read 42` or `8:0 42`; the line `Total 42` is over all devices and belongs to none.
fn entry(line: &str) -> Option<BlkioEntry> {
    let mut words = line.split_whitespace();
    let (major, minor) = device(words.next()?)?;
    let second = words.next()?;
    let (op, value) = match words.next() {
        Some(value) => (second.to_owned(), number(value)?),
        None => (String::new(), number(second)?),
    };
    Some(BlkioEntry { major, minor, op, value })
}

#[cfg(test)]
mod tests;
