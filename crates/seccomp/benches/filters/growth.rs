//! How cost grows: 10 to 400 rules, and 0 to 64 rules with an argument on one call. Each rule has an
//! outcome of its own, so that none can be made one with its neighbour.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Duration;

use seccomp::interpreter::{SeccompData, run};
use seccomp::{Action, Arch, Architecture, Arg, Op, Options, Profile, Rule, SockFilter, compile};

use crate::export::{Layout, Libseccomp};
use crate::{load, median, micros, stored, theirs};

pub fn tables(mut libseccomp: Option<&mut Libseccomp>) {
    println!(
        "\n| rules | compiler | compile, µs | instructions | executed: median, most | load, µs |"
    );
    println!("|---|---|---|---|---|---|");
    for count in [10, 25, 50, 100, 200, 300, 400] {
        let (profile, calls) = rules(count);
        rows(&count.to_string(), &profile, &calls, libseccomp.as_deref_mut());
    }
    println!(
        "\n| rules on one call, each with an argument | compiler | compile, µs | instructions | executed: median, most | load, µs |"
    );
    println!("|---|---|---|---|---|---|");
    for count in [0, 1, 2, 4, 8, 16, 32, 64] {
        let (profile, calls) = arguments(count);
        rows(&count.to_string(), &profile, &calls, libseccomp.as_deref_mut());
    }
}

fn profile(default_action: Action, syscalls: Vec<Rule>) -> Profile {
    Profile {
        default_action,
        default_errno_ret: None,
        architectures: vec![Architecture::X86_64, Architecture::X86],
        flags: Vec::new(),
        listener_path: String::new(),
        listener_metadata: String::new(),
        syscalls,
    }
}

/// What a thread needs to end when it has loaded a filter.
const NEEDED: [&str; 11] = [
    "exit",
    "exit_group",
    "futex",
    "mmap",
    "munmap",
    "mprotect",
    "madvise",
    "brk",
    "rt_sigprocmask",
    "sigaltstack",
    "write",
];

/// `count` calls, each with an errno of its own, of x86-64 and then of 32-bit x86; and those of
/// x86-64 to run the filter on.
fn rules(count: usize) -> (Profile, Vec<SeccompData>) {
    let mut known = BTreeSet::new();
    let names = [Arch::X86_64, Arch::X86].into_iter().flat_map(|arch| {
        // All versions of libseccomp since 2.5 know them.
        (0..335).chain(403..423).filter_map(move |nr| arch.name(nr))
    });
    let names: Vec<&str> =
        names.filter(|name| !NEEDED.contains(name) && known.insert(*name)).take(count).collect();
    assert_eq!(names.len(), count);
    let rules = names.iter().zip(2..).map(|(name, errno)| Rule {
        names: vec![(*name).into()],
        numbers: Vec::new(),
        action: Action::Errno,
        errno_ret: Some(errno),
        args: Vec::new(),
    });
    let numbers = names.iter().filter_map(|name| Arch::X86_64.number(name));
    let calls = numbers.map(|nr| call(nr, 0)).collect();
    (profile(Action::Allow, rules.collect()), calls)
}

/// `count` values of one argument of ioctl, each with an errno of its own; and a call for each, and
/// one of another value.
fn arguments(count: u32) -> (Profile, Vec<SeccompData>) {
    let rules = (0..count).map(|at| Rule {
        names: vec!["ioctl".into()],
        numbers: Vec::new(),
        action: Action::Errno,
        errno_ret: Some(at + 2),
        args: vec![Arg { index: 1, value: 0x5400 + u64::from(at), value_two: 0, op: Op::Eq }],
    });
    let nr = Arch::X86_64.number("ioctl").expect("it has a number");
    let calls = (0..=count).map(|at| call(nr, 0x5400 + u64::from(at))).collect();
    (profile(Action::Allow, rules.collect()), calls)
}

fn call(nr: u32, second: u64) -> SeccompData {
    let args = [0, second, 0, 0, 0, 0];
    SeccompData { nr, arch: Arch::X86_64.audit(), args, ..Default::default() }
}

fn rows(what: &str, profile: &Profile, calls: &[SeccompData], libseccomp: Option<&mut Libseccomp>) {
    let options = Options::new(Arch::X86_64);
    let ours = compile(profile, options).expect("it can be compiled").filter;
    let took = median(300, || drop(black_box(compile(profile, options))));
    row(what, "ours", took, &ours, calls);
    println!("| {what} | (finding it compiled) | {:.1} | | | |", micros(stored(profile, &ours)));
    let Some(libseccomp) = libseccomp else { return };
    for (layout, name) in [(Layout::Linear, "libseccomp, list"), (Layout::Tree, "libseccomp, tree")]
    {
        let theirs = theirs(libseccomp, profile, layout, 11);
        assert!(theirs.refused.is_empty() && theirs.unknown.is_empty());
        row(what, name, Duration::from_nanos(theirs.took), &theirs.filter, calls);
    }
}

fn row(what: &str, compiler: &str, took: Duration, filter: &[SockFilter], calls: &[SeccompData]) {
    let executed = calls.iter().map(|data| run(filter, data).expect("it runs").steps);
    let mut executed: Vec<usize> = executed.collect();
    executed.sort_unstable();
    println!(
        "| {what} | {compiler} | {:.1} | {} | {}, {} | {:.1} |",
        micros(took),
        filter.len(),
        executed[executed.len() / 2],
        executed[executed.len() - 1],
        micros(load(filter)),
    );
}
