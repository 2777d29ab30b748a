//! `ps` and `events`: what runs in a container, and what it uses.

use std::collections::BTreeSet;

use e2e::{Bundle, World, each_view, hierarchies, on_this_host, skip};
use serde_json::Value;

/// The pids that `ps --format json` lists.
fn pids(bundle: &Bundle) -> BTreeSet<i64> {
    let run = bundle.nsrun(["ps", "--format", "json", &bundle.id]).run().success();
    let list: Value = serde_json::from_str(&run.out).unwrap();
    assert!(run.out.ends_with("]\n") && run.out.lines().count() == 1, "{}", run.out);
    list.as_array().unwrap().iter().map(|pid| pid.as_i64().unwrap()).collect()
}

#[test]
fn ps_lists_the_containers_processes() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("/probe sleep 500 & exec /probe sleep 600");
        let init = i64::from(bundle.detach());
        e2e::until("two processes", || pids(&bundle).len() == 2);
        assert!(pids(&bundle).contains(&init));
        let table = bundle.verb("ps").run().success().out;
        let mut lines = table.lines();
        assert!(lines.next().unwrap().starts_with("UID"), "{table}");
        let rows: Vec<&str> = lines.collect();
        assert_eq!(rows.len(), 2, "{table}");
        assert!(rows.iter().any(|row| row.contains("sleep 500")), "{table}");
        assert!(rows.iter().any(|row| row.contains("sleep 600")), "{table}");
        // Options of ps's own, wherever they put the column.
        for options in [&["-o", "pid,args"][..], &["-eo", "args,pid"], &["aux"], &["-e", "-f"]] {
            let table = bundle.verb("ps").args(options).run().success().out;
            assert!(table.lines().next().unwrap().contains("PID"), "{table}");
        }
        let short = bundle.verb("ps").args(["-e", "-o", "pid"]).run().success().out;
        let listed: BTreeSet<i64> =
            short.lines().skip(1).map(|line| line.trim().parse().unwrap()).collect();
        assert_eq!(listed, pids(&bundle));
        let none = bundle.verb("ps").args(["-e", "-o", "args"]).run();
        none.code(1).error(&["no column PID"]);
        bundle.verb("ps").args(["--bad-option"]).run().code(1).error(&["ps --bad-option: "]);
        bundle.nsrun(["ps", "-f", "yaml", &bundle.id]).run().code(1);
        bundle.nsrun(["ps", "nobody"]).run().code(1).error(&["container does not exist"]);
        bundle.verb("pause").run().success();
        assert_eq!(pids(&bundle), listed);
        bundle.verb("resume").run().success();
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        bundle.until_stopped();
        assert_eq!(pids(&bundle), BTreeSet::new());
        assert_eq!(bundle.verb("ps").run().success().out.lines().count(), 1);
        bundle.delete();
    });
}

#[test]
fn ps_without_ps() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        bundle.detach();
        let run = bundle.verb("ps").env("PATH", "/nowhere").run();
        run.code(1).error(&["ps: no such file or directory", "--format json"]);
        let run = bundle.nsrun(["ps", "-f", "json", &bundle.id]).env("PATH", "/nowhere").run();
        run.success();
        bundle.delete();
    });
}

