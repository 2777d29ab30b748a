//! Where and when a process runs, and where its memory comes from.

use libcontainer::config::{
    ExecAffinity, IoClass, IoPriority, MemoryFlag, MemoryMode, MemoryPolicy, NumberList,
    Personality, ProcessSpec, Scheduler, SchedulerFlag, SchedulerPolicy,
};
use libcontainer::{Config, Error, Process, Stdio};

use crate::common::{Place, Test, test};
use crate::kit::{self, Running, field, refusal_of, rest};

pub fn tests() -> Vec<Test> {
    vec![
        test("scheduling::policies", policies).in_both_views(),
        test("scheduling::refused_policies", refused_policies),
        test("scheduling::disk_accesses", disk_accesses),
        test("scheduling::processors_of_further_processes", processors).in_both_views(),
        test("scheduling::personality", personality),
        test("scheduling::memory_policy", memory_policy),
        test("scheduling::further_processes_have_the_same_or_their_own", further),
    ]
}

const LOOK: [&str; 3] =
    ["sh", "-c", "cat /proc/self/stat; ionice; uname -m; cat /proc/$$/personality"];

fn scheduler(policy: SchedulerPolicy) -> Scheduler {
    let flags = Vec::new();
    Scheduler { policy, nice: 0, priority: 0, flags, runtime: 0, deadline: 0, period: 0 }
}

fn with(scheduler: Scheduler) -> ProcessSpec {
    ProcessSpec { scheduler: Some(scheduler), ..ProcessSpec::default() }
}

/// Nice value, real-time priority and policy of proc_pid_stat(5), of a process that executes it
/// and nothing before.
fn of_stat(text: &str) -> [i32; 3] {
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // The state is the third field.
    [19, 40, 41].map(|number: usize| fields[number - 3].parse().unwrap())
}

fn process(spec: &ProcessSpec, args: &[&str]) -> Process {
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let spec = ProcessSpec { args, ..spec.clone() };
    Process { spec, stdin: Stdio::Null, stdout: Stdio::Pipe, ..Process::default() }
}

/// What a first process says.
fn said(place: &Place, config: Config, spec: &ProcessSpec, args: &[&str]) -> String {
    let (text, code) = kit::once_with(place, "scheduling", config, process(spec, args));
    assert_eq!(code, 0, "{text}");
    text
}

const CAT: [&str; 2] = ["cat", "/proc/self/stat"];

fn policies() {
    let Some(place) = kit::place() else { return };
    // In a group of their own where the kernel gives groups no real time, these are refused.
    let own = || place.config("policies");
    let small = || place.small();
    use SchedulerPolicy::{Batch, Deadline, Fifo, Idle, Other, RoundRobin};
    let times = (10_000_000, 20_000_000, 30_000_000);
    let deadline =
        Scheduler { runtime: times.0, deadline: times.1, period: times.2, ..scheduler(Deadline) };
    let reset = vec![SchedulerFlag::ResetOnFork];
    let cases: [(Scheduler, [i32; 3], bool); 8] = [
        (Scheduler { nice: 7, ..scheduler(Other) }, [7, 0, 0], true),
        (Scheduler { nice: -5, ..scheduler(Other) }, [-5, 0, 0], true),
        (Scheduler { nice: 19, ..scheduler(Batch) }, [19, 0, 3], true),
        (scheduler(Idle), [0, 0, 5], true),
        (Scheduler { priority: 5, ..scheduler(Fifo) }, [0, 5, 1], false),
        (Scheduler { priority: 1, ..scheduler(RoundRobin) }, [0, 1, 2], false),
        (deadline, [0, 0, 6], false),
        (Scheduler { nice: -3, flags: reset, ..scheduler(Batch) }, [-3, 0, 3], true),
    ];
    for (scheduler, expected, grouped) in cases {
        let config = if grouped { own() } else { small() };
        let text = said(&place, config, &with(scheduler.clone()), &CAT);
        assert_eq!(of_stat(&text), expected, "{scheduler:?}");
    }
    // Children go without what RESET_ON_FORK takes from them.
    let flags = vec![SchedulerFlag::ResetOnFork];
    let kept = Scheduler { nice: -3, ..scheduler(Batch) };
    let child = ["sh", "-c", "cat /proc/self/stat; true"];
    let text = said(&place, own(), &with(kept.clone()), &child);
    assert_eq!(of_stat(&text), [-3, 0, 3]);
    let text = said(&place, own(), &with(Scheduler { flags, ..kept }), &child);
    assert_eq!(of_stat(&text), [0, 0, 3]);
}

