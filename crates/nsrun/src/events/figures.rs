//! The figures of a container, in the layout that readers of a runtime's events know.
//!
//! What the kernel does not keep is left out (docs/statistics.md).

use cgroups::{
    BlkioStats, CpuStats, CpusetStats, HugetlbStats, MemoryData, MemoryStats, PidsStats, RdmaStats,
};
use libcontainer::Stats;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The `data` of a line of type `stats`. A container without a control group of its own has
/// figures of its network only.
pub fn data(stats: &Stats) -> Value {
    let group = stats.cgroup.clone().unwrap_or_default();
    let mut data = json!({
        "cpu": cpu(&group.cpu_stats),
        "cpuset": cpuset(&group.cpuset_stats),
        "memory": memory(&group.memory_stats),
        "pids": pids(&group.pids),
        "blkio": blkio(&group.blkio_stats),
        "hugetlb": group.hugetlb_stats.iter().map(|(size, data)| (size.clone(), pages(data)))
            .collect::<Map<_, _>>(),
        "intel_rdt": stats.intel_rdt.clone().unwrap_or_default(),
        "network_interfaces": stats.interfaces,
    });
    for (place, psi) in
        [("cpu", group.psi.cpu), ("memory", group.psi.memory), ("blkio", group.psi.io)]
    {
        put(&mut data[place], "psi", psi);
    }
    if !group.memory_events.is_empty() {
        data["memory"]["events"] = json!(group.memory_events);
    }
    if !group.memory_events_local.is_empty() {
        data["memory"]["eventsLocal"] = json!(group.memory_events_local);
    }
    if !group.rdma.is_empty() {
        let entries = group.rdma.iter().map(|(device, used)| (device.clone(), rdma(*used)));
        data["rdma"] = Value::Object(entries.collect());
    }
    data
}

/// Sets what is there.
fn put(object: &mut Value, key: &str, value: Option<impl Serialize>) {
    if let Some(value) = value {
        object[key] = json!(value);
    }
}

/// An object of numbers, without those that are not there.
fn numbers<const N: usize>(pairs: [(&str, Option<u64>); N]) -> Value {
    let there = |(key, value): (&str, Option<u64>)| Some((key.to_owned(), value?.into()));
    Value::Object(pairs.into_iter().filter_map(there).collect())
}

fn cpu(cpu: &CpuStats) -> Value {
    let (usage, throttling, burst) = (&cpu.cpu_usage, cpu.throttling_data, cpu.burst_data);
    let mut used = numbers([
        ("total", usage.total_usage),
        ("kernel", usage.usage_in_kernelmode),
        ("user", usage.usage_in_usermode),
    ]);
    used["percpu"] = json!(usage.percpu_usage);
    if !usage.percpu_usage_in_kernelmode.is_empty() {
        used["percpu_kernel"] = json!(usage.percpu_usage_in_kernelmode);
        used["percpu_user"] = json!(usage.percpu_usage_in_usermode);
    }
    let throttled = numbers([
        ("periods", throttling.periods),
        ("throttledPeriods", throttling.throttled_periods),
        ("throttledTime", throttling.throttled_time),
    ]);
    let mut cpu = json!({"usage": used, "throttling": throttled});
    if burst.bursts_periods.is_some() {
        cpu["burst"] =
            numbers([("burstsPeriods", burst.bursts_periods), ("burstTime", burst.burst_time)]);
    }
    cpu
}

fn cpuset(cpuset: &CpusetStats) -> Value {
    let mut value = json!(cpuset.settings);
    put(&mut value, "cpus", cpuset.cpus.as_ref());
    put(&mut value, "mems", cpuset.mems.as_ref());
    put(&mut value, "effective_cpus", cpuset.effective_cpus.as_ref());
    put(&mut value, "effective_mems", cpuset.effective_mems.as_ref());
    value
}

fn memory(memory: &MemoryStats) -> Value {
    let mut value = json!({
        "usage": kind(&memory.usage),
        "swap": kind(&memory.swap_usage),
        "kernel": kind(&memory.kernel_usage),
        "kernelTCP": kind(&memory.kernel_tcp_usage),
        "raw": memory.stats,
    });
    put(&mut value, "cache", memory.cache);
    if memory.swap_only_usage.usage.is_some() {
        value["swapOnly"] = kind(&memory.swap_only_usage);
    }
    value
}

fn kind(data: &MemoryData) -> Value {
    numbers([
        ("limit", data.limit),
        ("usage", data.usage),
        ("max", data.max_usage),
        ("failcnt", data.failcnt),
    ])
}

fn pages(pages: &HugetlbStats) -> Value {
    let &HugetlbStats { usage, max_usage, failcnt, limit, .. } = pages;
    let mut value = kind(&MemoryData { usage, max_usage, failcnt, limit });
    if pages.rsvd.usage.is_some() {
        value["rsvd"] = kind(&pages.rsvd);
    }
    value
}

/// No limit is none.
fn pids(pids: &PidsStats) -> Value {
    numbers([
        ("current", pids.current),
        ("limit", pids.limit),
        ("peak", pids.peak),
        ("refused", pids.events.get("max").copied()),
    ])
}

fn blkio(blkio: &BlkioStats) -> Value {
    json!({
        "ioServiceBytesRecursive": blkio.io_service_bytes_recursive,
        "ioServicedRecursive": blkio.io_serviced_recursive,
        "ioQueueRecursive": blkio.io_queue_recursive,
        "ioServiceTimeRecursive": blkio.io_service_time_recursive,
        "ioWaitTimeRecursive": blkio.io_wait_time_recursive,
        "ioMergedRecursive": blkio.io_merged_recursive,
        "ioTimeRecursive": blkio.io_time_recursive,
        "sectorsRecursive": blkio.sectors_recursive,
    })
}

/// No limit is none.
fn rdma(used: RdmaStats) -> Value {
    numbers([
        ("hcaHandles", used.hca_handles),
        ("hcaObjects", used.hca_objects),
        ("hcaHandlesLimit", used.hca_handles_limit),
        ("hcaObjectsLimit", used.hca_objects_limit),
    ])
}