/// The types that readers rely on, for the controllers that are in this view; the others' figures
/// are not there.
fn check_figures(line: &Value, id: &str) {
    assert_eq!((&line["type"], &line["id"]), (&"stats".into(), &id.into()));
    let data = &line["data"];
    let always = ["/cpu/usage/total", "/cpu/usage/kernel", "/cpu/usage/user"];
    assert!(always.iter().all(|place| data.pointer(place).is_some_and(Value::is_u64)), "{line}");
    for (controller, places) in [
        (
            "cpu",
            &[
                "/cpu/throttling/periods",
                "/cpu/throttling/throttledPeriods",
                "/cpu/throttling/throttledTime",
            ][..],
        ),
        (
            "memory",
            &[
                "/memory/cache",
                "/memory/usage/limit",
                "/memory/usage/usage",
                "/memory/usage/max",
                "/memory/usage/failcnt",
                "/memory/kernel/usage",
            ],
        ),
        ("pids", &["/pids/current"]),
    ] {
        let there = e2e::has_controller(controller);
        for place in places {
            let figure = data.pointer(place);
            assert_eq!(figure.is_some_and(Value::is_u64), there, "{place} in {line}");
            assert_eq!(figure.is_some(), there, "{place} in {line}");
        }
    }
    assert!(data["cpu"]["usage"]["percpu"].is_array());
    for place in [
        "/cpu/throttling",
        "/cpuset",
        "/memory/usage",
        "/memory/swap",
        "/memory/kernelTCP",
        "/memory/raw",
        "/hugetlb",
        "/intel_rdt",
    ] {
        assert!(data.pointer(place).is_some_and(Value::is_object), "{place} in {line}");
    }
    for list in [
        "ioServiceBytesRecursive",
        "ioServicedRecursive",
        "ioQueueRecursive",
        "ioServiceTimeRecursive",
        "ioWaitTimeRecursive",
        "ioMergedRecursive",
        "ioTimeRecursive",
        "sectorsRecursive",
    ] {
        assert!(data["blkio"][list].is_array(), "{list} in {line}");
    }
    assert!(data["network_interfaces"].is_array());
    let v1 = |name: &str| {
        hierarchies().iter().any(|it| !it.unified && it.controllers.iter().any(|one| one == name))
    };
    if v1("cpuacct") {
        let usage = &data["cpu"]["usage"];
        let sum = |list: &str| -> u64 {
            usage[list].as_array().unwrap().iter().map(|one| one.as_u64().unwrap()).sum()
        };
        assert_eq!(sum("percpu"), usage["total"]);
        assert_eq!(sum("percpu_kernel"), usage["kernel"]);
        assert_eq!(sum("percpu_user"), usage["user"]);
    }
    if v1("cpuset") {
        let cpuset = &data["cpuset"];
        assert!(!cpuset["cpus"].as_array().unwrap().is_empty(), "{line}");
        assert_eq!(cpuset["mems"][0], 0, "{line}");
        assert_eq!(cpuset["sched_load_balance"], 1, "{line}");
        assert_eq!(cpuset["sched_relax_domain_level"], -1, "{line}");
        assert_eq!(cpuset["cpu_exclusive"], 0, "{line}");
    }
}

#[test]
fn figures_once() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/linux/resources/pids/limit", 40);
        let counted = e2e::has_controller("pids") && e2e::has_controller("memory");
        if !counted {
            // The v2 view has no such controllers.
            bundle.set("/linux/resources", Value::Null);
        }
        bundle.detach();
        let run = bundle.nsrun(["events", "--stats", &bundle.id]).run().success();
        assert_eq!(run.out.lines().count(), 1);
        let line: Value = serde_json::from_str(&run.out).unwrap();
        check_figures(&line, &bundle.id);
        if counted {
            assert_eq!(line["data"]["pids"]["current"], 1);
            assert_eq!(line["data"]["pids"]["limit"], 40);
            assert!(line["data"]["memory"]["usage"]["usage"].as_u64().unwrap() > 0);
        }
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        bundle.until_stopped();
        for flags in [&["--stats"][..], &[]] {
            let run = bundle.nsrun(["events"]).args(flags).args([&bundle.id]).run();
            run.code(1).error(&["container not running"]);
        }
        bundle.nsrun(["events", "nobody"]).run().code(1).error(&["container does not exist"]);
        bundle.delete();
    });
}

#[test]
fn figures_again_and_again_until_the_end() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        bundle.detach();
        for wrong in ["0s", "5", "-1s", "soon"] {
            let flag = format!("--interval={wrong}");
            let run = bundle.nsrun(["events", &flag, &bundle.id]).run();
            run.code(1).error(&["--interval", "is not a duration greater than 0"]);
        }
        let mut events = bundle.nsrun(["events", "--interval", "50ms", &bundle.id]).start();
        e2e::until("three lines", || events.out().lines().count() >= 3);
        assert!(!events.ended());
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        let run = events.wait().success();
        for line in run.out.lines() {
            check_figures(&serde_json::from_str(line).unwrap(), &bundle.id);
        }
        bundle.delete();
    });
}

