//! `update` changes what is named and nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;

use e2e::{Bundle, World, each_view, hierarchies, on_this_host, skip};
use serde_json::{Value, json};

/// The directory of a version 1 controller for the bundle's container.
fn group(bundle: &Bundle, controller: &str) -> Option<PathBuf> {
    let has = |names: &[String]| names.iter().any(|name| name == controller);
    let found = hierarchies().into_iter().find(|hierarchy| has(&hierarchy.controllers))?;
    Some(found.path.join(&bundle.id))
}

/// What may be changed, by file.
const FILES: [(&str, &str); 14] = [
    ("memory", "memory.limit_in_bytes"),
    ("memory", "memory.memsw.limit_in_bytes"),
    ("memory", "memory.soft_limit_in_bytes"),
    ("cpu", "cpu.shares"),
    ("cpu", "cpu.cfs_period_us"),
    ("cpu", "cpu.cfs_quota_us"),
    ("cpu", "cpu.cfs_burst_us"),
    ("cpu", "cpu.idle"),
    ("cpuset", "cpuset.cpus"),
    ("cpuset", "cpuset.mems"),
    ("pids", "pids.max"),
    ("devices", "devices.list"),
    ("freezer", "freezer.state"),
    ("memory", "memory.swappiness"),
];

fn values(bundle: &Bundle) -> BTreeMap<&'static str, String> {
    let read = |(controller, file): (&str, &'static str)| {
        let text = std::fs::read_to_string(group(bundle, controller)?.join(file)).ok()?;
        Some((file, text.trim().to_owned()))
    };
    FILES.into_iter().filter_map(read).collect()
}

/// Whether the controllers are in version 1 here; says so if not.
fn can_run() -> bool {
    let all = hierarchies();
    let missing = ["memory", "cpu", "cpuset", "pids"].into_iter().find(|controller| {
        !all.iter().any(|hierarchy| hierarchy.controllers.iter().any(|name| name == controller))
    });
    if let Some(controller) = missing {
        skip(format!("the {controller} controller is not in a version 1 hierarchy here"));
    }
    missing.is_none()
}

fn limited(world: &World) -> Bundle {
    let mut bundle = world.bundle();
    bundle.set(
        "/linux/resources",
        json!({
            "memory": {"limit": 64 << 20, "reservation": 32 << 20},
            "cpu": {"shares": 512, "quota": 20000, "period": 40000},
            "pids": {"limit": 50},
        }),
    );
    bundle
}

#[test]
fn each_flag_changes_its_file_and_no_other() {
    on_this_host(|world: &World| {
        if !can_run() {
            return;
        }
        let bundle = limited(world);
        let before = world.snapshot();
        bundle.detach();
        let mut expected = values(&bundle);
        assert_eq!(expected["memory.limit_in_bytes"], (64 << 20).to_string());
        assert_eq!(expected["pids.max"], "50");
        // Nothing named is nothing done.
        bundle.verb("update").run().success();
        assert_eq!(values(&bundle), expected);
        for (flags, file, value) in [
            (&["--memory", "128M"][..], "memory.limit_in_bytes", (128 << 20).to_string()),
            (&["--memory=96m"], "memory.limit_in_bytes", (96 << 20).to_string()),
            (
                &["--memory-reservation", "1048576"],
                "memory.soft_limit_in_bytes",
                (1 << 20).to_string(),
            ),
            (&["--memory-swap", "200MiB"], "memory.memsw.limit_in_bytes", (200 << 20).to_string()),
            (&["--cpu-share", "100"], "cpu.shares", "100".into()),
            (&["--cpu-quota", "30000"], "cpu.cfs_quota_us", "30000".into()),
            (&["--cpu-burst", "10000"], "cpu.cfs_burst_us", "10000".into()),
            (&["--cpu-period", "50000"], "cpu.cfs_period_us", "50000".into()),
            (&["--cpuset-cpus", "0"], "cpuset.cpus", "0".into()),
            (&["--cpuset-mems", "0"], "cpuset.mems", "0".into()),
            (&["--pids-limit", "20"], "pids.max", "20".into()),
            (&["--pids-limit=-1"], "pids.max", "max".into()),
            (&["--pids-limit", "0"], "pids.max", "0".into()),
            (&["--cpu-burst", "0"], "cpu.cfs_burst_us", "0".into()),
            (&["--cpu-quota", "-1"], "cpu.cfs_quota_us", "-1".into()),
            // Engines write 0 for what they have nothing to say of.
            (&["--memory", "0", "--cpu-share", "0"], "pids.max", "0".into()),
        ] {
            if !expected.contains_key(file) {
                skip(format!("this kernel has no {file}"));
                continue;
            }
            bundle.nsrun(["update"]).args(flags).args([&bundle.id]).run().success();
            expected.insert(file, value);
            assert_eq!(values(&bundle), expected, "{flags:?}");
        }
        // A control group that runs idle has other shares, so this one comes last.
        if expected.contains_key("cpu.idle") {
            bundle.nsrun(["update", "--cpu-idle", "1", &bundle.id]).run().success();
            assert_eq!(values(&bundle)["cpu.idle"], "1");
        }
        bundle.delete();
        before.assert_restored();
    });
}

