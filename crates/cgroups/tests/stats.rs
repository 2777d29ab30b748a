//! Figures agree with the kernel's files and have the keys that readers know.
#![allow(clippy::unwrap_used, clippy::panic)] // A failed expectation ends the test.

mod common;

use std::time::Duration;

use common::{Group, group, has};
use rustix::time::{ClockId, clock_gettime};

fn after_some_work(name: &str) -> Group {
    let group = group(name);
    let mut helper = group.child("work");
    assert_eq!(helper.ask(), "worked");
    assert!(helper.end().success());
    assert!(group.wait_empty(Duration::from_secs(5)).unwrap());
    // A process that has been waited for still runs its last microseconds in the kernel.
    std::thread::sleep(Duration::from_millis(100));
    group
}

fn number(group: &Group, controller: &str, file: &str) -> u64 {
    group.read(controller, file).parse().unwrap()
}

fn flat(group: &Group, controller: &str, file: &str, key: &str) -> u64 {
    let text = group.read(controller, file);
    let line = text.lines().find(|line| line.split(' ').next() == Some(key)).unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn processor_time_is_what_the_kernel_says() {
    let group = after_some_work("cpu");
    let cpu = group.stats().unwrap().cpu_stats.cpu_usage;
    if group.is_v2() {
        assert_eq!(cpu.total_usage, flat(&group, "cpu", "cpu.stat", "usage_usec") * 1000);
        assert_eq!(cpu.usage_in_usermode, flat(&group, "cpu", "cpu.stat", "user_usec") * 1000);
    } else {
        assert_eq!(cpu.total_usage, number(&group, "cpuacct", "cpuacct.usage"));
        assert_eq!(cpu.usage_in_usermode, number(&group, "cpuacct", "cpuacct.usage_user"));
        assert_eq!(cpu.percpu_usage.iter().sum::<u64>(), cpu.total_usage);
    }
    assert!(cpu.total_usage > 30_000_000, "{cpu:?}");
    assert!(cpu.usage_in_usermode > 0, "{cpu:?}");
}

#[test]
fn memory_is_what_the_kernel_says() {
    if !has("memory") {
        return;
    }
    let group = after_some_work("memory");
    let memory = group.stats().unwrap().memory_stats;
    let (usage, peak) = if group.is_v2() {
        ("memory.current", "memory.peak")
    } else {
        ("memory.usage_in_bytes", "memory.max_usage_in_bytes")
    };
    // The kernel keeps small stocks by processor that it may give back at any time.
    let now = number(&group, "memory", usage);
    assert!(memory.usage.usage.abs_diff(now) <= 1 << 20, "{memory:?} {now}");
    assert_eq!(memory.usage.max_usage, number(&group, "memory", peak));
    assert!(memory.usage.max_usage > 16 << 20, "{memory:?}");
    assert!(memory.stats.contains_key(if group.is_v2() { "file" } else { "cache" }));
}

#[test]
fn processes_are_counted() {
    if !has("pids") {
        return;
    }
    let group = group("pids");
    assert_eq!(group.stats().unwrap().pids.current, 0);
    let helper = group.child("nothing");
    assert_eq!(group.stats().unwrap().pids.current, number(&group, "pids", "pids.current"));
    assert!(group.stats().unwrap().pids.current > 0);
    helper.end();
}

#[test]
fn pressure_is_there_where_the_kernel_has_it() {
    let group = after_some_work("psi");
    let psi = group.stats().unwrap().psi;
    let has = group.paths().get("").is_some_and(|dir| dir.join("memory.pressure").exists());
    assert_eq!(psi.memory.is_some(), has);
    assert_eq!(psi.cpu.is_some(), has);
}

#[test]
fn the_keys_are_those_of_old() {
    let group = group("keys");
    let json = serde_json::to_value(group.stats().unwrap()).unwrap();
    for pointer in [
        "/cpu_stats/cpu_usage/total_usage",
        "/cpu_stats/cpu_usage/percpu_usage",
        "/cpu_stats/cpu_usage/usage_in_kernelmode",
        "/cpu_stats/cpu_usage/usage_in_usermode",
        "/cpu_stats/throttling_data/periods",
        "/cpu_stats/throttling_data/throttled_periods",
        "/cpu_stats/throttling_data/throttled_time",
        "/memory_stats/cache",
        "/memory_stats/usage/usage",
        "/memory_stats/usage/max_usage",
        "/memory_stats/usage/failcnt",
        "/memory_stats/swap_usage",
        "/memory_stats/kernel_usage",
        "/memory_stats/stats",
        "/blkio_stats/io_service_bytes_recursive",
        "/blkio_stats/io_serviced_recursive",
        "/blkio_stats/io_queue_recursive",
        "/blkio_stats/io_service_time_recursive",
        "/blkio_stats/io_wait_time_recursive",
        "/blkio_stats/io_merged_recursive",
        "/blkio_stats/io_time_recursive",
        "/blkio_stats/sectors_recursive",
        "/hugetlb_stats",
        "/pids/current",
    ] {
        assert!(json.pointer(pointer).is_some(), "{pointer} is not in {json}");
    }
    let back: cgroups::Stats = serde_json::from_value(json).unwrap();
    assert_eq!(back.hugetlb_stats, group.stats().unwrap().hugetlb_stats);
}

#[test]
fn a_group_that_is_gone_has_no_figures() {
    let group = group("gone");
    group.destroy().unwrap();
    assert!(group.stats().unwrap_err().is_gone());
}

#[test]
fn again_in_the_v2_view() {
    common::again_in_the_v2_view();
}

#[test]
#[ignore = "the child of the other tests"]
fn helper() {
    common::serve(|words| {
        if *words == ["work"] {
            let block = vec![1_u8; 16 << 20];
            while clock_gettime(ClockId::ProcessCPUTime).tv_nsec < 50_000_000 {
                assert!(block.iter().step_by(64).all(|byte| *byte == 1));
            }
        }
        "worked".to_owned()
    });
}
