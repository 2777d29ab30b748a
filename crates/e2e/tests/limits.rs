//! Limits bite, and the figures are the kernel's.

use e2e::{Rootfs, World, each_view, on_this_host, until};
use serde_json::Value;

/// The directory of a running container's group in a version 1 hierarchy.
fn group(root: &Rootfs, controller: &str) -> Option<String> {
    let state = root.nsinit(["state"]).run().success().json();
    state["cgroup_paths"][controller].as_str().map(str::to_owned)
}

fn number(path: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.trim().parse().unwrap_or_else(|_| panic!("{path}: {text}"))
}

/// Whether a controller is in version 1 here; says so if not.
fn has(controller: &str) -> bool {
    let found =
        e2e::hierarchies().iter().any(|h| h.controllers.iter().any(|name| name == controller));
    if !found {
        e2e::skip(format!("the {controller} controller is not in a version 1 hierarchy here"));
    }
    found
}

#[test]
fn memory_by_a_flag_and_oom_tells() {
    on_this_host(|world: &World| {
        if !has("memory") {
            return;
        }
        for root in world.roots() {
            let before = world.snapshot();
            let flags = ["--memory-limit", "32m", "--memory-swap", "32m"];
            root.exec(flags).args(["/probe", "eat-memory", "8"]).run().success();
            root.exec(flags).args(["/probe", "eat-memory", "128"]).run().code(137);
            before.assert_restored();
            // Below a PID 1 that lives on: `oom` tells, and ends with the container.
            let id = root.detach(flags);
            let mut oom = root.nsinit(["oom"]).start();
            std::thread::sleep(std::time::Duration::from_millis(200));
            root.exec(["/probe", "eat-memory", "128"]).run().code(137);
            oom.until("out of memory");
            assert!(oom.out().starts_with(&id), "{}", oom.out());
            let stats = root.nsinit(["stats"]).run().success().json();
            assert_eq!(stats["CgroupStats"]["memory_events"]["oom_kill"], 1);
            root.delete();
            oom.wait().success();
            before.assert_restored();
        }
    });
}

#[test]
fn memory_pids_and_cpu_by_a_file() {
    on_this_host(|world: &World| {
        if !(has("memory") && has("pids") && has("cpu")) {
            return;
        }
        for root in world.roots() {
            root.configure(
                r#"{"cgroups": {"memory": 33554432, "memory_swap": 33554432, "pids_limit": 12,
                    "cpu_quota": 30000, "cpu_period": 100000}}"#,
            );
            let before = world.snapshot();
            root.exec(["/probe", "eat-memory", "128"]).run().code(137);
            let run = root.exec(["/probe", "forks", "40"]).run().code(1);
            // PID 1 is the first of the twelve.
            assert!(run.out.contains("started 11 of 40\nerror EAGAIN"), "{}", run.out);
            before.assert_restored();
        }
    });
}

#[test]
fn processor_time_is_within_a_tenth_of_the_quota() {
    on_this_host(|world: &World| {
        if !(has("cpu") && has("cpuacct")) {
            return;
        }
        let root = world.busybox();
        for (quota, share) in [(20_000, 0.2), (50_000, 0.5)] {
            // At the top and with the greatest weight: what else runs here does not matter.
            root.configure(format!(
                r#"{{"cgroups": {{"parent": "", "name": "{}", "cpu_shares": 262144,
                    "cpu_quota": {quota}, "cpu_period": 100000}}}}"#,
                world.tag
            ));
            let before = world.snapshot();
            // Many, so that a machine with other work to do has none to spare for others.
            let script = "for i in 1 2 3 4 5 6 7 8; do /probe spin 1000 & done; wait";
            root.exec(["--detach", "/bin/sh", "-c", script]).run().success();
            let file = format!("{}/cpuacct.usage", group(&root, "cpuacct").unwrap());
            // More is wrong at any time; less only if it stays so.
            let mut measured = 0.0;
            for _ in 0..4 {
                std::thread::sleep(std::time::Duration::from_millis(300));
                let (first, begun) = (number(&file), std::time::Instant::now());
                std::thread::sleep(std::time::Duration::from_millis(2500));
                let (last, wall) = (number(&file), begun.elapsed());
                measured = (last - first) as f64 / wall.as_nanos() as f64;
                println!("NOTE: quota {share}, measured {measured:.3}");
                if measured / share > 0.9 {
                    break;
                }
            }
            let stats = root.nsinit(["stats"]).run().success().json();
            let throttled = &stats["CgroupStats"]["cpu_stats"]["throttling_data"];
            assert!(throttled["throttled_periods"].as_u64().unwrap() > 10, "{throttled}");
            root.delete();
            before.assert_restored();
            assert!((measured / share - 1.0).abs() < 0.1, "{share}: {measured:.3}");
        }
    });
}