#[test]
fn a_file_or_standard_input_with_flags_over_it() {
    on_this_host(|world: &World| {
        if !can_run() {
            return;
        }
        let bundle = limited(world);
        bundle.detach();
        let mut expected = values(&bundle);
        // As engines send it: everything they have, with zeroes for nothing, and devices.
        let resources = json!({
            "devices": [{"allow": true, "access": "rwm"}],
            "memory": {"limit": 80 << 20, "reservation": 0, "swap": 0, "kernel": 0, "kernelTCP": 0},
            "cpu": {"shares": 256, "quota": 0, "period": 0, "realtimeRuntime": 0,
                "realtimePeriod": 0, "cpus": "", "mems": ""},
            "blockIO": {"weight": 0},
            "pids": {"limit": 30},
            "unheard": {"of": 1},
        });
        let input = resources.to_string();
        bundle.nsrun(["update", "--resources", "-", &bundle.id]).input(input).run().success();
        for (file, value) in [
            ("memory.limit_in_bytes", (80 << 20).to_string()),
            ("cpu.shares", "256".to_owned()),
            ("pids.max", "30".to_owned()),
        ] {
            expected.insert(file, value);
        }
        assert_eq!(values(&bundle), expected);
        let file = bundle.path.join("resources.json");
        let name = file.to_str().unwrap();
        std::fs::write(&file, json!({"pids": {"limit": 31}, "memory": null}).to_string()).unwrap();
        let update = |flags: &[&str]| {
            bundle.nsrun(["update", "-r", name]).args(flags).args([&bundle.id]).run()
        };
        update(&["--cpu-share", "300"]).success();
        expected.insert("cpu.shares", "300".to_owned());
        expected.insert("pids.max", "31".to_owned());
        assert_eq!(values(&bundle), expected);
        update(&["--pids-limit", "32"]).success();
        expected.insert("pids.max", "32".to_owned());
        assert_eq!(values(&bundle), expected);
        // Raised above what memory and swap together may be, all at once.
        let both = json!({"memory": {"limit": 90 << 20, "swap": 91 << 20}}).to_string();
        bundle.nsrun(["update", "-r", "-", &bundle.id]).input(both).run().success();
        let both = ["--memory", "190M", "--memory-swap", "191M"];
        bundle.nsrun(["update"]).args(both).args([&bundle.id]).run().success();
        let unlimited = ["--memory", "-1"];
        bundle.nsrun(["update"]).args(unlimited).args([&bundle.id]).run().success();
        let now = values(&bundle);
        assert_eq!(now["memory.limit_in_bytes"], now["memory.memsw.limit_in_bytes"]);
        bundle.delete();
    });
}

