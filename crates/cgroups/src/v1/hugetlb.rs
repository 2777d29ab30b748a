//! The hugetlb controller of version 1 (cgroup-v1/hugetlb.rst).

use std::collections::BTreeMap;

use crate::setting::Setting;

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
