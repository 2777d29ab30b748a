//! The figures of a container, in the layout that readers of a runtime's events know.

use cgroups::{BlkioStats, CpuStats, MemoryData, MemoryStats, PidsStats, Psi, RdmaStats};
use libcontainer::Stats;
use serde_json::{Map, Value, json};

/// The `data` of a line of type `stats`. A container without a control group of its own has
/// figures of its network only.
pub fn data(stats: &Stats) -> Value {
    let group = stats.cgroup.clone().unwrap_or_default();
    let mut data = json!({
        "cpu": cpu(&group.cpu_stats),
        "memory": memory(&group.memory_stats),
        "pids": pids(group.pids),
        "blkio": blkio(&group.blkio_stats),
        "hugetlb": group.hugetlb_stats.iter().map(|(size, data)| (size.clone(), kind(data)))
            .collect::<Map<_, _>>(),
        "intel_rdt": {},
        "network_interfaces": stats.interfaces,
    });
    for (place, psi) in
        [("cpu", group.psi.cpu), ("memory", group.psi.memory), ("blkio", group.psi.io)]
    {
        if let Some(psi) = psi {
            data[place]["psi"] = pressure(psi);
        }
    }
    if !group.rdma.is_empty() {
        let entries = group.rdma.iter().map(|(device, used)| (device.clone(), rdma(*used)));
        data["rdma"] = Value::Object(entries.collect());
    }
    data
}

fn cpu(cpu: &CpuStats) -> Value {
    let (usage, throttling) = (&cpu.cpu_usage, &cpu.throttling_data);
    json!({
        "usage": {
            "total": usage.total_usage,
            "percpu": usage.percpu_usage,
            "kernel": usage.usage_in_kernelmode,
            "user": usage.usage_in_usermode,
        },
        "throttling": {
            "periods": throttling.periods,
            "throttledPeriods": throttling.throttled_periods,
            "throttledTime": throttling.throttled_time,
        },
    })
}

fn memory(memory: &MemoryStats) -> Value {
    json!({
        "cache": memory.cache,
        "usage": kind(&memory.usage),
        "swap": kind(&memory.swap_usage),
        "kernel": kind(&memory.kernel_usage),
        "kernelTCP": kind(&memory.kernel_tcp_usage),
        "raw": memory.stats,
    })
}

fn kind(data: &MemoryData) -> Value {
    json!({
        "limit": data.limit,
        "usage": data.usage,
        "max": data.max_usage,
        "failcnt": data.failcnt,
    })
}

/// No limit is none.
fn pids(pids: PidsStats) -> Value {
    let mut value = json!({"current": pids.current});
    if let Some(limit) = pids.limit {
        value["limit"] = json!(limit);
    }
    value
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

fn pressure(psi: Psi) -> Value {
    json!({"some": psi.some, "full": psi.full})
}

fn rdma(used: RdmaStats) -> Value {
    json!({
        "hcaHandles": used.hca_handles,
        "hcaObjects": used.hca_objects,
    })
}
