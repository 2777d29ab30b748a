//! Control groups: limits bite, processes stop and go on, figures agree, nothing stays.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use cgroups::{Access, Cpu, DeviceKind, DeviceRule, Memory};
use libcontainer::{Config, Event, Pressure, Process, Resources, Status, Stdio};

use crate::common::{HostSnapshot, Place, Test, prefix, test, v2_view};
use crate::kit::{self, Running, refusal, rest};

const MIB: i64 = 1 << 20;

pub fn tests() -> Vec<Test> {
    vec![
        test("cgroup::is_there_before_the_program", before_the_program).in_both_views(),
        test("cgroup::memory_is_limited_and_its_end_told", memory),
        test("cgroup::pids_are_limited", pids),
        test("cgroup::a_quota_is_what_is_got", quota),
        test("cgroup::cpusets_hold", cpuset),
        test("cgroup::devices", devices).in_both_views(),
        test("cgroup::devices_change_while_it_runs", devices_change).in_both_views(),
        test("cgroup::set_on_the_running_container", set),
        test("cgroup::figures_agree_with_the_kernel", figures),
        test("cgroup::figures_in_the_view", figures_v2).in_both_views(),
        test("cgroup::a_group_in_use_is_refused", in_use).in_both_views(),
        test("cgroup::limits_that_cannot_be", impossible).in_both_views(),
        test("cgroup::none_of_its_own", none),
    ]
}

fn with(place: &Place, name: &str, resources: Resources) -> Config {
    Config { resources, ..Config { seccomp: Vec::new(), ..place.config(name) } }
}

fn memory_of(limit: i64) -> Resources {
    Resources { memory: Memory { limit: Some(limit), ..Memory::default() }, ..Default::default() }
}

/// The group's directory for a controller.
fn directory(running: &Running, controller: &str) -> PathBuf {
    let paths = running.container.state().unwrap().cgroup_paths;
    paths.get(controller).or_else(|| paths.get("")).unwrap().clone()
}

fn file(running: &Running, controller: &str, name: &str) -> String {
    fs::read_to_string(directory(running, controller).join(name)).unwrap().trim().to_owned()
}

/// The first thing that the program does happens in the group, and what it starts is in it.
fn before_the_program() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    {
        let mut process = Process::new(["sh", "-c", "cat /proc/self/cgroup; sleep 1000"]);
        process.stdout = Stdio::Pipe;
        process.stdin = Stdio::Null;
        let mut running = Running::with(&place, "first", place.config("one/two"), process);
        let mut text = [0; 4096];
        let stdout = running.init.stdout.as_mut().unwrap();
        let mut length = 0;
        let expected = if v2_view() { 1 } else { 10 };
        while String::from_utf8_lossy(&text[..length]).lines().count() < expected {
            length += std::io::Read::read(stdout, &mut text[length..]).unwrap();
        }
        let text = String::from_utf8_lossy(&text[..length]).into_owned();
        let path = format!("/{}/one/two", prefix());
        for line in text.lines() {
            let own = line.ends_with(&path);
            // Hierarchies that are not to be seen here have no group of the container's.
            let hidden = v2_view() && !line.starts_with("0:");
            assert!(own || hidden || !is_mounted(line), "{text}");
        }
        assert!(text.lines().any(|line| line == format!("0::{path}")), "{text}");
        let state = running.container.state().unwrap();
        for directory in state.cgroup_paths.values() {
            let pids = fs::read_to_string(directory.join("cgroup.procs")).unwrap();
            assert!(pids.lines().any(|pid| pid == running.init.pid().to_string()));
        }
        let pids = running.container.processes().unwrap();
        assert!(pids.contains(&running.init.pid()), "{pids:?}");
        let child = running.container.exec(Process::new(["sleep", "1000"]).silent()).unwrap();
        assert!(running.container.processes().unwrap().contains(&child.pid()));
        running.container.kill().unwrap();
        let mut child = child;
        child.wait().unwrap();
    }
    before.assert_restored(Duration::from_secs(3));
}

