//! Version 1 (Documentation/admin-guide/cgroup-v1/).

use super::both::{counter, list, page_sizes, pids, rdma};
use super::figures::{BlkioEntry, MemoryData};
use super::files::Files;
use super::{HugetlbStats, Stats};
use crate::Result;
use crate::parse::{device, number};

/// Whether a controller keeps any.
pub(super) fn has_figures(controller: &str) -> bool {
    ["cpu", "cpuacct", "cpuset", "memory", "blkio", "hugetlb", "pids", "rdma"].contains(&controller)
}

/// Reads those of one controller.
pub(super) fn read(controller: &str, files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    match controller {
        "cpu" => cpu(files, stats),
        "cpuacct" => cpuacct(files, stats),
        "cpuset" => cpuset(files, stats),
        "memory" => memory(files, stats),
        "blkio" => blkio(files, stats),
        "hugetlb" => hugetlb(files, stats),
        "pids" => pids(files, stats),
        "rdma" => rdma(files, stats),
        _ => Ok(()),
    }
}

/// scheduler/sched-bwc.rst; the bursts are there from kernel 5.14, all times in nanoseconds.
fn cpu(files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    let all = files.flat("cpu.stat")?;
    let cpu = &mut stats.cpu_stats;
    cpu.throttling_data.periods = counter(&all, "nr_periods");
    cpu.throttling_data.throttled_periods = counter(&all, "nr_throttled");
    cpu.throttling_data.throttled_time = counter(&all, "throttled_time");
    cpu.burst_data.bursts_periods = counter(&all, "nr_bursts");
    cpu.burst_data.burst_time = counter(&all, "burst_time");
    Ok(())
}

/// cpuacct.rst, in nanoseconds. The kernel keeps figures by processor only; its totals are their
/// sums too.
fn cpuacct(files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    let usage = &mut stats.cpu_stats.cpu_usage;
    if let Some(text) = files.text("cpuacct.usage_percpu")? {
        usage.percpu_usage = text.split_whitespace().filter_map(number).collect();
        usage.total_usage = Some(usage.percpu_usage.iter().sum());
    }
    if let Some(text) = files.text("cpuacct.usage_all")? {
        // `cpu user system`, then a line for each processor.
        for line in text.lines().skip(1) {
            let mut columns = line.split_whitespace().filter_map(number).skip(1);
            if let (Some(user), Some(kernel)) = (columns.next(), columns.next()) {
                usage.percpu_usage_in_usermode.push(user);
                usage.percpu_usage_in_kernelmode.push(kernel);
            }
        }
        usage.usage_in_usermode = Some(usage.percpu_usage_in_usermode.iter().sum());
        usage.usage_in_kernelmode = Some(usage.percpu_usage_in_kernelmode.iter().sum());
    }
    Ok(())
}

/// cpusets.rst
fn cpuset(files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    let cpuset = &mut stats.cpuset_stats;
    cpuset.cpus = files.text("cpuset.cpus")?.map(list);
    cpuset.mems = files.text("cpuset.mems")?.map(list);
    cpuset.effective_cpus = files.text("cpuset.effective_cpus")?.map(list);
    cpuset.effective_mems = files.text("cpuset.effective_mems")?.map(list);
    for name in [
        "cpu_exclusive",
        "mem_exclusive",
        "mem_hardwall",
        "memory_migrate",
        "memory_pressure",
        "memory_spread_page",
        "memory_spread_slab",
        "sched_load_balance",
        "sched_relax_domain_level",
    ] {
        let text = files.text(&format!("cpuset.{name}"))?;
        if let Some(value) = text.and_then(|text| text.trim().parse().ok()) {
            cpuset.settings.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

/// memory.rst. memory.memsw is not there without swap accounting, memory.kmem on some kernels.
fn memory(files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    let memory = &mut stats.memory_stats;
    memory.stats = files.flat("memory.stat")?;
    memory.cache = counter(&memory.stats, "cache");
    memory.usage = data(files, "memory")?;
    memory.swap_usage = data(files, "memory.memsw")?;
    memory.kernel_usage = data(files, "memory.kmem")?;
    memory.kernel_tcp_usage = data(files, "memory.kmem.tcp")?;
    memory.reservation = files.limit("memory.soft_limit_in_bytes")?;
    stats.memory_events = files.flat("memory.oom_control")?;
    stats.memory_events.remove("oom_kill_disable");
    Ok(())
}

/// Nothing where the first file is not there: the others are not there either.
fn data(files: &mut Files<'_>, prefix: &str) -> Result<MemoryData> {
    let usage = files.number(&format!("{prefix}.usage_in_bytes"))?;
    if usage.is_none() {
        return Ok(MemoryData::default());
    }
    Ok(MemoryData {
        usage,
        max_usage: files.number(&format!("{prefix}.max_usage_in_bytes"))?,
        failcnt: files.number(&format!("{prefix}.failcnt"))?,
        limit: files.number(&format!("{prefix}.limit_in_bytes"))?,
    })
}

/// blkio-controller.rst. The bfq scheduler counts for the devices that it serves; the throttling
/// layer, which every device has, counts two things. (The scheduler that kept files of no layer
/// went with kernel 5.0.)
fn blkio(files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    let blkio = &mut stats.blkio_stats;
    let bfq = entries(files, "blkio.bfq.io_service_bytes_recursive")?;
    if let Some(bytes) = bfq {
        blkio.io_service_bytes_recursive = bytes;
        for (list, name) in [
            (&mut blkio.io_serviced_recursive, "io_serviced"),
            (&mut blkio.io_queue_recursive, "io_queued"),
            (&mut blkio.io_service_time_recursive, "io_service_time"),
            (&mut blkio.io_wait_time_recursive, "io_wait_time"),
            (&mut blkio.io_merged_recursive, "io_merged"),
            (&mut blkio.io_time_recursive, "time"),
            (&mut blkio.sectors_recursive, "sectors"),
        ] {
            *list = entries(files, &format!("blkio.bfq.{name}_recursive"))?.unwrap_or_default();
        }
    }
    for (list, name) in [
        (&mut blkio.io_service_bytes_recursive, "io_service_bytes"),
        (&mut blkio.io_serviced_recursive, "io_serviced"),
    ] {
        if list.is_empty() {
            let throttle = entries(files, &format!("blkio.throttle.{name}_recursive"))?;
            *list = throttle.unwrap_or_default();
        }
    }
    Ok(())
}

fn entries(files: &mut Files<'_>, name: &str) -> Result<Option<Vec<BlkioEntry>>> {
    Ok(files.text(name)?.map(|text| text.lines().filter_map(entry).collect()))
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

/// hugetlb.rst; reservations are counted from kernel 5.7.
fn hugetlb(files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    for size in page_sizes() {
        let MemoryData { usage, max_usage, failcnt, limit } =
            data(files, &format!("hugetlb.{size}"))?;
        if usage.is_none() {
            break;
        }
        let rsvd = data(files, &format!("hugetlb.{size}.rsvd"))?;
        let one = HugetlbStats { usage, max_usage, failcnt, limit, rsvd, ..Default::default() };
        stats.hugetlb_stats.insert(size.clone(), one);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