#[test]
fn what_cannot_be_is_refused() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        bundle.nsrun(["update", "nobody"]).run().code(1).error(&["container does not exist"]);
        bundle.create([] as [&str; 0]).run().success();
        for (flags, words) in [
            (&["--memory", "much"][..], "--memory: \"much\" is not a size like 64M, or -1"),
            (&["--cpu-share", "1.5x"], "--cpu-share: \"1.5x\" is not a number"),
            (&["--cpu-share", "1.5"], "cpu.shares: 1.5 is not an integer"),
            (&["--cpu-idle", "2"], "cpu.idle: 2 is neither 0 nor 1"),
            (&["--blkio-weight", "5"], "blockIO.weight: 5 is not within 10 to 1000"),
            (&["--cpuset-cpus", "a-b"], "cpu.cpus: \"a-b\" is not a list"),
            (&["--memory", "2M", "--memory-swap", "1M"], "memory.swap: 1048576 is memory and swap"),
            (&["--resources", "/nowhere"], "--resources: open /nowhere: no such file"),
            (&["--resources", "/proc/version"], "/proc/version: not JSON"),
            (&["--unheard-of", "1"], "--unheard-of"),
            (&["--l3-cache-schema", "L3:0=f"], "linux.intelRdt: the container has no class"),
            (&["--mem-bw-schema", "MB:0=20"], "linux.intelRdt: the container has no class"),
            (&["--mem-bw-schema", "20"], "must be one line that begins with MB:"),
        ] {
            let run = bundle.nsrun(["update"]).args(flags).args([&bundle.id]).run();
            run.code(1).error(&[words]);
        }
        let wrong = bundle.nsrun(["update", "-r", "-", &bundle.id]).input("[1]").run();
        wrong.code(1).error(&["standard input: expected a JSON object with limits"]);
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        bundle.until_stopped();
        let stopped = bundle.nsrun(["update", "--pids-limit", "5", &bundle.id]).run();
        stopped.code(1).error(&["container not running"]);
        bundle.delete();
    });
}

#[test]
fn a_paused_container_may_be_changed() {
    on_this_host(|world: &World| {
        if !can_run() {
            return;
        }
        let bundle = world.bundle();
        bundle.detach();
        bundle.verb("pause").run().success();
        bundle.nsrun(["update", "--pids-limit", "77", &bundle.id]).run().success();
        assert_eq!(values(&bundle)["pids.max"], "77");
        assert_eq!(bundle.state()["status"], Value::from("paused"));
        bundle.verb("resume").run().success();
        bundle.delete();
    });
}

#[test]
fn huge_pages_in_the_v2_view() {
    e2e::v2_only(|world: &World| {
        let bundle = world.bundle();
        let offered = std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap();
        if !offered.split_whitespace().any(|one| one == "hugetlb") {
            skip("the version 2 tree has no hugetlb controller here");
            return;
        }
        bundle.detach();
        let directory = PathBuf::from("/sys/fs/cgroup").join(&bundle.id);
        let read = |file: &str| std::fs::read_to_string(directory.join(file)).unwrap();
        let limits = json!({"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]});
        let update = |input: &Value| {
            let update = bundle.nsrun(["update", "-r", "-", &bundle.id]);
            update.input(input.to_string()).run()
        };
        update(&limits).success();
        assert_eq!(read("hugetlb.2MB.max").trim(), (4 << 20).to_string());
        assert_eq!(read("hugetlb.2MB.rsvd.max").trim(), (4 << 20).to_string());
        update(&json!({"unified": {"hugetlb.2MB.max": "2097152"}})).success();
        assert_eq!(read("hugetlb.2MB.max").trim(), "2097152");
        assert_eq!(read("hugetlb.2MB.rsvd.max").trim(), (4 << 20).to_string());
        update(&json!({"unified": {"cgroup.max.depth": "3"}})).success();
        assert_eq!(read("cgroup.max.depth").trim(), "3");
        update(&json!({"unified": {"cgroup.freeze": "1"}})).code(1).error(&["runtime itself"]);
        update(&json!({"unified": {"nothing.max": "1"}})).code(1).error(&["nothing"]);
        bundle.delete();
    });
}
