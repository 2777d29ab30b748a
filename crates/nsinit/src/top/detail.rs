//! What is shown: one container.

use cgroups::{MemoryData, Stats as Group};

use super::figures::{Row, bytes, graph, percent};
use super::view::Look;
use crate::stats::NO_LIMIT;

/// The lines about a container, as many as there are.
pub fn lines(row: &Row, width: usize, look: Look) -> Vec<String> {
    let mut lines = vec![head(row, look), String::new()];
    let Some(stats) = &row.stats else { return lines };
    if let Some(group) = &stats.cgroup {
        processor(&mut lines, row, group, width, look);
        memory(&mut lines, group, look);
        pressure(&mut lines, group, look);
        devices(&mut lines, row, group, look);
        processes(&mut lines, group, look);
    } else {
        lines.push("It has no control group of its own, and so no figures.".to_owned());
    }
    for one in &stats.interfaces {
        let (received, sent) = (bytes(Some(one.rx_bytes as f64)), bytes(Some(one.tx_bytes as f64)));
        let (rx, tx) = (bytes(row.rates.receive), bytes(row.rates.send));
        let text = format!("received {received} ({rx}/s)  sent {sent} ({tx}/s)");
        title(&mut lines, look, "network", &format!("{}: {text}", one.name));
    }
    lines
}

fn head(row: &Row, look: Look) -> String {
    let pid = row.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    let created = cli::time::text(row.created / 1000, ' ');
    let id = look.paint("1", &row.id);
    format!("{id}  {}  pid {pid}  created {created}Z", row.status.name())
}

fn title(lines: &mut Vec<String>, look: Look, name: &str, text: &str) {
    let name = look.paint("1", &format!("{name:<10}"));
    lines.push(format!("{name}{text}"));
}

fn further(lines: &mut Vec<String>, text: &str) {
    lines.push(format!("{:10}{text}", ""));
}

fn processor(lines: &mut Vec<String>, row: &Row, group: &Group, width: usize, look: Look) {
    let usage = &group.cpu_stats.cpu_usage;
    let text = format!(
        "{}%  used {} s, {} in user space, {} in the kernel",
        percent(row.rates.cpu),
        seconds(usage.total_usage),
        seconds(usage.usage_in_usermode),
        seconds(usage.usage_in_kernelmode),
    );
    title(lines, look, "cpu", &text);
    let full = row.history.iter().copied().fold(100.0, f64::max);
    let graph = graph(&row.history, width.saturating_sub(11).min(120), full, look.ascii);
    further(lines, &look.paint("32", &graph));
    let quota = group.cpu_stats.throttling_data;
    if let (Some(periods), Some(throttled)) = (quota.periods, quota.throttled_periods) {
        let time = seconds(quota.throttled_time);
        further(lines, &format!("held back in {throttled} of {periods} periods, for {time} s"));
    }
    let burst = group.cpu_stats.burst_data;
    if let Some(periods) = burst.bursts_periods.filter(|periods| *periods > 0) {
        further(lines, &format!("{periods} bursts of {} s", seconds(burst.burst_time)));
    }
    lines.push(String::new());
}

fn memory(lines: &mut Vec<String>, group: &Group, look: Look) {
    let memory = &group.memory_stats;
    title(lines, look, "memory", &kind(&memory.usage));
    if memory.usage.usage.is_some() {
        let cache = bytes(memory.cache.map(|it| it as f64));
        let kernel = bytes(memory.kernel_usage.usage.map(|it| it as f64));
        further(lines, &format!("of that {cache} cache files, {kernel} are the kernel's"));
    }
    let (name, swap) = match memory.swap_only_usage.usage {
        Some(_) => ("swap", &memory.swap_only_usage),
        None => ("with swap", &memory.swap_usage),
    };
    if swap.usage.is_some() {
        title(lines, look, name, &kind(swap));
    }
    let events: Vec<String> =
        group.memory_events.iter().map(|(event, count)| format!("{event} {count}")).collect();
    if !events.is_empty() {
        title(lines, look, "events", &events.join("  "));
    }
    for (size, pages) in &group.hugetlb_stats {
        let &cgroups::HugetlbStats { usage, max_usage, failcnt, limit, .. } = pages;
        let data = MemoryData { usage, max_usage, failcnt, limit };
        title(lines, look, "huge pages", &format!("{size}: {}", kind(&data)));
    }
    lines.push(String::new());
}

