//! The pids controller, the same in both versions (cgroup-v1/pids.rst).

use crate::Result;
use crate::file::Dir;
use crate::parse::number;
use crate::setting::Setting;
use crate::stats::Stats;

/// What to write for a limit; a negative one is none.
pub(crate) fn settings(limit: i64) -> Vec<Setting> {
    let value = if limit < 0 { "max".to_owned() } else { limit.to_string() };
    vec![Setting::new("pids.max", value)]
}

/// Reads the figures. The files are not there where version 2 has not given the group the
/// controller.
pub(crate) fn stats(dir: &Dir, stats: &mut Stats) -> Result<()> {
    if let Some(current) = dir.read_optional("pids.current")? {
        stats.pids.current = number(&current).unwrap_or(0);
        stats.pids.limit = dir.read_optional("pids.max")?.and_then(|text| number(&text));
    }
    Ok(())
}