fn memory() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "memory", with(&place, "memory", memory_of(24 * MIB)));
    let mut notifier = running.container.notify_oom().unwrap();
    let mut all = running.container.events().unwrap();
    let pressure = running.container.notify_memory_pressure(Pressure::Low);
    assert!(pressure.is_ok(), "{pressure:?}");
    let (text, code) = running.exec(&["/bin/probe", "eat-memory", "64"]);
    assert_eq!(code, -9, "{text}");
    let eaten = text.lines().count();
    assert!((10..=24).contains(&eaten), "{eaten} MiB");
    let event = notifier.wait(Some(Duration::from_secs(5))).unwrap();
    assert!(matches!(event, Some(Event::OutOfMemory { .. })), "{event:?}");
    let seen = std::iter::from_fn(|| all.wait(Some(Duration::from_millis(100))).unwrap());
    assert!(seen.into_iter().any(|event| matches!(event, Event::OutOfMemory { .. })));
    assert_eq!(running.container.status().unwrap(), Status::Running);
    let stats = running.container.stats().unwrap().cgroup.unwrap();
    assert_eq!(stats.memory_events["oom_kill"], 1);
    assert!(stats.memory_stats.usage.max_usage.unwrap() <= 24 * MIB as u64);
    assert!(stats.memory_stats.usage.failcnt > Some(0));
    // Enough is enough.
    assert_eq!(running.exec(&["/bin/probe", "eat-memory", "8"]).1, 0);
    drop(running);
    assert_eq!(notifier.wait(Some(Duration::from_secs(5))).unwrap(), Some(Event::Gone));
    let mut rest = std::iter::from_fn(|| all.wait(Some(Duration::from_secs(5))).unwrap());
    assert!(rest.any(|event| event == Event::Gone));

    // In a user namespace too (CVE-2025-47291).
    let mut config = with(&place, "mapped", memory_of(24 * MIB));
    let map = libcontainer::config::IdMap { container_id: 0, host_id: 200_000, size: 65_536 };
    (config.uid_mappings, config.gid_mappings) = (vec![map], vec![map]);
    kit::own(&mut config, libcontainer::config::NamespaceKind::User);
    assert_eq!(kit::once(&place, "mapped", config, &["/bin/probe", "eat-memory", "64"]).1, -9);
}

fn pids() {
    let Some(place) = kit::place() else { return };
    let resources = Resources { pids: Some(8), ..Resources::default() };
    let running = Running::new(&place, "pids", with(&place, "pids", resources));
    let (text, code) = running.exec(&["/bin/probe", "forks", "20"]);
    assert_eq!(code, 1);
    // The init and the one that forks are among the eight.
    assert!(text.starts_with("started 6 of 20\nerror EAGAIN"), "{text}");
    assert_eq!(running.container.stats().unwrap().cgroup.unwrap().pids.limit, Some(8));
    assert_eq!(running.exec(&["/bin/probe", "forks", "6"]).1, 0);
}

/// Whatever else this machine does: a fifth of one processor is more than anybody is short of.
fn quota() {
    let Some(place) = kit::place() else { return };
    let cpu = Cpu { quota: Some(20_000), period: Some(100_000), ..Cpu::default() };
    let resources = Resources { cpu, ..Resources::default() };
    let running = Running::new(&place, "quota", with(&place, "quota", resources));
    let mut shares = Vec::new();
    for _ in 0..3 {
        let facts = kit::Facts::new(&running.say(&["/bin/probe", "spin", "2"]));
        let number = |key: &str| facts.get(key).parse::<f64>().unwrap();
        let share = number("cpu-ms") / number("wall-ms");
        shares.push(share);
        if (0.18..0.22).contains(&share) {
            let stats = running.container.stats().unwrap().cgroup.unwrap();
            assert!(stats.cpu_stats.throttling_data.throttled_periods > Some(0));
            return;
        }
    }
    panic!("{shares:?}");
}

