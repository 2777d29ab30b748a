//! The pids controller, the same in both versions (cgroup-v1/pids.rst).

use crate::setting::Setting;

/// What to write for a limit; a negative one is none.
pub(crate) fn settings(limit: i64) -> Vec<Setting> {
    let value = if limit < 0 { "max".to_owned() } else { limit.to_string() };
    vec![Setting::new("pids.max", value)]
}
