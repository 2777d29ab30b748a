//! Figures agree with the kernel's files and have the keys that readers know.
#![allow(clippy::unwrap_used, clippy::panic)] // A failed expectation ends the test.

mod common;

use std::time::Duration;

use common::{ELSEWHERE, Group, group, has, host, seen, unseen};
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

/// A control file's number; none where it is not there, the largest for `max`.
fn number(group: &Group, controller: &str, file: &str) -> Option<u64> {
    let text = std::fs::read_to_string(group.dir(controller).join(file)).ok()?;
    Some(if text.trim() == "max" { u64::MAX } else { text.trim().parse().unwrap() })
}

/// A number out of `KEY VALUE` lines.
fn flat(group: &Group, controller: &str, file: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(group.dir(controller).join(file)).ok()?;
    let line = text.lines().find(|line| line.split(' ').next() == Some(key))?;
    line.split(' ').nth(1).unwrap().parse().ok()
}

/// Whether a version 1 hierarchy has it here.
fn is_v1(controller: &str) -> bool {
    host().v1.iter().any(|one| one.controllers.iter().any(|it| it == controller))
}

#[test]
fn processor_time_is_what_the_kernel_says() {
    let group = after_some_work("cpu");
    let cpu = group.stats().unwrap().cpu_stats;
    let usage = cpu.cpu_usage;
    if is_v1("cpuacct") {
        let file = |name: &str| number(&group, "cpuacct", &format!("cpuacct.{name}"));
        let list = |name: &str| -> Vec<u64> {
            let text = group.read("cpuacct", &format!("cpuacct.{name}"));
            text.split_whitespace().map(|word| word.parse().unwrap()).collect()
        };
        assert_eq!(usage.total_usage, file("usage"));
        assert_eq!(usage.usage_in_usermode, file("usage_user"));
        assert_eq!(usage.usage_in_kernelmode, file("usage_sys"));
        assert_eq!(usage.percpu_usage, list("usage_percpu"));
        assert_eq!(usage.percpu_usage_in_usermode, list("usage_percpu_user"));
        assert_eq!(usage.percpu_usage_in_kernelmode, list("usage_percpu_sys"));
    } else {
        let file = |key: &str| flat(&group, "cpu", "cpu.stat", key).map(|value| value * 1000);
        assert_eq!(usage.total_usage, file("usage_usec"));
        assert_eq!(usage.usage_in_usermode, file("user_usec"));
        assert_eq!(usage.usage_in_kernelmode, file("system_usec"));
        assert!(usage.percpu_usage.is_empty());
    }
    assert!(usage.total_usage > Some(30_000_000), "{usage:?}");
    assert!(usage.usage_in_usermode > Some(0), "{usage:?}");
    seen("stats cpu");
}

#[test]
fn what_the_quota_did_is_what_the_kernel_says() {
    let group = after_some_work("quota");
    let cpu = group.stats().unwrap().cpu_stats;
    let (scale, time, burst) = if is_v1("cpu") {
        (1, "throttled_time", "burst_time")
    } else {
        (1000, "throttled_usec", "burst_usec")
    };
    let file = |key: &str| flat(&group, "cpu", "cpu.stat", key);
    // Without the controller there is nothing, which is not 0.
    assert_eq!(cpu.throttling_data.periods, file("nr_periods"));
    assert_eq!(cpu.throttling_data.periods.is_some(), has("cpu"));
    assert_eq!(cpu.throttling_data.throttled_periods, file("nr_throttled"));
    assert_eq!(cpu.throttling_data.throttled_time, file(time).map(|value| value * scale));
    assert_eq!(cpu.burst_data.bursts_periods, file("nr_bursts"));
    assert_eq!(cpu.burst_data.burst_time, file(burst).map(|value| value * scale));
    match has("cpu") {
        true => seen("stats cpu quota"),
        false => unseen("stats cpu quota", ELSEWHERE),
    }
}