fn cpuset() {
    let Some(place) = kit::place() else { return };
    let cpu = |cpus: &str| Resources {
        cpu: Cpu { cpus: Some(cpus.into()), mems: Some("0".into()), ..Cpu::default() },
        ..Resources::default()
    };
    let running = Running::new(&place, "cpuset", with(&place, "cpuset", cpu("0")));
    let facts = running.facts();
    assert_eq!((facts.get("cpus-allowed"), facts.get("mems-allowed")), ("0", "0"));
    let all = fs::read_to_string("/sys/fs/cgroup/cpuset/cpuset.cpus").unwrap();
    running.container.set(&cpu(all.trim())).unwrap();
    assert_eq!(running.facts().get("cpus-allowed"), all.trim());
}

fn rule(allow: bool, kind: DeviceKind, numbers: Option<(i64, i64)>, access: Access) -> DeviceRule {
    let (major, minor) = numbers.unzip();
    DeviceRule { allow, kind, major, minor, access }
}

fn devices() {
    let Some(place) = kit::place() else { return };
    let mut config = with(&place, "devices", Resources::default());
    config.resources.devices = vec![
        rule(false, DeviceKind::All, None, Access::ALL),
        rule(true, DeviceKind::Char, Some((1, 3)), Access::ALL),
        rule(true, DeviceKind::Char, Some((1, 5)), Access::READ),
        rule(true, DeviceKind::Char, Some((1, 8)), Access::MKNOD),
        rule(true, DeviceKind::Block, Some((7, 99)), Access::MKNOD),
    ];
    let running = Running::new(&place, "devices", config);
    let ask = |args: &[&str]| running.exec(&[&["/bin/probe"], args].concat()).0;
    for (args, allowed) in [
        (&["open", "/dev/null", "rw"][..], true),
        (&["open", "/dev/zero", "r"], true),
        (&["open", "/dev/zero", "w"], false),
        (&["open", "/dev/zero", "rw"], false),
        (&["open", "/dev/full", "r"], false),
        (&["open", "/dev/random", "r"], false),
        (&["open", "/dev/fuse", "rw"], false),
        (&["mknod", "/tmp/null", "c", "1", "3"], true),
        (&["mknod", "/tmp/random", "c", "1", "8"], true),
        (&["mknod", "/tmp/loop", "b", "7", "99"], true),
        // The node is the container's already.
        (&["mknod", "/tmp/zero", "c", "1", "5"], true),
        (&["mknod", "/tmp/tun", "c", "10", "200"], false),
        (&["mknod", "/tmp/other", "b", "7", "98"], false),
        (&["mknod", "/tmp/char", "c", "7", "99"], false),
        // A FIFO is no device.
        (&["mknod", "/tmp/fifo", "p"], true),
    ] {
        let said = ask(args);
        assert_eq!(said == "ok\n", allowed, "{args:?}: {said}");
        assert!(allowed || said.starts_with("error EPERM"), "{args:?}: {said}");
    }
    assert!(ask(&["open", "/tmp/random", "r"]).starts_with("error EPERM"));
    drop(running);
    // The template: any node can be made, few opened.
    let running = Running::new(
        &place,
        "devices",
        with(&place, "template", place.config("template").resources),
    );
    let ask = |args: &[&str]| running.exec(&[&["/bin/probe"], args].concat()).0;
    assert_eq!(ask(&["mknod", "/tmp/sda", "b", "8", "0"]), "ok\n");
    assert!(ask(&["open", "/tmp/sda", "r"]).starts_with("error EPERM"));
    assert!(ask(&["open", "/dev/fuse", "rw"]).starts_with("error EPERM"));
    assert_eq!(ask(&["open", "/dev/urandom", "r"]), "ok\n");
}

fn devices_change() {
    let Some(place) = kit::place() else { return };
    let deny = rule(false, DeviceKind::All, None, Access::ALL);
    let mut config = with(&place, "devices", Resources::default());
    config.resources.devices = vec![deny, rule(true, DeviceKind::Char, Some((1, 3)), Access::ALL)];
    let running = Running::new(&place, "devices", config);
    let open = |path: &str| running.exec(&["/bin/probe", "open", path]).0 == "ok\n";
    assert!(open("/dev/null") && !open("/dev/zero"));
    let devices = vec![deny, rule(true, DeviceKind::Char, Some((1, 5)), Access::ALL)];
    running.container.set(&Resources { devices, ..Resources::default() }).unwrap();
    assert!(!open("/dev/null") && open("/dev/zero"));
    let devices = vec![rule(true, DeviceKind::All, None, Access::ALL)];
    running.container.set(&Resources { devices, ..Resources::default() }).unwrap();
    assert!(open("/dev/null") && open("/dev/full"));
}

