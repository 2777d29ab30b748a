//! A unit of systemd's: its limits, figures, events, freezing and end are those of any group, for
//! the system's systemd and for a user's. Needs a host that systemd has booted, on version 2.
#![allow(clippy::unwrap_used, clippy::panic)] // A failed expectation ends the test.

mod common;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cgroups::systemd::{Instance, Unit};
use cgroups::{Cpu, Event, Memory, Notifier, Pressure, Resources};
use common::{Helper, host, spawn};
use rustix::process::Signal;

/// Nothing takes so long, but on a machine that is emulated and busy.
const SOON: Duration = Duration::from_secs(30);

/// A scope around a process, stopped when dropped.
struct Scope {
    unit: Unit,
    group: cgroups::Manager,
    keeper: Option<Helper>,
}

/// Whose units are made: root's are the system's.
fn instance() -> Instance {
    if rustix::process::geteuid().is_root() { Instance::System } else { Instance::User }
}

fn place() -> &'static str {
    match instance() {
        Instance::System => "v2 systemd",
        Instance::User => "v2 rootless",
    }
}

fn seen(what: &str) {
    println!("MATRIX: {} | {what} | ok", place());
}

fn unseen(what: &str, why: &str) {
    println!("MATRIX: {} | {what} | none: {why}", place());
}

impl Scope {
    /// A scope with these limits, or none where systemd is not here.
    fn start(name: &str, limits: &Resources) -> Option<Self> {
        if instance().check().is_err() || host().mode != cgroups::Mode::V2 {
            println!("SKIP: systemd has not booted this host on version 2");
            return None;
        }
        let path = format!(":cgtest:{name}-{}", std::process::id());
        let (unit, group) = Unit::plan(&host(), instance(), &path, "a test's").unwrap();
        let keeper = spawn("nothing");
        unit.start(&host(), keeper.pid(), limits, &[]).unwrap();
        group.set(limits).unwrap();
        Some(Self { unit, group, keeper: Some(keeper) })
    }

    /// One more process in it.
    fn child(&self, action: &str) -> Helper {
        let helper = spawn(action);
        self.group.attach_v2(helper.pid()).unwrap();
        helper
    }

    fn dir(&self) -> &Path {
        &self.group.paths()[""]
    }

    fn read(&self, file: &str) -> Option<String> {
        Some(std::fs::read_to_string(self.dir().join(file)).ok()?.trim().to_owned())
    }

    fn number(&self, file: &str) -> Option<u64> {
        self.read(file)?.parse().ok()
    }

    fn flat(&self, file: &str, key: &str) -> Option<u64> {
        let text = self.read(file)?;
        text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.parse().ok())
    }

    fn systemctl(&self, args: &[&str]) -> String {
        let user: &[&str] = if instance() == Instance::User { &["--user"] } else { &[] };
        let run = Command::new("systemctl").args(user).args(args).output().unwrap();
        String::from_utf8(run.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let _ = self.group.thaw();
        let _ = self.group.kill(Signal::KILL);
        drop(self.keeper.take());
        let stopped = self.unit.stop(true);
        if !std::thread::panicking() {
            stopped.unwrap();
            assert!(!self.dir().exists(), "{} is left", self.dir().display());
        }
    }
}

fn memory(mib: i64) -> Resources {
    let memory = Memory { limit: Some(mib << 20), swap: Some(mib << 20), ..Memory::default() };
    Resources { memory, ..Resources::default() }
}

