//! Controllers whose files are the same in both versions.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::Stats;
use super::files::Files;
use crate::Result;
use crate::parse::{nested, number};

/// cgroup-v1/pids.rst; the peak is there from kernel 6.12 (version 2: 6.7).
pub(super) fn pids(files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    let pids = &mut stats.pids;
    pids.current = files.number("pids.current")?;
    if pids.current.is_some() {
        pids.limit = files.number("pids.max")?;
        pids.peak = files.number("pids.peak")?;
        pids.events = files.flat("pids.events")?;
    }
    Ok(())
}

/// cgroup-v1/rdma.rst
pub(super) fn rdma(files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    for (name, is_limit) in [("rdma.current", false), ("rdma.max", true)] {
        let Some(text) = files.text(name)? else { return Ok(()) };
        for (device, values) in nested(text) {
            let one = stats.rdma.entry(device.to_owned()).or_default();
            let value = |key: &str| values.get(key).copied().flatten();
            if is_limit {
                one.hca_handles_limit = value("hca_handle");
                one.hca_objects_limit = value("hca_object");
            } else {
                one.hca_handles = value("hca_handle");
                one.hca_objects = value("hca_object");
            }
        }
    }
    Ok(())
}

/// A list of numbers and ranges, `0-2,7` (cpuset(7), "List format").
pub(super) fn list(text: &str) -> Vec<u32> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(u32::try_from(number(first)?).ok()?..=u32::try_from(number(last)?).ok()?)
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

/// The sizes of this host's huge pages, as the kernel names them in control files
/// (Documentation/admin-guide/mm/hugetlbpage.rst: /sys/kernel/mm/hugepages).
pub(super) fn page_sizes() -> &'static [String] {
    static SIZES: OnceLock<Vec<String>> = OnceLock::new();
    SIZES.get_or_init(|| {
        let entries = std::fs::read_dir("/sys/kernel/mm/hugepages").into_iter().flatten().flatten();
        let mut sizes: Vec<u64> = entries
            .filter_map(|entry| {
                let name = entry.file_name();
                number(name.to_str()?.strip_prefix("hugepages-")?.strip_suffix("kB")?)
            })
            .collect();
        sizes.sort_unstable();
        sizes.into_iter().map(page_size).collect()
    })
}

/// A size in KiB as the kernel's hugetlb controller writes it.
fn page_size(kib: u64) -> String {
    match kib {
        0..1024 => format!("{kib}KB"),
        1024..1_048_576 => format!("{}MB", kib >> 10),
        _ => format!("{}GB", kib >> 20),
    }
}

/// A counter of some file's `KEY VALUE` lines.
pub(super) fn counter(all: &BTreeMap<String, u64>, key: &str) -> Option<u64> {
    all.get(key).copied()
}

#[cfg(test)]
mod tests;
