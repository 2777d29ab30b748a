//! The hugetlb controller of version 2.

use std::collections::BTreeMap;

use crate::Result;
use crate::file::Dir;
use crate::parse::{flat_value, number};
use crate::setting::Setting;
use crate::stats::{MemoryData, Stats};

/// What to write for these limits; on reservations see version 1.
pub(crate) fn settings(sizes: &BTreeMap<String, u64>) -> Vec<Setting> {
    let both = |(size, limit): (&String, &u64)| {
        [
            Setting::new(format!("hugetlb.{size}.max"), limit),
            Setting::new(format!("hugetlb.{size}.rsvd.max"), limit).if_there(),
        ]
    };
    sizes.iter().flat_map(both).collect()
}

/// Reads the figures; version 2 keeps no highest usage.
pub(crate) fn stats(dir: &Dir, stats: &mut Stats) -> Result<()> {
    for size in dir.between("hugetlb.", ".current")? {
        if size.contains('.') {
            continue;
        }
        let usage = dir.read_optional(&format!("hugetlb.{size}.current"))?;
        let limit = dir.read_optional(&format!("hugetlb.{size}.max"))?;
        let events = dir.read_optional(&format!("hugetlb.{size}.events"))?.unwrap_or_default();
        let data = MemoryData {
            usage: usage.and_then(|text| number(&text)).unwrap_or(0),
            max_usage: 0,
            failcnt: flat_value(&events, "max"),
            limit: limit.and_then(|text| number(&text)).unwrap_or(u64::MAX),
        };
        stats.hugetlb_stats.insert(size, data);
    }
    Ok(())
}