fn set() {
    let Some(place) = kit::place() else { return };
    let resources = Resources { pids: Some(20), ..memory_of(64 * MIB) };
    let running = Running::new(&place, "set", with(&place, "set", resources));
    assert_eq!(file(&running, "memory", "memory.limit_in_bytes"), (64 * MIB).to_string());
    running.container.set(&memory_of(32 * MIB)).unwrap();
    assert_eq!(file(&running, "memory", "memory.limit_in_bytes"), (32 * MIB).to_string());
    // What is not named stays.
    assert_eq!(file(&running, "pids", "pids.max"), "20");
    let cpu = Cpu { shares: Some(512), quota: Some(50_000), ..Cpu::default() };
    running.container.set(&Resources { cpu, pids: Some(-1), ..Default::default() }).unwrap();
    assert_eq!(file(&running, "pids", "pids.max"), "max");
    assert_eq!(file(&running, "cpu", "cpu.shares"), "512");
    assert_eq!(file(&running, "cpu", "cpu.cfs_quota_us"), "50000");
    // More than there can be: refused, with the file.
    let error = running.container.set(&memory_of(4096)).unwrap_err();
    assert!(error.to_string().contains("memory"), "{error}");
}

fn figures() {
    let Some(place) = kit::place() else { return };
    let resources = Resources { pids: Some(100), ..memory_of(64 * MIB) };
    let running = Running::new(&place, "figures", with(&place, "figures", resources));
    running.say(&["/bin/probe", "spin", "0.2"]);
    running.say(&["/bin/probe", "eat-memory", "5"]);
    running.container.pause().unwrap();
    let stats = running.container.stats().unwrap().cgroup.unwrap();
    let number =
        |controller: &str, name: &str| file(&running, controller, name).parse::<u64>().unwrap();
    let near = |one: u64, other: u64, what: &str| {
        assert!(one.abs_diff(other) <= 1 << 20, "{what}: {one} {other}");
    };
    let usage = &stats.cpu_stats.cpu_usage;
    near(usage.total_usage.unwrap(), number("cpuacct", "cpuacct.usage"), "cpuacct.usage");
    assert!(usage.total_usage > Some(20_000_000), "{usage:?}");
    let each: u64 = usage.percpu_usage.iter().sum();
    near(each, usage.total_usage.unwrap(), "percpu");
    let memory = &stats.memory_stats;
    near(memory.usage.usage.unwrap(), number("memory", "memory.usage_in_bytes"), "usage");
    assert_eq!(memory.usage.max_usage, Some(number("memory", "memory.max_usage_in_bytes")));
    assert_eq!(memory.usage.failcnt, Some(number("memory", "memory.failcnt")));
    assert!(memory.usage.max_usage > Some(5 << 20));
    for line in file(&running, "memory", "memory.stat").lines() {
        let (key, value) = line.split_once(' ').unwrap();
        near(memory.stats[key], value.parse().unwrap(), key);
    }
    assert_eq!(stats.pids.current, Some(number("pids", "pids.current")));
    assert_eq!(stats.pids.limit, Some(number("pids", "pids.max")));
    let json = serde_json::to_value(running.container.stats().unwrap()).unwrap();
    let total = &json["CgroupStats"]["cpu_stats"]["cpu_usage"]["total_usage"];
    assert!(total.as_u64() >= usage.total_usage, "{json}");
    assert!(json["Interfaces"].is_array());
}

fn figures_v2() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "figures", place.config("figures"));
    running.say(&["/bin/probe", "spin", "0.2"]);
    running.container.pause().unwrap();
    let stats = running.container.stats().unwrap().cgroup.unwrap();
    assert!(stats.cpu_stats.cpu_usage.total_usage > Some(20_000_000), "{:?}", stats.cpu_stats);
    if v2_view() {
        let text = file(&running, "", "cpu.stat");
        let usec = text.lines().find_map(|line| line.strip_prefix("usage_usec ")).unwrap();
        let usec: u64 = usec.parse().unwrap();
        assert!(
            usec.abs_diff(stats.cpu_stats.cpu_usage.total_usage.unwrap() / 1000) < 1000,
            "{text}"
        );
    }
}