#[test]
fn memory_is_what_the_kernel_says() {
    let group = after_some_work("memory");
    let stats = group.stats().unwrap();
    let memory = &stats.memory_stats;
    if !has("memory") {
        assert_eq!(*memory, cgroups::MemoryStats::default());
        assert!(stats.memory_events.is_empty());
        return unseen("stats memory", ELSEWHERE);
    }
    let file = |name: &str| number(&group, "memory", name);
    // The kernel keeps small stocks by processor that it may give back at any time.
    let near = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (Some(one), Some(other)) => one.abs_diff(other) <= 1 << 20,
        (one, other) => one == other,
    };
    if is_v1("memory") {
        for (data, prefix) in [
            (memory.usage, "memory"),
            (memory.swap_usage, "memory.memsw"),
            (memory.kernel_usage, "memory.kmem"),
            (memory.kernel_tcp_usage, "memory.kmem.tcp"),
        ] {
            assert!(near(data.usage, file(&format!("{prefix}.usage_in_bytes"))), "{memory:?}");
            assert_eq!(data.max_usage, file(&format!("{prefix}.max_usage_in_bytes")));
            assert_eq!(data.failcnt, file(&format!("{prefix}.failcnt")));
            assert_eq!(data.limit, file(&format!("{prefix}.limit_in_bytes")));
        }
        assert_eq!(memory.reservation, file("memory.soft_limit_in_bytes"));
        assert_eq!(memory.high, None);
        assert_eq!(stats.memory_events.keys().collect::<Vec<_>>(), ["oom_kill", "under_oom"]);
    } else {
        assert!(near(memory.usage.usage, file("memory.current")), "{memory:?}");
        assert_eq!(memory.usage.max_usage, file("memory.peak"));
        assert_eq!(memory.usage.limit, file("memory.max"));
        assert_eq!(memory.usage.failcnt, flat(&group, "memory", "memory.events", "max"));
        assert_eq!(memory.reservation, file("memory.low"));
        assert_eq!(memory.high, file("memory.high"));
        assert_eq!(memory.swap_only_usage.usage, file("memory.swap.current"));
        assert_eq!(memory.swap_only_usage.max_usage, file("memory.swap.peak"));
        assert_eq!(memory.swap_only_usage.limit, file("memory.swap.max"));
        assert_eq!(memory.swap_usage.usage.is_some(), memory.swap_only_usage.usage.is_some());
        for (events, name) in [
            (&stats.memory_events, "memory.events"),
            (&stats.memory_events_local, "memory.events.local"),
        ] {
            assert_eq!(events.len(), group.read("memory", name).lines().count());
        }
    }
    assert!(memory.usage.max_usage > Some(16 << 20), "{memory:?}");
    assert_eq!(memory.stats.len(), group.read("memory", "memory.stat").lines().count());
    assert_eq!(memory.cache.is_some(), memory.usage.usage.is_some());
    seen("stats memory");
}

#[test]
fn processes_are_counted() {
    let group = group("pids");
    if !has("pids") {
        assert_eq!(group.stats().unwrap().pids, cgroups::PidsStats::default());
        return unseen("stats pids", ELSEWHERE);
    }
    assert_eq!(group.stats().unwrap().pids.current, Some(0));
    let helper = group.child("nothing");
    // It has a thread by and by.
    let (current, pids) = loop {
        let before = number(&group, "pids", "pids.current");
        let pids = group.stats().unwrap().pids;
        if number(&group, "pids", "pids.current") == before {
            break (before, pids);
        }
    };
    assert_eq!(pids.current, current);
    assert_eq!(pids.peak, number(&group, "pids", "pids.peak"));
    assert_eq!(pids.events.get("max").copied(), flat(&group, "pids", "pids.events", "max"));
    assert!(pids.current > Some(0));
    assert_eq!(pids.limit, None);
    helper.end();
    seen("stats pids");
}

#[test]
fn block_devices_are_what_the_kernel_says() {
    if !is_v1("blkio") && !has("io") {
        return unseen("stats io", ELSEWHERE);
    }
    let group = group("io");
    let mut helper = group.child("write");
    helper.ask();
    helper.end();
    let blkio = group.stats().unwrap().blkio_stats;
    if !is_v1("blkio") {
        let text = group.read("io", "io.stat");
        for entry in &blkio.io_service_bytes_recursive {
            let key = match entry.op.as_str() {
                "Read" => "rbytes=",
                "Write" => "wbytes=",
                _ => "dbytes=",
            };
            let place = format!("{}:{} ", entry.major, entry.minor);
            let line = text.lines().find(|line| line.starts_with(&place)).unwrap();
            assert!(line.split(' ').any(|word| word == format!("{key}{}", entry.value)), "{line}");
        }
        return seen("stats io");
    }
    for (list, name) in [
        (&blkio.io_service_bytes_recursive, "io_service_bytes_recursive"),
        (&blkio.io_serviced_recursive, "io_serviced_recursive"),
    ] {
        let read = |layer: &str| {
            let path = group.dir("blkio").join(format!("blkio.{layer}.{name}"));
            std::fs::read_to_string(path).unwrap_or_default()
        };
        let lines: Vec<String> = list
            .iter()
            .map(|it| format!("{}:{} {} {}", it.major, it.minor, it.op, it.value))
            .collect();
        let of = |text: &str| -> Vec<String> {
            text.lines().filter(|line| line.contains(':')).map(str::to_owned).collect()
        };
        let bfq = of(&read("bfq"));
        assert_eq!(lines, if bfq.is_empty() { of(&read("throttle")) } else { bfq });
    }
    seen("stats io");
}