#[test]
fn its_figures_are_the_kernels() {
    let cpu = Cpu { quota: Some(50_000), cpus: Some("0".to_owned()), ..Cpu::default() };
    let limits = Resources { cpu, pids: Some(40), ..memory(64) };
    let Some(scope) = Scope::start("figures", &limits) else { return };
    let mut helper = scope.child("work");
    assert_eq!(helper.ask(), "worked");
    // Frozen, nothing changes between two readings.
    scope.group.freeze().unwrap();
    let periods = || scope.flat("cpu.stat", "nr_periods");
    let periods_before = periods();
    let stats = scope.group.stats().unwrap();
    let cpu = &stats.cpu_stats;
    let usage = scope.flat("cpu.stat", "usage_usec").map(|it| it * 1000);
    assert!(usage > Some(30_000_000), "{usage:?}");
    assert_eq!(cpu.cpu_usage.total_usage, usage);
    seen("stats cpu");
    // (The kernel counts a few more while nothing runs.)
    let counted = cpu.throttling_data.periods;
    assert!(periods_before <= counted && counted <= periods(), "{counted:?}");
    assert!(counted > Some(0));
    seen("stats cpu quota");
    let memory = &stats.memory_stats;
    assert_eq!(memory.usage.max_usage, scope.number("memory.peak"));
    assert_eq!(memory.usage.limit, Some(64 << 20));
    assert!(memory.usage.usage > Some(16 << 20), "{memory:?}");
    assert_eq!(memory.stats.len(), scope.read("memory.stat").unwrap().lines().count());
    assert_eq!(memory.swap_only_usage.usage, scope.number("memory.swap.current"));
    seen("stats memory");
    assert_eq!(stats.pids.current, scope.number("pids.current"));
    assert_eq!(stats.pids.limit, Some(40));
    seen("stats pids");
    let written = stats.blkio_stats.io_service_bytes_recursive.iter().find(|one| one.op == "Write");
    let text = scope.read("io.stat").unwrap();
    assert!(written.is_some_and(|one| one.value >= 1 << 20), "{text}");
    let written = written.unwrap();
    let line = format!("{}:{} ", written.major, written.minor);
    let line = text.lines().find(|it| it.starts_with(&line)).unwrap();
    assert!(line.split(' ').any(|word| word == format!("wbytes={}", written.value)), "{line}");
    seen("stats io");
    assert_eq!(stats.cpuset_stats.cpus, Some(vec![0]));
    assert_eq!(stats.cpuset_stats.effective_cpus, Some(vec![0]));
    seen("stats cpuset");
    let total = |file: &str| {
        let text = scope.read(file)?;
        text.lines().next()?.rsplit('=').next()?.parse::<u64>().ok()
    };
    for (psi, file) in [
        (stats.psi.cpu, "cpu.pressure"),
        (stats.psi.memory, "memory.pressure"),
        (stats.psi.io, "io.pressure"),
    ] {
        assert_eq!(psi.and_then(|psi| psi.some).map(|stall| stall.total), total(file), "{file}");
    }
    match stats.psi.cpu {
        Some(_) => seen("stats pressure"),
        None => unseen("stats pressure", "psi is switched off"),
    }
}

#[test]
fn what_systemd_knows_nothing_of() {
    let hugetlb = BTreeMap::from([("2MB".to_owned(), 4 << 20)]);
    let Some(scope) = Scope::start("pages", &Resources::default()) else { return };
    match scope.group.set(&Resources { hugetlb, ..Resources::default() }) {
        Ok(()) => {
            assert_eq!(scope.number("hugetlb.2MB.max"), Some(4 << 20));
            let stats = scope.group.stats().unwrap().hugetlb_stats;
            assert_eq!(stats["2MB"].usage, scope.number("hugetlb.2MB.current"));
            // It stays when systemd writes what it knows of.
            scope.systemctl(&["daemon-reload"]);
            let pids = Resources { pids: Some(30), ..Resources::default() };
            scope.group.set(&pids).unwrap();
            scope.unit.set(&scope.group, &pids).unwrap();
            assert_eq!(scope.number("hugetlb.2MB.max"), Some(4 << 20));
            seen("stats hugetlb");
        }
        Err(error) => {
            assert_eq!(instance(), Instance::User, "{error}");
            unseen("stats hugetlb", "systemd delegates no hugetlb to a user");
        }
    }
}

/// Waits for an event that `wanted` says yes to; those before it, and it.
fn until(notifier: &mut Notifier, wanted: impl Fn(Event) -> bool) -> Vec<Event> {
    let mut told = Vec::new();
    while let Some(event) = notifier.wait(Some(SOON)).unwrap() {
        told.push(event);
        if wanted(event) {
            return told;
        }
    }
    panic!("{told:?}");
}

