//! The hugetlb controller of version 2.

use std::collections::BTreeMap;

use crate::setting::Setting;

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