fn refused_policies() {
    let Some(place) = kit::place() else { return };
    let refused = |config: Config, scheduler: Scheduler| -> Error {
        refusal_of(&place, config, process(&with(scheduler), &["true"]))
    };
    let fifo = Scheduler { priority: 5, ..scheduler(SchedulerPolicy::Fifo) };
    let error = refused(place.small(), scheduler(SchedulerPolicy::Iso));
    assert_eq!(field(&error), "process.scheduler.policy");
    let error = refused(place.small(), Scheduler { priority: 100, ..fifo.clone() });
    assert_eq!(field(&error), "process.scheduler.priority");
    // The kernel has the last word.
    let deadline = Scheduler {
        runtime: 2_000_000,
        deadline: 1_000_000,
        period: 1_000_000,
        ..scheduler(SchedulerPolicy::Deadline)
    };
    let error = refused(place.small(), deadline);
    assert!(error.to_string().contains("process.scheduler: sched_setattr policy 6"), "{error}");
    // A program that is the reaper's child would not have it.
    let flags = vec![SchedulerFlag::ResetOnFork];
    let batch = Scheduler { flags, ..scheduler(SchedulerPolicy::Batch) };
    let error = refused(Config { reaper: true, ..place.config("reaper") }, batch);
    assert_eq!(field(&error), "process.scheduler");
}

fn disk_accesses() {
    let Some(place) = kit::place() else { return };
    for (class, priority, expected) in [
        (IoClass::BestEffort, 6, "best-effort: prio 6"),
        (IoClass::RealTime, 2, "realtime: prio 2"),
        (IoClass::Idle, 4, "idle"),
    ] {
        let io_priority = Some(IoPriority { class, priority });
        let spec = ProcessSpec { io_priority, ..ProcessSpec::default() };
        assert_eq!(said(&place, place.small(), &spec, &["ionice"]).trim(), expected);
    }
    let none = said(&place, place.small(), &ProcessSpec::default(), &["ionice"]);
    assert_eq!(none.trim(), "none: prio 0");
    let io_priority = Some(IoPriority { class: IoClass::Idle, priority: 8 });
    let spec = ProcessSpec { io_priority, ..ProcessSpec::default() };
    let error = refusal_of(&place, place.small(), process(&spec, &["true"]));
    assert_eq!(field(&error), "process.ioPriority.priority");
}

fn list(text: &str) -> Option<NumberList> {
    (!text.is_empty()).then(|| text.parse().unwrap())
}

fn affine(initial: &str, last: &str) -> ProcessSpec {
    let affinity = ExecAffinity { initial: list(initial), last: list(last) };
    ProcessSpec { exec_affinity: Some(affinity), ..ProcessSpec::default() }
}

fn processors() {
    let Some(place) = kit::place() else { return };
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let own = own.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:\t")).unwrap();
    if own != "0-1" {
        return crate::common::skip("it is written for two processors");
    }
    let mut config = place.config("affinity");
    config.process.exec_affinity = affine("1", "1").exec_affinity;
    let running = Running::new(&place, "affinity", config);
    let status = format!("/proc/{}/status", running.init.pid());
    let status = std::fs::read_to_string(status).unwrap();
    assert!(status.contains("Cpus_allowed_list:\t0-1\n"), "the first one is not concerned");
    let allowed = |running: &Running, spec: &ProcessSpec| {
        let process = process(spec, &["grep", "Cpus_allowed_list", "/proc/self/status"]);
        let (text, _) = rest(&mut running.container.exec(process).unwrap());
        text.split_whitespace().nth(1).unwrap().to_owned()
    };
    for (spec, expected) in [
        (ProcessSpec::default(), "1"),
        (affine("", ""), "0-1"),
        (affine("0", ""), "0"),
        (affine("", "0"), "0"),
        (affine("0", "1"), "1"),
        (affine("1", "0-1"), "0-1"),
        (affine("1", "0,900"), "0"),
    ] {
        assert_eq!(allowed(&running, &spec), expected, "{:?}", spec.exec_affinity);
    }
    for (spec, name) in [(affine("900", ""), "initial"), (affine("", "900"), "final")] {
        let error = running.container.exec(process(&spec, &["true"])).unwrap_err().to_string();
        assert!(error.contains(&format!("process.execCPUAffinity.{name}")), "{error}");
        assert!(error.contains("sched_setaffinity [900]"), "{error}");
    }
    drop(running);
    if crate::common::v2_view() {
        return;
    }
    // The first is before, the second after the entry: the group has the say in between.
    let mut config = place.config("affinity");
    (config.resources.cpu.cpus, config.resources.cpu.mems) = (Some("1".into()), Some("0".into()));
    let running = Running::new(&place, "affinity", config);
    assert_eq!(allowed(&running, &affine("0", "")), "1");
    assert_eq!(allowed(&running, &affine("0", "0-1")), "1");
    let error = running.container.exec(process(&affine("", "0"), &["true"])).unwrap_err();
    assert!(error.to_string().contains("process.execCPUAffinity.final"), "{error}");
}