#[test]
fn processors_and_nodes_are_what_the_kernel_says() {
    let group = group("cpuset");
    let cpuset = group.stats().unwrap().cpuset_stats;
    if !is_v1("cpuset") {
        let there = group.paths()[""].join("cpuset.cpus").exists();
        assert_eq!(cpuset.cpus.is_some(), there);
        assert!(cpuset.settings.is_empty());
        if !has("cpuset") {
            return unseen("stats cpuset", ELSEWHERE);
        }
        let cpu = cgroups::Cpu { cpus: Some("0".to_owned()), ..Default::default() };
        group.set(&cgroups::Resources { cpu, ..Default::default() }).unwrap();
        let cpuset = group.stats().unwrap().cpuset_stats;
        assert_eq!((cpuset.cpus, cpuset.effective_cpus), (Some(vec![0]), Some(vec![0])));
        assert_eq!((cpuset.mems, cpuset.effective_mems), (Some(Vec::new()), Some(vec![0])));
        return seen("stats cpuset");
    }
    let shown = |list: &Option<Vec<u32>>| -> Vec<String> {
        list.as_ref().unwrap().iter().map(u32::to_string).collect()
    };
    // `0-1` of this host is what the group has inherited.
    let text = group.read("cpuset", "cpuset.effective_cpus");
    let last: usize = text.rsplit(['-', ',']).next().unwrap().parse().unwrap();
    assert_eq!(shown(&cpuset.effective_cpus).last().unwrap(), &last.to_string());
    assert_eq!(cpuset.cpus, cpuset.effective_cpus);
    assert_eq!(cpuset.mems, cpuset.effective_mems);
    assert_eq!(cpuset.settings["sched_relax_domain_level"], -1);
    assert_eq!(cpuset.settings["sched_load_balance"], 1);
    assert_eq!(cpuset.settings.len(), 9);
    seen("stats cpuset");
}

#[test]
fn pressure_is_there_where_the_kernel_has_it() {
    let group = after_some_work("psi");
    let psi = group.stats().unwrap().psi;
    for (psi, name) in [(psi.cpu, "cpu"), (psi.memory, "memory"), (psi.io, "io")] {
        let path = group.paths().get("").map(|dir| dir.join(format!("{name}.pressure")));
        let text = path.and_then(|path| std::fs::read_to_string(path).ok());
        assert_eq!(psi.is_some(), text.is_some(), "{name}");
        let (Some(psi), Some(text)) = (psi, text) else { continue };
        let total = |kind: &str| -> Option<u64> {
            let line = text.lines().find(|line| line.starts_with(kind))?;
            line.rsplit('=').next()?.parse().ok()
        };
        assert_eq!(psi.some.map(|stall| stall.total), total("some"), "{name}");
        assert_eq!(psi.full.map(|stall| stall.total), total("full"), "{name}");
    }
    match psi.memory {
        Some(_) => seen("stats pressure"),
        None => unseen("stats pressure", "psi is switched off, or there is no version 2 tree"),
    }
}

#[test]
fn the_keys_are_those_of_old() {
    let group = group("keys");
    let json = serde_json::to_value(group.stats().unwrap()).unwrap();
    let always = [
        "/cpu_stats/cpu_usage/total_usage",
        "/cpu_stats/cpu_usage/percpu_usage",
        "/cpu_stats/cpu_usage/usage_in_kernelmode",
        "/cpu_stats/cpu_usage/usage_in_usermode",
        "/cpu_stats/throttling_data",
        "/memory_stats/usage",
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
        "/pids",
    ];
    let with = |controller: &str, keys: &'static [&'static str]| {
        if has(controller) { keys } else { &[] }
    };
    let quota = with(
        "cpu",
        &[
            "/cpu_stats/throttling_data/periods",
            "/cpu_stats/throttling_data/throttled_periods",
            "/cpu_stats/throttling_data/throttled_time",
        ],
    );
    let memory = with(
        "memory",
        &[
            "/memory_stats/cache",
            "/memory_stats/usage/usage",
            "/memory_stats/usage/max_usage",
            "/memory_stats/usage/failcnt",
        ],
    );
    let pids = with("pids", &["/pids/current"]);
    for pointer in always.iter().chain(quota).chain(memory).chain(pids) {
        assert!(json.pointer(pointer).is_some(), "{pointer} is not in {json}");
    }
    // What is not there is not there.
    assert!(!json.to_string().contains("null"), "{json}");
    let back: cgroups::Stats = serde_json::from_value(json).unwrap();
    assert_eq!(back.hugetlb_stats, group.stats().unwrap().hugetlb_stats);
}

#[test]
fn a_group_that_is_gone_has_no_figures() {
    let group = group("gone");
    group.destroy().unwrap();
    assert!(group.stats().unwrap_err().is_gone());
}