#[test]
fn devices_by_a_file() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            root.configure(
                r#"{"cgroups": {"allow_all_devices": false, "allowed_devices": [
                    {"type": 99, "major": 1, "minor": 3, "permissions": "rw"},
                    {"type": 99, "major": 1, "minor": 5, "permissions": "r"},
                    {"type": 99, "major": 10, "minor": 229, "permissions": "m"},
                    {"type": 99, "major": 5, "minor": 0, "permissions": "m"},
                    {"type": 99, "major": 1, "minor": -1, "permissions": "m"}]}}"#,
            );
            let script = "/probe open /dev/null rw; /probe open /dev/zero r; \
                          /probe open /dev/zero w; /probe open /dev/urandom r; \
                          /probe mknod /tmp/a c 1 11; /probe open /tmp/a r; \
                          /probe mknod /tmp/b c 1 7; /probe mknod /tmp/c b 7 0; \
                          rm -f /tmp/a /tmp/b /tmp/c";
            let out = root.sh(script).run().code(0).out;
            let told: Vec<&str> = out.lines().collect();
            let wanted = [
                "ok",
                "ok",
                "error EPERM open /dev/zero",
                "error EPERM open /dev/urandom",
                "ok",
                "error EPERM open /tmp/a",
                "ok",
                "error EPERM mknod /tmp/c",
            ];
            assert_eq!(told, wanted);
            // The same for one that joins.
            root.detach([""; 0]);
            assert_eq!(root.sh(script).run().code(0).out, out);
            root.delete();
            root.configure(
                r#"{"cgroups": {"allow_all_devices": true, "denied_devices": [
                    {"type": 99, "major": 1, "minor": 5, "permissions": "w"}]}}"#,
            );
            let out = root.sh(script).run().code(0).out;
            let told: Vec<&str> = out.lines().collect();
            assert_eq!(told[2], "error EPERM open /dev/zero");
            assert_eq!((told[1], told[3], told[6]), ("ok", "ok", "ok"));
            std::fs::remove_file(root.file("container.json")).unwrap();
            before.assert_restored();
        }
    });
}

#[test]
fn a_limit_that_has_no_controller_is_refused() {
    e2e::v2_only(|world: &World| {
        let root = world.busybox();
        let controllers = std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap();
        let before = world.snapshot();
        for (flag, value, controller) in [
            ("--memory-limit", "64m", "memory"),
            ("--cpushares", "512", "cpu"),
            ("--cpuset-cpus", "0", "cpuset"),
        ] {
            let run = root.exec([flag, value, "/bin/true"]).run();
            if controllers.split_whitespace().any(|name| name == controller) {
                run.success();
                continue;
            }
            run.code(125).error(&[controller]);
        }
        before.assert_restored();
    });
}

/// The numbers of nsinit.md, each below the controller that keeps it: where a view does not have
/// the controller, the figure is absent and not zero. (The time used needs none.)
const NUMBERS: [(&str, &str); 14] = [
    ("", "/cpu_stats/cpu_usage/total_usage"),
    ("", "/cpu_stats/cpu_usage/usage_in_kernelmode"),
    ("", "/cpu_stats/cpu_usage/usage_in_usermode"),
    ("cpu", "/cpu_stats/throttling_data/periods"),
    ("cpu", "/cpu_stats/throttling_data/throttled_periods"),
    ("cpu", "/cpu_stats/throttling_data/throttled_time"),
    ("memory", "/memory_stats/cache"),
    ("memory", "/memory_stats/usage/usage"),
    ("memory", "/memory_stats/usage/max_usage"),
    ("memory", "/memory_stats/usage/failcnt"),
    ("memory", "/memory_stats/swap_usage/usage"),
    ("memory", "/memory_stats/kernel_usage/usage"),
    // Version 2 does not keep these.
    ("memory v1", "/memory_stats/swap_usage/max_usage"),
    ("memory v1", "/memory_stats/kernel_usage/failcnt"),
];

const LISTS: [&str; 9] = [
    "/cpu_stats/cpu_usage/percpu_usage",
    "/blkio_stats/io_service_bytes_recursive",
    "/blkio_stats/io_serviced_recursive",
    "/blkio_stats/io_queue_recursive",
    "/blkio_stats/io_service_time_recursive",
    "/blkio_stats/io_wait_time_recursive",
    "/blkio_stats/io_merged_recursive",
    "/blkio_stats/io_time_recursive",
    "/blkio_stats/sectors_recursive",
];

#[test]
fn stats_have_the_keys_that_tools_read() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            root.detach([""; 0]);
            let stats = root.nsinit(["stats"]).run().success().json();
            assert!(stats["Interfaces"].is_array());
            let figures = &stats["CgroupStats"];
            for (controller, key) in NUMBERS {
                let there = match controller.strip_suffix(" v1") {
                    _ if controller.is_empty() => true,
                    Some(name) => e2e::hierarchies()
                        .iter()
                        .any(|it| it.controllers.contains(&name.to_owned())),
                    None => e2e::has_controller(controller),
                };
                let value = figures.pointer(key);
                assert_eq!(value.is_some(), there, "{key}: {figures}");
                assert!(value.is_none_or(Value::is_u64), "{key}: {figures}");
            }
            for key in LISTS {
                assert!(figures.pointer(key).is_some_and(Value::is_array), "{key}: {figures}");
            }
            for key in ["/memory_stats/stats", "/hugetlb_stats"] {
                assert!(figures.pointer(key).is_some_and(Value::is_object), "{key}: {figures}");
            }
            root.delete();
            before.assert_restored();
        }
    });
}

