//! The hugetlb controller of version 1 (cgroup-v1/hugetlb.rst).

use std::collections::BTreeMap;

use crate::Result;
use crate::file::Dir;
use crate::parse::number;
use crate::setting::Setting;
use crate::stats::{MemoryData, Stats};

/// What to write for these limits. Reservations (kernel 5.7) are limited as page faults are, so
/// that a program learns from mmap(2) that it asks too much, and not by SIGBUS.
pub(crate) fn settings(sizes: &BTreeMap<String, u64>) -> Vec<Setting> {
    let both = |(size, limit): (&String, &u64)| {
        [
            Setting::new(format!("hugetlb.{size}.limit_in_bytes"), limit),
            Setting::new(format!("hugetlb.{size}.rsvd.limit_in_bytes"), limit).if_there(),
        ]
    };
    sizes.iter().flat_map(both).collect()
}

/// Reads the figures.
pub(crate) fn stats(dir: &Dir, stats: &mut Stats) -> Result<()> {
    for size in dir.between("hugetlb.", ".usage_in_bytes")? {
        if size.contains('.') {
            continue;
        }
        let one = |name: &str| {
            let text = dir.read_optional(&format!("hugetlb.{size}.{name}"))?;
            Ok(text.and_then(|text| number(&text)).unwrap_or(0))
        };
        let data = MemoryData {
            usage: one("usage_in_bytes")?,
            max_usage: one("max_usage_in_bytes")?,
            failcnt: one("failcnt")?,
            limit: one("limit_in_bytes")?,
        };
        stats.hugetlb_stats.insert(size, data);
    }
    Ok(())
}
