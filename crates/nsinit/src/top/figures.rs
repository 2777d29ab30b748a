//! A container's figures of one look.

use std::time::Duration;

use libcontainer::{InterfaceStats, Stats, Status};

use crate::stats::NO_LIMIT;

/// One container.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// What it is doing.
    pub status: Status,
    /// Its init, if it has one.
    pub pid: Option<i32>,
    /// Milliseconds since 1970.
    pub created: u64,
    /// What it has used; none when it does not run.
    pub stats: Option<Stats>,
    /// What it used since the last look.
    pub rates: Rates,
    /// The processor's part of that at the last looks, the newest last.
    pub history: Vec<f64>,
}

/// What was used in a second; none where nothing is counted, or no look was before.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// Percent of one processor.
    pub cpu: Option<f64>,
    /// Bytes read from block devices.
    pub read: Option<f64>,
    /// Bytes written to block devices.
    pub write: Option<f64>,
    /// Bytes received.
    pub receive: Option<f64>,
    /// Bytes sent.
    pub send: Option<f64>,
}

impl Rates {
    /// Of two looks.
    pub fn between(before: &Stats, now: &Stats, time: Duration) -> Self {
        let rate = |of: fn(&Stats) -> Option<u64>| {
            let used = of(now)?.saturating_sub(of(before)?);
            Some(used as f64 / time.as_secs_f64()).filter(|rate| rate.is_finite())
        };
        Self {
            cpu: rate(|it| it.cgroup.as_ref()?.cpu_stats.cpu_usage.total_usage)
                .map(|nanoseconds| nanoseconds / 1e7),
            read: rate(|it| transferred(it, "Read")),
            write: rate(|it| transferred(it, "Write")),
            receive: rate(|it| network(it, |one| one.rx_bytes)),
            send: rate(|it| network(it, |one| one.tx_bytes)),
        }
    }

    /// Bytes read and written.
    pub fn io(&self) -> Option<f64> {
        Some(self.read? + self.write?)
    }
}

/// All devices together. A group that has used no device yet has no entry.
fn transferred(stats: &Stats, op: &str) -> Option<u64> {
    let entries = &stats.cgroup.as_ref()?.blkio_stats.io_service_bytes_recursive;
    Some(entries.iter().filter(|entry| entry.op == op).map(|entry| entry.value).sum())
}

fn network(stats: &Stats, of: fn(&InterfaceStats) -> u64) -> Option<u64> {
    (!stats.interfaces.is_empty()).then(|| stats.interfaces.iter().map(of).sum())
}

impl Row {
    fn group(&self) -> Option<&cgroups::Stats> {
        self.stats.as_ref()?.cgroup.as_ref()
    }

    /// Bytes of memory in use.
    pub fn memory(&self) -> Option<f64> {
        Some(self.group()?.memory_stats.usage.usage? as f64)
    }

    /// The limit, if there is one.
    pub fn memory_limit(&self) -> Option<f64> {
        let limit = self.group()?.memory_stats.usage.limit?;
        (limit < NO_LIMIT).then_some(limit as f64)
    }

    /// The part of the limit that is used.
    pub fn memory_part(&self) -> Option<f64> {
        Some(self.memory()? / self.memory_limit()?)
    }

    /// How many processes and threads.
    pub fn pids(&self) -> Option<u64> {
        self.group()?.pids.current
    }

    /// The same with the limit, where there is one.
    pub fn processes(&self) -> String {
        let limit = self.group().and_then(|group| group.pids.limit);
        match (self.pids(), limit) {
            (None, _) => "-".to_owned(),
            (Some(now), None) => now.to_string(),
            (Some(now), Some(limit)) => format!("{now}/{limit}"),
        }
    }

    /// Percent of the last 10 s in which some process waited for a processor, memory, a device.
    pub fn pressure(&self) -> [Option<f64>; 3] {
        let psi = self.group().map(|group| group.psi).unwrap_or_default();
        [psi.cpu, psi.memory, psi.io].map(|psi| Some(psi?.some?.avg10))
    }

    /// The worst of the three.
    pub fn worst_pressure(&self) -> Option<f64> {
        self.pressure().into_iter().flatten().max_by(f64::total_cmp)
    }
}

/// A percentage in five characters, most of the time.
pub fn percent(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value >= 999.95 => format!("{value:.0}"),
        Some(value) => format!("{value:.1}"),
    }
}

/// An amount in five characters: `0`, `512`, `1.5K`, `23.4M`, `512M`.
pub fn bytes(value: Option<f64>) -> String {
    let Some(mut value) = value else { return "-".to_owned() };
    let mut units = ["", "K", "M", "G", "T", "P", "E"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while value >= 999.5 {
        let Some(next) = units.next() else { break };
        (value, unit) = (value / 1024.0, next);
    }
    match unit {
        "" => format!("{value:.0}"),
        _ if value < 99.95 => format!("{value:.1}{unit}"),
        _ => format!("{value:.0}{unit}"),
    }
}

/// A graph one line high, the newest value at its right end, `full` as high as it gets. Where the
/// terminal has no such characters, `plain`, it is drawn in ASCII.
pub fn graph(values: &[f64], width: usize, full: f64, plain: bool) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const ASCII: [char; 9] = [' ', '.', '.', ':', ':', '|', '|', '#', '#'];
    let values = &values[values.len().saturating_sub(width)..];
    let mut text = " ".repeat(width - values.len());
    for value in values {
        let part = if full > 0.0 { (value / full).clamp(0.0, 1.0) } else { 0.0 };
        // What is more than nothing is seen.
        let height = (part * 8.0).round().max(if *value > 0.0 { 1.0 } else { 0.0 }) as usize;
        text.push(if plain { ASCII[height] } else { BARS[height] });
    }
    text
}

#[cfg(test)]
mod tests;