#[test]
fn stats_agree_with_the_kernels_files() {
    on_this_host(|world: &World| {
        if !(has("memory") && has("cpuacct") && has("pids") && has("blkio")) {
            return;
        }
        for root in world.roots() {
            let before = world.snapshot();
            let script = "/probe eat-memory 5 1000 & /probe spin 0.3; cat /probe > /dev/null; \
                          echo up; sleep 1000";
            let mut running = root.sh(script).start();
            running.until("up").until("ate 5");
            let of = |controller| group(&root, controller).unwrap();
            let [cpu, memory, pids, blkio] = ["cpuacct", "memory", "pids", "blkio"].map(of);
            // Frozen, nothing changes between the two readings.
            root.nsinit(["pause"]).run().success();
            let stats = root.nsinit(["stats"]).run().success().json();
            let get = |key: &str| stats["CgroupStats"].pointer(key).unwrap().clone();
            let same = |key: &str, file: String| {
                assert_eq!(get(key).as_u64().unwrap(), number(&file), "{key} {file}");
            };
            same("/cpu_stats/cpu_usage/total_usage", format!("{cpu}/cpuacct.usage"));
            let percpu = std::fs::read_to_string(format!("{cpu}/cpuacct.usage_percpu")).unwrap();
            let percpu: Vec<u64> =
                percpu.split_whitespace().map(|value| value.parse().unwrap()).collect();
            assert_eq!(get("/cpu_stats/cpu_usage/percpu_usage"), Value::from(percpu));
            for mode in ["user", "sys"] {
                let key = if mode == "sys" { "kernel" } else { mode };
                let key = format!("/cpu_stats/cpu_usage/usage_in_{key}mode");
                same(&key, format!("{cpu}/cpuacct.usage_{mode}"));
            }
            same("/memory_stats/usage/max_usage", format!("{memory}/memory.max_usage_in_bytes"));
            same("/memory_stats/usage/failcnt", format!("{memory}/memory.failcnt"));
            same("/pids/current", format!("{pids}/pids.current"));
            // The kernel's own counts of pages lag by a batch for each processor.
            let near = |key: &str, kernel: u64| {
                let value = get(key).as_u64().unwrap();
                assert!(value.abs_diff(kernel) <= 1 << 20, "{key}: {value}, not {kernel}");
            };
            near("/memory_stats/usage/usage", number(&format!("{memory}/memory.usage_in_bytes")));
            for line in std::fs::read_to_string(format!("{memory}/memory.stat")).unwrap().lines() {
                let (key, value) = line.split_once(' ').unwrap();
                near(&format!("/memory_stats/stats/{key}"), value.parse().unwrap());
            }
            assert!(get("/memory_stats/stats/total_rss").as_u64().unwrap() >= 5 << 20);
            let bytes = format!("{blkio}/blkio.throttle.io_service_bytes_recursive");
            let kernel = std::fs::read_to_string(&bytes).unwrap_or_default();
            let rows = kernel.lines().filter(|line| line.split(' ').count() == 3).count();
            let ours = get("/blkio_stats/io_service_bytes_recursive");
            assert_eq!(ours.as_array().unwrap().len(), rows, "{kernel} {ours}");
            root.delete();
            running.wait().code(137);
            before.assert_restored();
        }
    });
}

#[test]
fn interfaces_count_what_goes_through_them() {
    each_view(|world: &World| {
        let root = world.busybox();
        for line in ["link add br0 type bridge", "addr add 10.9.0.1/24 dev br0", "link set br0 up"]
        {
            e2e::Cmd::new("ip", line.split(' ')).run().success();
        }
        let before = world.snapshot();
        let flags = ["--veth-bridge", "br0", "--veth-address", "10.9.0.2/24"];
        root.detach(flags);
        let figures = || {
            let stats = root.nsinit(["stats"]).run().success().json();
            let of = |key: &str| stats["Interfaces"][0][key].as_u64().unwrap();
            [
                "RxBytes",
                "RxPackets",
                "RxErrors",
                "RxDropped",
                "TxBytes",
                "TxPackets",
                "TxErrors",
                "TxDropped",
            ]
            .map(of)
        };
        let first = figures();
        let mut answer = String::new();
        until("the bridge forwards", || {
            answer = root.exec(["ping", "-c", "1", "-w", "1", "10.9.0.1"]).run().out;
            answer.contains("1 packets received")
        });
        let out = root.exec(["ping", "-c", "5", "-i", "0.1", "10.9.0.1"]).run().code(0).out;
        assert!(out.contains("5 packets received"), "{out}");
        let last = figures();
        assert!(last[1] >= first[1] + 5 && last[5] >= first[5] + 5, "{first:?} {last:?}");
        assert!(last[0] > first[0] && last[4] > first[4], "{first:?} {last:?}");
        root.delete();
        before.assert_restored();
        e2e::Cmd::new("ip", ["link", "del", "br0"]).run().success();
    });
}