/// The system calls between two marks of a traced helper.
fn traced(group: &Group) -> Option<Vec<String>> {
    // A file for each thread: in one for all, a call that another one's comes between is two lines.
    let place = std::env::temp_dir().join(format!("cgroups-test-strace-{}", std::process::id()));
    std::fs::create_dir(&place).unwrap();
    let paths: Vec<String> =
        group.paths().iter().map(|(key, dir)| format!("{key}={}", dir.display())).collect();
    let traced = std::process::Command::new("strace")
        .arg("-o")
        .arg(place.join("thread"))
        .args(["-ff", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["helper", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("CGROUPS_TEST_ACTION", format!("look {}", paths.join(";")))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn();
    let Ok(mut child) = traced else {
        std::fs::remove_dir(&place).unwrap();
        println!("SKIP: no strace");
        return None;
    };
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"\n").unwrap();
    assert!(child.wait().unwrap().success());
    let mut texts = std::fs::read_dir(&place)
        .unwrap()
        .map(|one| std::fs::read_to_string(one.unwrap().path()).unwrap());
    let text = texts.find(|text| text.contains("/mark-begin")).unwrap();
    std::fs::remove_dir_all(&place).unwrap();
    let calls = text
        .lines()
        .skip_while(|call| !call.contains("/mark-begin"))
        .skip(1)
        .map(|call| call.trim().to_owned())
        .take_while(|call| !call.contains("/mark-end"));
    // A debug build of the standard library looks at each descriptor that it closes.
    // The allocator asks for memory when it has to. And after a first statx(2) that fails, as the
    // mark's does, that library looks whether there is such a call.
    let ours = |call: &String| {
        !call.contains("F_GETFD")
            && !call.starts_with("statx(0, NULL")
            && !["brk(", "mmap(", "munmap(", "mremap("].iter().any(|one| call.starts_with(one))
    };
    Some(calls.filter(ours).collect())
}

#[test]
fn a_look_costs_no_more_than_its_files() {
    let group = after_some_work("cost");
    let Some(calls) = traced(&group) else { return };
    let count = |name: &str, and: &str| {
        calls.iter().filter(|call| call.starts_with(name) && call.contains(and)).count()
    };
    let (opened, absent) = (count("openat(", " = "), count("openat(", " = -1 ENOENT"));
    let directories = count("openat(AT_FDCWD", "");
    let files = opened - absent - directories;
    assert!(files >= 4, "{calls:#?}");
    assert!(directories <= 1 + host().v1.len(), "{calls:#?}");
    // Nothing but open, read and close, each once.
    assert_eq!(count("read(", ""), files, "{calls:#?}");
    assert_eq!(count("close(", ""), files + directories, "{calls:#?}");
    let known =
        |call: &&String| ["openat(", "read(", "close("].iter().any(|name| call.starts_with(name));
    let others: Vec<&String> = calls.iter().filter(|call| !known(call)).collect();
    assert!(others.is_empty(), "{others:#?}");
    println!("{files} files, {directories} directories, {absent} files looked for in vain");
    let mut names: Vec<&String> = calls.iter().filter(|it| it.starts_with("openat(")).collect();
    names.sort();
    let twice = names.windows(2).find(|two| two[0] == two[1]);
    assert!(twice.is_none(), "{twice:?}");
}

#[test]
fn again_in_the_v2_view() {
    common::again_in_the_v2_view();
}

#[test]
#[ignore = "the child of the other tests"]
fn helper() {
    common::serve(|words| {
        match words {
            ["work"] => {
                let block = vec![1_u8; 16 << 20];
                while clock_gettime(ClockId::ProcessCPUTime).tv_nsec < 50_000_000 {
                    assert!(block.iter().step_by(64).all(|byte| *byte == 1));
                }
            }
            ["write"] => {
                let name = format!("cgroups-test-stats-{}", std::process::id());
                let path = std::env::current_dir().unwrap().join(name);
                std::fs::write(&path, vec![1_u8; 1 << 20]).unwrap();
                std::fs::File::open(&path).unwrap().sync_all().unwrap();
                std::fs::remove_file(&path).unwrap();
            }
            ["look", paths] => {
                let paths = paths.split(';').filter_map(|one| one.rsplit_once('='));
                let paths = paths.map(|(key, dir)| (key.to_owned(), dir.into())).collect();
                let group = cgroups::Manager::from_paths(paths).unwrap();
                // The page sizes of the host are looked up the first time.
                group.stats().unwrap();
                let mark = |name: &str| drop(std::fs::metadata(name));
                mark("/mark-begin");
                let stats = group.stats().unwrap();
                mark("/mark-end");
                drop(stats);
            }
            _ => {}
        }
        "worked".to_owned()
    });
}