/// By a stranger, or by another container.
fn in_use() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "one", place.config("same"));
    let error = kit::Running::try_new(&place, "two", place.config("same")).err().unwrap();
    let text = error.to_string();
    assert!(text.contains(&format!("{}/same", prefix())), "{text}");
    assert!(text.contains(&running.init.pid().to_string()), "{text}");
    assert_eq!(running.exec(&["true"]).1, 0);
    assert_eq!(place.factory().list().unwrap(), ["one"]);
    drop(running);

    let hierarchy = if v2_view() { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/freezer" };
    let group = PathBuf::from(hierarchy).join(prefix()).join("strangers");
    fs::create_dir_all(&group).unwrap();
    let mut stranger = Command::new("sleep").arg("1000").spawn().unwrap();
    fs::write(group.join("cgroup.procs"), stranger.id().to_string()).unwrap();
    let text = refusal(&place, place.config("strangers")).to_string();
    assert!(text.contains("strangers") && text.contains(&stranger.id().to_string()), "{text}");
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger has been killed");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    // An empty one is taken as it is.
    let running = Running::new(&place, "taken", place.config("strangers"));
    assert_eq!(running.exec(&["true"]).1, 0);
    drop(running);
    let _ = fs::remove_dir(&group);
    let _ = fs::remove_dir(group.parent().unwrap());
}

fn impossible() {
    let Some(place) = kit::place() else { return };
    let mut cases: Vec<(Resources, &str)> = vec![(
        Resources { unified: [("../escape".into(), "1".into())].into(), ..Default::default() },
        "escape",
    )];
    if !v2_view() {
        let cpus = Cpu { cpus: Some("4000".into()), ..Cpu::default() };
        cases.push((Resources { cpu: cpus, ..Default::default() }, "cpuset.cpus"));
        let cpu = Cpu { quota: Some(1), ..Cpu::default() };
        cases.push((Resources { cpu, ..Default::default() }, "cpu.cfs_quota_us"));
    } else {
        // The controller is not there: nothing starts without its limit.
        cases.push((Resources { pids: Some(5), ..Default::default() }, "pids"));
    }
    for (resources, word) in cases {
        let text = refusal(&place, with(&place, "impossible", resources)).to_string();
        assert!(text.contains(word), "{text}");
    }
    for path in ["../above", "/", "a/../b"] {
        let config = Config { cgroup: Some(path.into()), ..place.config("x") };
        let error = refusal(&place, config);
        assert!(error.to_string().contains("cgroup"), "{error}");
    }
}

/// What needs one says so.
fn none() {
    let Some(place) = kit::place() else { return };
    let mut running = Running::with(&place, "none", place.small(), {
        let mut process = Process::new(["cat", "/proc/self/cgroup"]);
        process.stdout = Stdio::Pipe;
        process
    });
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    assert_eq!(rest(&mut running.init).0, own);
    drop(running);
    let running = Running::new(&place, "none", place.small());
    for error in [
        running.container.pause().unwrap_err(),
        running.container.set(&memory_of(MIB)).unwrap_err(),
        running.container.notify_oom().unwrap_err(),
    ] {
        assert_eq!(kit::field(&error), "cgroup", "{error}");
    }
    assert_eq!(running.container.processes().unwrap(), [running.init.pid()]);
}

/// Whether the hierarchy of a line of /proc/PID/cgroup is mounted here.
fn is_mounted(line: &str) -> bool {
    let named = line.split(':').nth(1).unwrap().split(',').next().unwrap();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().filter_map(|line| line.split_once(" - ")).any(|(_, source)| {
        match source.split(' ').collect::<Vec<_>>()[..] {
            ["cgroup2", ..] => named.is_empty(),
            ["cgroup", _, options] => options.split(',').any(|option| option == named),
            _ => false,
        }
    })
}
