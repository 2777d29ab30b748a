//! Limits bite, and can be raised and lowered.
#![allow(clippy::unwrap_used, clippy::panic)] // A failed expectation ends the test.

mod common;

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use cgroups::{Cpu, Error, Event, Manager, Memory, Resources};
use common::{ELSEWHERE, group, has, host, seen, unseen};

const MIB: i64 = 1 << 20;

fn memory(limit: i64, swap: Option<i64>) -> Resources {
    Resources { memory: Memory { limit: Some(limit), swap, ..Memory::default() }, ..none() }
}

fn none() -> Resources {
    Resources::default()
}

#[test]
fn too_much_memory_is_killed_and_told() {
    if !has("memory") {
        return unseen("event oom", ELSEWHERE);
    }
    let group = group("oom");
    // It could go on in the swap space for long. (Version 1 counts failures of the limit that is
    // met first, which is that of both together where they are the same.)
    let swap = host().v1.is_empty().then_some(32 * MIB);
    let limited = group.set(&memory(32 * MIB, swap));
    limited.or_else(|_| group.set(&memory(32 * MIB, None))).unwrap();
    let mut notifier = group.oom_notifier().unwrap();
    assert_eq!(notifier.take().unwrap(), None);
    let mut helper = group.child("allocate 128");
    helper.go();
    assert_eq!(helper.child.wait().unwrap().signal(), Some(9));
    let event = notifier.wait(Some(Duration::from_secs(5))).unwrap();
    assert!(matches!(event, Some(Event::OutOfMemory { .. })), "{event:?}");
    let stats = group.stats().unwrap();
    assert_eq!(stats.memory_events["oom_kill"], 1);
    let memory = stats.memory_stats;
    assert!(memory.usage.failcnt > Some(0), "{memory:?}");
    assert!(memory.usage.max_usage.unwrap() <= 32 * MIB as u64);
    seen("memory.limit bites");
    seen("event oom");
}

#[test]
fn enough_memory_is_enough() {
    if !has("memory") {
        return;
    }
    let group = group("enough");
    group.set(&memory(128 * MIB, None)).unwrap();
    let mut helper = group.child("allocate 32");
    assert_eq!(helper.ask(), "allocated");
    assert!(helper.end().success());
}

#[test]
fn memory_is_raised_and_lowered_in_any_order() {
    if !has("memory") {
        return;
    }
    let group = group("updown");
    for (limit, swap) in [(64, 64), (128, 256), (32, 32), (256, 256), (32, 512), (16, 16)] {
        group.set(&memory(limit * MIB, Some(swap * MIB))).unwrap();
        let file = if group.is_v2() { "memory.max" } else { "memory.limit_in_bytes" };
        assert_eq!(group.read("memory", file), (limit * MIB).to_string());
        if !group.is_v2() {
            let both = group.read("memory", "memory.memsw.limit_in_bytes");
            assert_eq!(both, (swap * MIB).to_string());
        }
    }
    group.set(&memory(-1, None)).unwrap();
    if !group.is_v2() {
        let both = group.read("memory", "memory.memsw.limit_in_bytes");
        assert!(both.parse::<i64>().unwrap() > 1 << 60, "{both}");
    }
}

#[test]
fn memory_in_use_is_not_taken_away_on_version_1() {
    if !has("memory") || host().v1.is_empty() {
        return;
    }
    let group = group("below");
    let mut helper = group.child("keep 64");
    assert_eq!(helper.ask(), "kept");
    let text = group.set(&memory(16 * MIB, None)).unwrap_err().to_string();
    assert!(text.contains("writing \"16777216\" to memory.limit_in_bytes of "), "{text}");
    assert!(text.contains("more is in use and cannot be reclaimed"), "{text}");
}

#[test]
fn other_memory_limits_are_taken() {
    if !has("memory") {
        return;
    }
    let group = group("memories");
    let limits = Memory {
        reservation: Some(16 * MIB),
        kernel: Some(64 * MIB),
        swappiness: (!group.is_v2()).then_some(7),
        disable_oom_killer: Some(!group.is_v2()),
        ..Memory::default()
    };
    group.set(&Resources { memory: limits, ..none() }).unwrap();
    if !group.is_v2() {
        assert_eq!(group.read("memory", "memory.swappiness"), "7");
        assert!(group.read("memory", "memory.oom_control").starts_with("oom_kill_disable 1"));
    }
}