fn kind(data: &MemoryData) -> String {
    let amount = |value: Option<u64>| bytes(value.map(|value| value as f64));
    let limit = match data.limit {
        Some(limit) if limit < NO_LIMIT => format!("of {}", amount(Some(limit))),
        Some(_) => "unlimited".to_owned(),
        None => String::new(),
    };
    let peak = data.max_usage.map(|peak| format!("  at most {}", amount(Some(peak))));
    let met = data.failcnt.map(|count| format!("  limit met {count} times"));
    let text = format!("{} {limit}", amount(data.usage));
    format!("{}{}{}", text.trim_end(), peak.unwrap_or_default(), met.unwrap_or_default())
}

fn pressure(lines: &mut Vec<String>, group: &Group, look: Look) {
    let all = [("cpu", group.psi.cpu), ("memory", group.psi.memory), ("io", group.psi.io)];
    if all.iter().all(|(_, psi)| psi.is_none()) {
        return;
    }
    let headline =
        format!("{:<14}{:>8}{:>8}{:>8}{:>12}", "% waiting", "10 s", "60 s", "300 s", "in all");
    title(lines, look, "pressure", &headline);
    for (name, psi) in all {
        for (who, stall) in psi.iter().flat_map(|psi| [("some", psi.some), ("all", psi.full)]) {
            let Some(stall) = stall else { continue };
            let [one, six, thirty] =
                [stall.avg10, stall.avg60, stall.avg300].map(|part| percent(Some(part)));
            let total = format!("{} s", seconds(Some(stall.total.saturating_mul(1000))));
            let name = format!("{name}, {who}");
            further(lines, &format!("{name:<14}{one:>8}{six:>8}{thirty:>8}{total:>12}"));
        }
    }
    lines.push(String::new());
}

fn devices(lines: &mut Vec<String>, row: &Row, group: &Group, look: Look) {
    let blkio = &group.blkio_stats;
    let (read, write) = (bytes(row.rates.read), bytes(row.rates.write));
    title(lines, look, "io", &format!("reads {read}/s  writes {write}/s"));
    for entry in &blkio.io_service_bytes_recursive {
        if !["Read", "Write", "Discard"].contains(&entry.op.as_str()) {
            continue;
        }
        let operations = blkio
            .io_serviced_recursive
            .iter()
            .find(|it| (it.major, it.minor, &it.op) == (entry.major, entry.minor, &entry.op));
        let operations = operations.map_or(0, |it| it.value);
        let device = format!("{}:{}", entry.major, entry.minor);
        let (op, amount) = (entry.op.to_lowercase(), bytes(Some(entry.value as f64)));
        further(lines, &format!("{device:<9}{op:<8}{amount:>8} by {operations} operations"));
    }
}

fn processes(lines: &mut Vec<String>, group: &Group, look: Look) {
    let pids = &group.pids;
    let Some(current) = pids.current else { return };
    let limit = pids.limit.map_or_else(|| " unlimited".to_owned(), |limit| format!(" of {limit}"));
    let peak = pids.peak.map(|peak| format!("  at most {peak}")).unwrap_or_default();
    let refused = pids.events.get("max").map(|count| format!("  refused {count}"));
    title(lines, look, "pids", &format!("{current}{limit}{peak}{}", refused.unwrap_or_default()));
}

fn seconds(nanoseconds: Option<u64>) -> String {
    nanoseconds.map_or_else(|| "-".to_owned(), |time| format!("{:.2}", time as f64 / 1e9))
}
