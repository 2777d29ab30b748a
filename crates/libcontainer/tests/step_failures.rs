//! Each step of a start fails once, in the creator or in its init: the start ends with an error or
//! succeeds all the same, in time, and nothing is left after `destroy`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod faults;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use common::{HostSnapshot, test};
use faults::{Point, Scenario, World};

fn main() -> std::process::ExitCode {
    faults::trace_init();
    libcontainer::init();
    if faults::is_creator() {
        return faults::creator();
    }
    common::run(vec![
        test("creator_in_run", || in_creator(Scenario::Run)).in_both_views(),
        test("creator_in_held_start", || in_creator(Scenario::Held)),
        test("creator_in_run_with_hooks", || in_creator(Scenario::Hooks)),
        test("creator_in_release", || in_creator(Scenario::Release)),
        test("creator_in_exec", || in_creator(Scenario::Exec)),
        test("init_in_run", || in_init(Scenario::Run)).in_both_views(),
        test("init_in_run_with_a_user_namespace", || in_init(Scenario::UserNamespace)),
        test("init_in_run_with_hooks", || in_init(Scenario::Hooks)),
        test("init_in_exec", || in_init(Scenario::Exec)),
        test("init_killed_in_run", || init_killed(Scenario::Run)),
        test("init_killed_in_exec", || init_killed(Scenario::Exec)),
    ])
}

/// Calls without which a process ends, or waits for ever, whoever wrote it; those that cannot fail
/// (rustix and std take them at their word); and those of the tracing itself.
const UNFIT: [&str; 23] = [
    "arch_prctl",
    "brk",
    "clock_nanosleep",
    "close",
    "exit",
    "exit_group",
    "faccessat",
    "futex",
    "geteuid",
    "getpid",
    "getrandom",
    "gettid",
    "mmap",
    "mprotect",
    "munmap",
    "prlimit64",
    "read",
    "restart_syscall",
    "rseq",
    "rt_sigreturn",
    "set_robust_list",
    "sigaltstack",
    "umask",
];

fn fails(point: &Point) -> String {
    format!("error={}", errno_of(&point.call))
}

/// What a call fails with: as the kernel might say when something has run out, or is forbidden.
fn errno_of(call: &str) -> &'static str {
    match call {
        "clone3" | "clone" | "unshare" | "setresuid" => "EAGAIN",
        "mkdirat" | "write" | "fsopen" | "fsconfig" | "fsmount" | "sendfile" => "ENOSPC",
        "mount" | "mount_setattr" | "move_mount" | "open_tree" | "bpf" | "setns" | "prctl"
        | "pidfd_send_signal" | "unlinkat" | "capset" | "seccomp" | "execveat" => "EPERM",
        "openat" | "openat2" | "socket" | "socketpair" | "pipe2" | "pidfd_open" | "dup3"
        | "memfd_create" | "fcntl" => "EMFILE",
        _ => "ENOMEM",
    }
}

/// The first, the middle and the last time of each call, beyond `seen` times that another process
/// makes it before; what shall fail is counted for each process by itself.
fn chosen(points: &[Point], seen: &mut BTreeMap<String, usize>) -> BTreeSet<Point> {
    let mut by_call: BTreeMap<&str, Vec<&Point>> = BTreeMap::new();
    for point in points.iter().filter(|point| !UNFIT.contains(&point.call.as_str())) {
        let before = seen.get(&point.call).copied().unwrap_or(0);
        if point.number > before {
            by_call.entry(&point.call).or_default().push(point);
        }
    }
    let mut chosen = BTreeSet::new();
    for (call, all) in by_call {
        for index in [0, all.len() / 2, all.len() - 1] {
            chosen.insert(all[index].clone());
        }
        seen.insert(call.to_owned(), all[all.len() - 1].number);
    }
    chosen
}

fn in_creator(scenario: Scenario) {
    let Some(world) = World::new(scenario) else { return };
    let points = chosen(&world.all_points(), &mut BTreeMap::new());
    each(&world, scenario, points, &fails, &|point, fault| world.run_with(point, fault));
}

fn in_init(scenario: Scenario) {
    let Some(world) = World::new(scenario) else { return };
    let stages = world.points_of_init();
    assert!(stages.len() >= 2, "{stages:?}");
    let mut seen = BTreeMap::new();
    let mut points = BTreeSet::new();
    for stage in &stages {
        points.extend(chosen(stage, &mut seen));
    }
    each(&world, scenario, points, &fails, &|point, fault| world.run_with_init(point, fault));
}

/// As the kernel does for want of memory: the error says so.
fn init_killed(scenario: Scenario) {
    let Some(world) = World::new(scenario) else { return };
    let mut seen = BTreeMap::new();
    let mut points = BTreeSet::new();
    for stage in &world.points_of_init() {
        points.extend(chosen(stage, &mut seen));
    }
    let killed = |_: &Point| "signal=SIGKILL".to_owned();
    each(&world, scenario, points, &killed, &|point, fault| {
        let (end, said) = world.run_with_init(point, fault)?;
        match end.success() || said.contains("killed by signal 9") {
            true => Ok((end, said)),
            false => Err(format!("it said {said:?}")),
        }
    });
}

type Run<'a> = &'a dyn Fn(&Point, &str) -> Result<(ExitStatus, String), String>;

fn each(
    world: &World,
    scenario: Scenario,
    points: BTreeSet<Point>,
    fault: &dyn Fn(&Point) -> String,
    run: Run<'_>,
) {
    let (mut wrong, mut refused) = (Vec::new(), 0);
    let began = Instant::now();
    for point in &points {
        let errno = &fault(point);
        let verbose = std::env::var_os("LIBCONTAINER_TEST_VERBOSE").is_some();
        match fails_at(world, point, errno, run) {
            Ok(said) => {
                refused += usize::from(!said.is_empty());
                if verbose {
                    println!("  {errno} {point}: {said}");
                }
            }
            Err(why) => wrong.push(format!("{errno} at {point}: {why}")),
        }
    }
    println!(
        "  {} points of {scenario:?}, an error at {refused}, in {:.1?}",
        points.len(),
        began.elapsed()
    );
    assert!(points.len() > 20 && refused > points.len() / 4, "{} {refused}", points.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), points.len(), wrong.join("\n"));
}

/// What the creator said; empty where it succeeded all the same.
fn fails_at(world: &World, point: &Point, errno: &str, run: Run<'_>) -> Result<String, String> {
    let before = HostSnapshot::take(&world.place);
    world.prepare();
    let ended = run(point, errno);
    world.clean_up(&before, Duration::from_secs(2)).map_err(|why| format!("({ended:?}) {why}"))?;
    let (end, said) = ended?;
    match end.code() {
        Some(0) => Ok(String::new()),
        Some(1) if !said.is_empty() && !said.contains('\n') => Ok(said),
        _ => Err(format!("the creator ended by {end}, and said {said:?}")),
    }
}