#[test]
fn nonsense_is_refused_with_its_field() {
    let group = group("nonsense");
    let less_swap = memory(64 * MIB, Some(32 * MIB));
    let error = group.set(&less_swap).unwrap_err();
    assert!(matches!(&error, Error::Invalid { field, .. } if field == "memory.swap"), "{error}");
    for name in ["cgroup.procs", "../memory.max", "nodot", "memory.max/x"] {
        let unified = [(name.to_owned(), "1".to_owned())].into();
        let error = group.set(&Resources { unified, ..none() }).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    }
}

#[test]
fn forking_stops_at_the_limit() {
    if !has("pids") {
        return;
    }
    let group = group("pids");
    let mut helper = group.child("spawn");
    assert_eq!(helper.ask(), "spawned");
    let now = group.stats().unwrap().pids.current.unwrap() as i64;
    group.set(&Resources { pids: Some(now), ..none() }).unwrap();
    let refused = helper.ask();
    assert!(refused.contains("Resource temporarily unavailable"), "{refused}");
    assert_eq!(group.stats().unwrap().pids.limit, Some(now as u64));
    group.set(&Resources { pids: Some(-1), ..none() }).unwrap();
    assert_eq!(helper.ask(), "spawned");
    assert_eq!(group.stats().unwrap().pids.limit, None);
}