#[test]
fn nobody_reads() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        bundle.detach();
        // The reader goes after a line; the container does not.
        let command =
            format!("{} events --interval 20ms {} | head -n 1", e2e::nsrun().display(), bundle.id);
        let run = e2e::Cmd::new("sh", ["-c", &command]).seconds(20).run().success();
        assert_eq!(run.out.lines().count(), 1);
        assert_eq!(bundle.status(), "running");
        bundle.delete();
    });
}

#[test]
fn out_of_memory_is_told() {
    on_this_host(|world: &World| {
        if !e2e::has_controller("memory") {
            skip("the memory controller is not here");
            return;
        }
        let mut bundle = world.bundle();
        bundle.set("/linux/resources/memory/limit", 32 << 20);
        bundle.set("/linux/resources/memory/swap", 32 << 20);
        bundle.detach();
        let mut events = bundle.nsrun(["events", "--interval", "1h", &bundle.id]).start();
        std::thread::sleep(std::time::Duration::from_millis(300));
        bundle.exec(["/probe", "eat-memory", "128"]).run().code(137);
        events.until("oom");
        bundle.delete();
        let run = events.wait().success();
        let first: Value = serde_json::from_str(run.out.lines().next().unwrap()).unwrap();
        assert_eq!(first, serde_json::json!({"type": "oom", "id": bundle.id}));
    });
}

#[test]
fn figures_agree_with_the_files_of_version_2() {
    e2e::v2_only(|world: &World| {
        let place = world.place();
        let mut bundle = world.bundle();
        bundle.sh("i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; exec /probe sleep 1000");
        let pid = bundle.detach();
        e2e::until("asleep", || {
            let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
            command.is_ok_and(|command| command.starts_with("/probe"))
        });
        // Frozen, nothing changes between the two readings.
        bundle.verb("pause").run().success();
        let group = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        let group = group.lines().find_map(|line| line.strip_prefix("0::/")).unwrap();
        let group = std::path::Path::new("/sys/fs/cgroup").join(group);
        let run = bundle.nsrun(["events", "--stats", &bundle.id]).run().success();
        let line: Value = serde_json::from_str(&run.out).unwrap();
        check_figures(&line, &bundle.id);
        let data = &line["data"];
        let file = |name: &str| std::fs::read_to_string(group.join(name)).ok();
        let flat = |name: &str, key: &str| -> Option<u64> {
            let text = file(name)?;
            let value = |line: &str| line.strip_prefix(key)?.strip_prefix(' ')?.parse().ok();
            text.lines().find_map(value)
        };
        let number = |name: &str| file(name)?.trim().parse::<u64>().ok();
        assert_eq!(
            data["cpu"]["usage"]["total"].as_u64(),
            flat("cpu.stat", "usage_usec").map(|us| us * 1000)
        );
        assert!(data["cpu"]["usage"]["total"].as_u64() > Some(0));
        e2e::cell(place, "stats cpu");
        for (what, places) in [
            (
                "memory",
                &[
                    ("/memory/usage/max", "memory.peak"),
                    ("/memory/swapOnly/usage", "memory.swap.current"),
                ][..],
            ),
            ("pids", &[("/pids/current", "pids.current"), ("/pids/peak", "pids.peak")]),
        ] {
            if !e2e::has_controller(what) {
                continue;
            }
            for (pointer, name) in places {
                let figure = data.pointer(pointer).and_then(Value::as_u64);
                assert_eq!(figure, number(name), "{name}: {line}");
            }
            e2e::cell(place, &format!("stats {what}"));
        }
        let events = data.pointer("/memory/events").and_then(Value::as_object);
        let lines = file("memory.events").map(|text| text.lines().count());
        assert_eq!(events.map(|events| events.len()), lines, "{line}");
        let total = |resource: &str| {
            let text = file(&format!("{resource}.pressure"))?;
            text.lines().next()?.rsplit('=').next()?.parse::<u64>().ok()
        };
        for (pointer, resource) in [("/cpu", "cpu"), ("/memory", "memory"), ("/blkio", "io")] {
            let pointer = format!("{pointer}/psi/some/total");
            let figure = data.pointer(&pointer).and_then(Value::as_u64);
            assert_eq!(figure, total(resource), "{resource}: {line}");
        }
        if total("cpu").is_some() {
            e2e::cell(place, "stats pressure");
        }
        bundle.verb("resume").run().success();
        bundle.delete();
    });
}
