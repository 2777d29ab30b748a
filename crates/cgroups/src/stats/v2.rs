//! Version 2 (Documentation/admin-guide/cgroup-v2.rst).

use super::both::{counter, list, page_sizes, pids, rdma};
use super::figures::{BlkioEntry, MemoryData};
use super::files::Files;
use super::{HugetlbStats, Stats};
use crate::Result;
use crate::parse::{device, nested};
use crate::psi::Psi;

type Read = fn(&mut Files<'_>, &mut Stats) -> Result<()>;

/// Reads what version 1 does not have: `lacks` says of which controllers that is.
pub(super) fn read(
    files: &mut Files<'_>,
    stats: &mut Stats,
    lacks: impl Fn(&str) -> bool,
) -> Result<()> {
    stats.psi.cpu = files.text("cpu.pressure")?.map(Psi::parse);
    stats.psi.memory = files.text("memory.pressure")?.map(Psi::parse);
    stats.psi.io = files.text("io.pressure")?.map(Psi::parse);
    if lacks("cpu") || lacks("cpuacct") {
        cpu(files, stats)?;
    }
    // Which files are there says which controllers the group has been given.
    let all: [(_, Read); 6] = [
        ("cpuset", cpuset),
        ("memory", memory),
        ("blkio", io),
        ("hugetlb", hugetlb),
        ("pids", pids),
        ("rdma", rdma),
    ];
    all.iter().filter(|(name, _)| lacks(name)).try_for_each(|(_, read)| read(files, stats))
}

/// cpu.stat is there without the controller too; it counts microseconds. Of version 1 there may be
/// either the time used or what the quota did, already.
fn cpu(files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    let all = files.flat("cpu.stat")?;
    let nanoseconds = |key: &str| counter(&all, key).map(|value| value.saturating_mul(1000));
    let cpu = &mut stats.cpu_stats;
    if cpu.cpu_usage.total_usage.is_none() {
        cpu.cpu_usage.total_usage = nanoseconds("usage_usec");
        cpu.cpu_usage.usage_in_kernelmode = nanoseconds("system_usec");
        cpu.cpu_usage.usage_in_usermode = nanoseconds("user_usec");
    }
    if cpu.throttling_data.periods.is_none() {
        cpu.throttling_data.periods = counter(&all, "nr_periods");
        cpu.throttling_data.throttled_periods = counter(&all, "nr_throttled");
        cpu.throttling_data.throttled_time = nanoseconds("throttled_usec");
        cpu.burst_data.bursts_periods = counter(&all, "nr_bursts");
        cpu.burst_data.burst_time = nanoseconds("burst_usec");
    }
    Ok(())
}

fn cpuset(files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    let cpuset = &mut stats.cpuset_stats;
    cpuset.cpus = files.text("cpuset.cpus")?.map(list);
    if cpuset.cpus.is_some() {
        cpuset.mems = files.text("cpuset.mems")?.map(list);
        cpuset.effective_cpus = files.text("cpuset.cpus.effective")?.map(list);
        cpuset.effective_mems = files.text("cpuset.mems.effective")?.map(list);
    }
    Ok(())
}

/// Swap is counted by itself in version 2; its sum with memory is given too, as version 1 does.
fn memory(files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    let Some(usage) = files.number("memory.current")? else { return Ok(()) };
    stats.memory_events = files.flat("memory.events")?;
    stats.memory_events_local = files.flat("memory.events.local")?;
    let memory = &mut stats.memory_stats;
    memory.stats = files.flat("memory.stat")?;
    memory.cache = counter(&memory.stats, "file");
    memory.usage = MemoryData {
        usage: Some(usage),
        max_usage: files.number("memory.peak")?,
        failcnt: counter(&stats.memory_events, "max"),
        limit: files.limit("memory.max")?,
    };
    memory.reservation = files.limit("memory.low")?;
    memory.high = files.limit("memory.high")?;
    if let Some(swap) = files.number("memory.swap.current")? {
        let only = MemoryData {
            usage: Some(swap),
            max_usage: files.number("memory.swap.peak")?,
            failcnt: counter(&files.flat("memory.swap.events")?, "max"),
            limit: files.limit("memory.swap.max")?,
        };
        let sum = |one: Option<u64>, other: Option<u64>| Some(one?.saturating_add(other?));
        memory.swap_usage = MemoryData {
            usage: sum(memory.usage.usage, only.usage),
            max_usage: None,
            failcnt: only.failcnt,
            limit: sum(memory.usage.limit, only.limit),
        };
        memory.swap_only_usage = only;
    }
    // From kernel 5.18; before, the sum of what it is made of.
    let parts = ["slab", "kernel_stack", "pagetables", "percpu", "sock"];
    let sum = || parts.iter().filter_map(|part| counter(&memory.stats, part)).sum();
    memory.kernel_usage.usage = counter(&memory.stats, "kernel").or_else(|| Some(sum()));
    Ok(())
}

fn io(files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    let Some(text) = files.text("io.stat")? else { return Ok(()) };
    for (place, values) in nested(text) {
        let Some((major, minor)) = device(place) else { continue };
        for (op, bytes, operations) in
            [("Read", "rbytes", "rios"), ("Write", "wbytes", "wios"), ("Discard", "dbytes", "dios")]
        {
            let entry = |key: &str| {
                let value = values.get(key).copied().flatten()?;
                Some(BlkioEntry { major, minor, op: op.to_owned(), value })
            };
            let blkio = &mut stats.blkio_stats;
            blkio.io_service_bytes_recursive.extend(entry(bytes));
            blkio.io_serviced_recursive.extend(entry(operations));
        }
    }
    Ok(())
}

/// Version 2 keeps no highest usage.
fn hugetlb(files: &mut Files<'_>, stats: &mut Stats) -> Result<()> {
    for size in page_sizes() {
        let Some(usage) = files.number(&format!("hugetlb.{size}.current"))? else { break };
        let limit = files.limit(&format!("hugetlb.{size}.max"))?;
        let rsvd = MemoryData {
            usage: files.number(&format!("hugetlb.{size}.rsvd.current"))?,
            limit: files.limit(&format!("hugetlb.{size}.rsvd.max"))?,
            ..MemoryData::default()
        };
        let events = files.flat(&format!("hugetlb.{size}.events"))?;
        let events_local = files.flat(&format!("hugetlb.{size}.events.local"))?;
        let one = HugetlbStats {
            usage: Some(usage),
            max_usage: None,
            failcnt: counter(&events, "max"),
            limit,
            rsvd,
            events,
            events_local,
        };
        stats.hugetlb_stats.insert(size.clone(), one);
    }
    Ok(())
}