#[test]
fn a_quota_gives_its_share() {
    if !has("cpu") {
        return;
    }
    let group = group("quota");
    let cpu = Cpu { quota: Some(10_000), period: Some(50_000), ..Cpu::default() };
    group.set(&Resources { cpu, ..none() }).unwrap();
    let mut helper = group.child("spin 60000");
    helper.go();
    // Time used, periods held back in, time held back.
    let stats = || {
        let cpu = group.stats().unwrap().cpu_stats;
        let throttling = cpu.throttling_data;
        let periods = throttling.throttled_periods.unwrap();
        (cpu.cpu_usage.total_usage.unwrap(), periods, throttling.throttled_time.unwrap())
    };
    let until = |throttled: u64| {
        let began = Instant::now();
        while stats().1 < throttled {
            assert!(began.elapsed() < Duration::from_secs(50), "{:?}", stats());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    // The first period may carry what was left from before.
    until(5);
    let (start, before) = (Instant::now(), stats());
    until(before.1 + 40);
    let (after, time) = (stats(), start.elapsed());
    let used = (after.0 - before.0) as f64;
    // Never more than its share, whatever else this machine does.
    let share = used / time.as_nanos() as f64;
    assert!(share <= 0.22, "{share}");
    // And in each period that it was held back in, all of that.
    let held = after.1 - before.1;
    assert!(used >= 0.9 * 10_000_000.0 * held as f64, "{used} in {held}");
    assert!(after.2 - before.2 > 500_000_000, "{before:?} {after:?}");
}

#[test]
fn processor_limits_are_raised_and_lowered() {
    if !has("cpu") {
        return;
    }
    let group = group("cpus");
    let set = |cpu: Cpu| group.set(&Resources { cpu, ..none() }).unwrap();
    set(Cpu { shares: Some(512), ..Cpu::default() });
    for (quota, burst, period) in
        [(50_000, 50_000, 100_000), (20_000, 10_000, 50_000), (900_000, 400_000, 1_000_000)]
    {
        let period = Some(period);
        set(Cpu { quota: Some(quota), burst: Some(burst), period, ..Cpu::default() });
        if !group.is_v2() {
            assert_eq!(group.read("cpu", "cpu.cfs_quota_us"), quota.to_string());
            assert_eq!(group.read("cpu", "cpu.cfs_burst_us"), burst.to_string());
        }
    }
    set(Cpu { burst: Some(0), quota: Some(-1), ..Cpu::default() });
    set(Cpu { idle: Some(1), ..Cpu::default() });
    assert_eq!(group.read("cpu", "cpu.idle"), "1");
    set(Cpu { idle: Some(0), shares: Some(2048), ..Cpu::default() });
}

/// Either half of a quota may have to be written first, if the share must never be above the
/// parent's on the way.
#[test]
fn a_share_changes_within_its_parents() {
    if !has("cpu") {
        return;
    }
    let parent = group("share");
    let set = |group: &Manager, quota: i64, period: u64| {
        let cpu = Cpu { quota: Some(quota), period: Some(period), ..Cpu::default() };
        group.set(&Resources { cpu, ..none() })
    };
    set(&parent, 50_000, 100_000).unwrap();
    let below = |(key, path): (&String, &PathBuf)| (key.clone(), path.join("child"));
    let child = Manager::from_paths(parent.paths().iter().map(below).collect()).unwrap();
    child.create().unwrap();
    let shares = [(25_000, 50_000), (500_000, 1_000_000), (5000, 10_000), (50_000, 100_000)];
    for (quota, period) in shares {
        set(&child, quota, period).unwrap();
        let both = if parent.is_v2() {
            parent.read("cpu", "child/cpu.max")
        } else {
            let read = |file: &str| parent.read("cpu", &format!("child/{file}"));
            format!("{} {}", read("cpu.cfs_quota_us"), read("cpu.cfs_period_us"))
        };
        assert_eq!(both, format!("{quota} {period}"));
    }
    if !parent.is_v2() {
        let text = set(&child, 60_000, 100_000).unwrap_err().to_string();
        assert!(text.contains("the parent group must have as much"), "{text}");
    }
    child.destroy().unwrap();
}

#[test]
fn a_quota_too_small_says_what_is_enough() {
    if !has("cpu") {
        return;
    }
    let group = group("small");
    let cpu = Cpu { quota: Some(10), ..Cpu::default() };
    let text = group.set(&Resources { cpu, ..none() }).unwrap_err().to_string();
    assert!(text.contains("writing \"10\" to cpu."), "{text}");
    assert!(text.contains("Invalid argument (a quota is at least 1000"), "{text}");
}

#[test]
fn processors_are_inherited_and_narrowed() {
    if !has("cpuset") {
        return;
    }
    let group = group("cpuset");
    assert!(group.is_v2() || !group.read("cpuset", "cpuset.cpus").is_empty());
    let cpu = Cpu { cpus: Some("0".into()), mems: Some("0".into()), ..Cpu::default() };
    group.set(&Resources { cpu, ..none() }).unwrap();
    assert_eq!(group.read("cpuset", "cpuset.cpus"), "0");
    let helper = group.child("nothing");
    let status = format!("/proc/{}/status", helper.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(status).unwrap();
    assert!(status.contains("Cpus_allowed_list:\t0\n"), "{status}");
    let cpu = Cpu { cpus: Some("4000".into()), ..Cpu::default() };
    let text = group.set(&Resources { cpu, ..none() }).unwrap_err().to_string();
    assert!(text.contains("cpuset.cpus"), "{text}");
}

#[test]
fn a_limit_without_its_controller_names_it() {
    let group = group("absent");
    let net = group.set(&Resources { net_cls_classid: Some(1), ..none() });
    match net {
        Err(error @ Error::Unsupported { .. }) => {
            assert!(error.to_string().contains("net_cls"), "{error}");
        }
        Ok(()) => assert_eq!(group.read("net_cls", "net_cls.classid"), "1"),
        Err(error) => panic!("{error}"),
    }
    if host().v1.is_empty() && !has("memory") {
        match group.set(&memory(64 * MIB, None)) {
            Err(error @ Error::Unsupported { .. }) => {
                assert!(error.to_string().contains("memory"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn nothing_asked_for_is_nothing_done() {
    let group = group("nothing");
    group.set(&none()).unwrap();
}

#[test]
fn again_in_the_v2_view() {
    common::again_in_the_v2_view();
}

#[test]
#[ignore = "the child of the other tests"]
fn helper() {
    common::serve(|words| match words {
        ["allocate", mib] => {
            let bytes = mib.parse::<usize>().unwrap() << 20;
            let block = vec![1_u8; bytes];
            assert!(block.iter().step_by(4096).all(|byte| *byte == 1));
            "allocated".to_owned()
        }
        ["keep", mib] => {
            let bytes = mib.parse::<usize>().unwrap() << 20;
            std::mem::forget(std::hint::black_box(vec![1_u8; bytes]));
            "kept".to_owned()
        }
        ["spawn"] => match Command::new("/bin/true").spawn() {
            Ok(mut child) => {
                child.wait().unwrap();
                "spawned".to_owned()
            }
            Err(error) => error.to_string(),
        },
        ["spin", milliseconds] => {
            let end = Instant::now() + Duration::from_millis(milliseconds.parse().unwrap());
            while Instant::now() < end {}
            "spun".to_owned()
        }
        _ => String::new(),
    });
}