fn personality() {
    let Some(place) = kit::place() else { return };
    let machine = |personality| {
        let config = Config { personality, ..place.small() };
        let look = ["sh", "-c", "uname -m; cat /proc/$$/personality"];
        said(&place, config, &ProcessSpec::default(), &look)
    };
    let native = rustix::system::uname().machine().to_string_lossy().into_owned();
    assert_eq!(machine(None), format!("{native}\n00000000\n"));
    assert_eq!(machine(Some(Personality::Linux)), format!("{native}\n00000000\n"));
    let text = machine(Some(Personality::Linux32));
    assert!(text.ends_with("\n00000008\n") && !text.starts_with(&native), "{text}");
}

fn memory_policy() {
    let Some(place) = kit::place() else { return };
    if !std::path::Path::new("/proc/self/numa_maps").exists() {
        return crate::common::skip("this kernel has no NUMA");
    }
    let config = |mode, nodes: &str, flags: &[MemoryFlag]| {
        let policy = MemoryPolicy { mode, nodes: list(nodes), flags: flags.to_vec() };
        Config { memory_policy: Some(policy), ..place.small() }
    };
    let seen = |config| {
        let text = said(&place, config, &ProcessSpec::default(), &["cat", "/proc/self/numa_maps"]);
        text.split_whitespace().nth(1).unwrap().to_owned()
    };
    use MemoryMode::{Bind, Default, Interleave, Local, Preferred, PreferredMany};
    assert_eq!(seen(place.small()), "default");
    for (mode, nodes, flags, expected) in [
        (Bind, "0", &[][..], "bind:0"),
        (Bind, "0", &[MemoryFlag::StaticNodes], "bind=static:0"),
        (Interleave, "0", &[MemoryFlag::RelativeNodes], "interleave=relative:0"),
        (PreferredMany, "0", &[], "prefer (many):0"),
        (Preferred, "0", &[], "prefer:0"),
        (Preferred, "", &[], "local"),
        (Local, "", &[], "local"),
        (Default, "", &[], "default"),
    ] {
        let seen = seen(config(mode, nodes, flags));
        assert!(expected.starts_with(&seen), "{mode:?}: {seen}, not {expected}");
    }
    let refused = |config: Config| {
        let process = process(&ProcessSpec::default(), &["true"]);
        refusal_of(&place, config, process)
    };
    assert_eq!(field(&refused(config(Bind, "", &[]))), "memory_policy.nodes");
    let flags = [MemoryFlag::StaticNodes, MemoryFlag::RelativeNodes];
    for config in [config(Bind, "0", &flags), config(Bind, "1000", &[])] {
        let error = refused(config).to_string();
        assert!(error.contains("setting the NUMA policy: set_mempolicy mode"), "{error}");
    }
}

fn further() {
    let Some(place) = kit::place() else { return };
    let mut config = place.small();
    config.personality = Some(Personality::Linux32);
    config.process.io_priority = Some(IoPriority { class: IoClass::BestEffort, priority: 5 });
    config.process.scheduler = Some(Scheduler { nice: 3, ..scheduler(SchedulerPolicy::Batch) });
    let running = Running::new(&place, "further", config);
    let says = |spec: &ProcessSpec| {
        let (text, code) = rest(&mut running.container.exec(process(spec, &LOOK)).unwrap());
        assert_eq!(code, 0, "{text}");
        let rest = text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        (of_stat(text.lines().next().unwrap()), rest)
    };
    let (stat, rest) = says(&ProcessSpec::default());
    assert_eq!(stat, [3, 0, 3]);
    assert_eq!((rest[0].as_str(), rest[2].as_str()), ("best-effort: prio 5", "00000008"));
    let own = ProcessSpec {
        io_priority: Some(IoPriority { class: IoClass::Idle, priority: 0 }),
        scheduler: Some(Scheduler { priority: 9, ..scheduler(SchedulerPolicy::RoundRobin) }),
        ..ProcessSpec::default()
    };
    let (stat, rest) = says(&own);
    assert_eq!((stat, rest[0].as_str()), ([0, 9, 2], "idle"));
}