#[test]
fn out_of_memory_is_told_and_the_unit_lives_on() {
    let Some(scope) = Scope::start("memory", &memory(24)) else { return };
    let mut stream = scope.group.events().unwrap();
    let mut notifier = scope.group.oom_notifier().unwrap();
    let mut helper = scope.child("allocate");
    helper.go();
    assert_eq!(helper.child.wait().unwrap().signal(), Some(9));
    let told = until(&mut stream, |event| matches!(event, Event::OomKill { count: 1 }));
    assert!(told.iter().any(|it| matches!(it, Event::MemoryMax { .. })), "{told:?}");
    assert!(told.iter().any(|it| matches!(it, Event::OutOfMemory { .. })), "{told:?}");
    seen("event memory max");
    seen("event oom kill");
    let event = notifier.wait(Some(SOON)).unwrap();
    assert!(matches!(event, Some(Event::OutOfMemory { .. })), "{event:?}");
    seen("event oom");
    // systemd has seen it, too, by the time that it has answered; what is delegated is not its own.
    scope.systemctl(&["daemon-reload"]);
    assert_eq!(scope.systemctl(&["is-active", &scope.unit.name]), "active");
    assert_eq!(scope.group.stats().unwrap().memory_events["oom_kill"], 1);
    let high = BTreeMap::from([("memory.high".to_owned(), (8 << 20).to_string())]);
    let high = Resources { unified: high, ..Resources::default() };
    scope.group.set(&high).unwrap();
    scope.unit.set(&scope.group, &high).unwrap();
    let stall = Pressure::Stall { full: false, stall_us: 2_000, window_us: 2_000_000 };
    let mut pressure = scope.group.memory_pressure_notifier(stall);
    let mut helper = scope.child("thrash 4000");
    helper.go();
    until(&mut stream, |event| matches!(event, Event::MemoryHigh { .. }));
    seen("event memory high");
    match &mut pressure {
        Ok(pressure) => {
            assert_eq!(pressure.wait(Some(SOON)).unwrap(), Some(Event::MemoryPressure));
            seen("event pressure");
        }
        Err(error) => {
            assert_eq!(instance(), Instance::User, "{error}");
            unseen("event pressure", "before Linux 6.4 a window of less than 2 s takes privileges");
        }
    }
}

#[test]
fn refused_processes_and_the_last_one_are_told() {
    let Some(mut scope) = Scope::start("processes", &Resources::default()) else { return };
    let mut stream = scope.group.events().unwrap();
    let mut helper = scope.child("fork");
    let now = scope.group.stats().unwrap().pids.current.unwrap() as i64;
    let pids = Resources { pids: Some(now), ..Resources::default() };
    scope.group.set(&pids).unwrap();
    scope.unit.set(&scope.group, &pids).unwrap();
    assert_eq!(helper.ask(), "refused");
    until(&mut stream, |event| matches!(event, Event::PidsMax { .. }));
    seen("event pids max");
    helper.end();
    assert_eq!(scope.systemctl(&["is-active", &scope.unit.name]), "active");
    drop(scope.keeper.take());
    // The last one has gone; then systemd takes the group away.
    assert_eq!(until(&mut stream, |event| event == Event::Gone).last(), Some(&Event::Gone));
    seen("event populated");
}

#[test]
fn frozen_through_a_reload_and_killed() {
    let Some(mut scope) = Scope::start("freeze", &Resources::default()) else { return };
    let mut helper = scope.child("work");
    scope.group.freeze().unwrap();
    helper.go();
    scope.systemctl(&["daemon-reload"]);
    let pids = Resources { pids: Some(30), ..Resources::default() };
    scope.unit.set(&scope.group, &pids).unwrap();
    assert!(scope.group.frozen().unwrap());
    assert_eq!(scope.read("cgroup.freeze").as_deref(), Some("1"));
    scope.group.thaw().unwrap();
    assert_eq!(helper.answer(), "worked");
    seen("freeze");
    scope.group.freeze().unwrap();
    scope.group.kill(Signal::KILL).unwrap();
    assert_eq!(helper.child.wait().unwrap().signal(), Some(9));
    let keeper = scope.keeper.as_mut().unwrap();
    assert_eq!(keeper.child.wait().unwrap().signal(), Some(9));
    seen("kill");
}

#[test]
#[ignore = "the child of the other tests"]
fn helper() {
    common::serve(|words| {
        match words {
            ["work"] => {
                let block = vec![1_u8; 20 << 20];
                let end = std::time::Instant::now() + Duration::from_millis(300);
                while std::time::Instant::now() < end {
                    assert!(block.iter().step_by(64).all(|byte| *byte == 1));
                }
                let name = format!("cgroups-test-units-{}", std::process::id());
                let path = Path::new("/var/tmp").join(name);
                std::fs::write(&path, vec![1_u8; 1 << 20]).unwrap();
                std::fs::File::open(&path).unwrap().sync_all().unwrap();
                std::fs::remove_file(&path).unwrap();
                // What the figures shall show is kept.
                std::mem::forget(block);
            }
            ["allocate"] => drop(std::hint::black_box(vec![1_u8; 96 << 20])),
            ["thrash", milliseconds] => common::thrash(milliseconds.parse().unwrap()),
            ["fork"] => {
                let forked = Command::new("true").status();
                return if forked.is_err() { "refused" } else { "forked" }.to_owned();
            }
            _ => {}
        }
        "worked".to_owned()
    });
}
