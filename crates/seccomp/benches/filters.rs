//! `make bench-seccomp`: our filters beside libseccomp's, for the engines' default profiles. Prints
//! a Markdown table (docs/benchmarks.md).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A failed expectation ends it.

#[path = "../tests/libseccomp/engines.rs"]
mod engines;
#[path = "../tests/libseccomp/export.rs"]
mod export;

use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use export::{COMMON, Exported, Layout, Libseccomp};
use seccomp::interpreter::{SeccompData, run};
use seccomp::{
    Arch, Options, Profile, Rules, SockFilter, compile, default_profile, tiocsti_filter,
};
use sys::seccomp::Instruction;

fn main() {
    println!(
        "| profile | compiler | compile, µs | instructions | executed: median, most | load, µs |"
    );
    println!("|---|---|---|---|---|---|");
    let mut libseccomp = Libseccomp::start(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let docker = engines::docker(&engines::CAPABILITIES).map(|profile| ("Docker", profile));
    for (name, profile) in docker.into_iter().chain([("containerd", engines::containerd())]) {
        let ours = compile(&profile, Options::new(Arch::X86_64)).unwrap().filter;
        let took = median(1000, || drop(black_box(compile(&profile, Options::new(Arch::X86_64)))));
        row(name, "ours", took, &ours);
        for (layout, what) in
            [(Layout::Linear, "libseccomp, list"), (Layout::Tree, "libseccomp, tree")]
        {
            let Some(libseccomp) = &mut libseccomp else { continue };
            let mut all: Vec<Exported> =
                (0..51).map(|_| libseccomp.export(&profile, Arch::X86_64, layout)).collect();
            all.sort_by_key(|exported| exported.took);
            let middle = &all[all.len() / 2];
            row(name, what, Duration::from_nanos(middle.took), &middle.filter);
        }
        let text = serde_json::to_string(&profile).unwrap();
        let took = median(1000, || drop(black_box(serde_json::from_str::<Profile>(&text))));
        println!("| {name} | (reading its JSON) | {:.1} | | | |", micros(took));
        let took = stored(&ours);
        println!("| {name} | (reading it compiled from a file) | {:.1} | | | |", micros(took));
    }
    nsinit();
}

/// The template's two filters, merged.
fn nsinit() {
    let merged = || {
        let options = Options::new(Arch::X86_64);
        let (profile, terminal) =
            (default_profile(&|name| engines::CAPABILITIES.contains(&name)), tiocsti_filter());
        let [profile, terminal] =
            [&profile, &terminal].map(|profile| Rules::new(profile, options).unwrap());
        profile.merge(&terminal).unwrap().program().unwrap().filter
    };
    let took = median(1000, || drop(black_box(merged())));
    row("nsinit's template", "ours, both in one", took, &merged());
}

fn row(profile: &str, compiler: &str, took: Duration, filter: &[SockFilter]) {
    let mut steps: Vec<usize> = COMMON
        .split_ascii_whitespace()
        .map(|name| {
            let nr = Arch::X86_64.number(name).expect(name);
            let data = SeccompData { nr, arch: Arch::X86_64.audit(), ..Default::default() };
            run(filter, &data).unwrap().steps
        })
        .collect();
    steps.sort_unstable();
    println!(
        "| {profile} | {compiler} | {:.1} | {} | {}, {} | {:.1} |",
        micros(took),
        filter.len(),
        steps[steps.len() / 2],
        steps[steps.len() - 1],
        micros(load(filter)),
    );
}

/// The least that a store of compiled filters would cost a start that finds one: to open the file
/// below its directory, look whose it is, read it and check its sum.
fn stored(filter: &[SockFilter]) -> Duration {
    let bytes: Vec<u8> = filter
        .iter()
        .flat_map(|i| [&i.code.to_ne_bytes()[..], &[i.jt, i.jf], &i.k.to_ne_bytes()].concat())
        .collect();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stored-filter");
    std::fs::write(&path, &bytes).unwrap();
    let took = median(1000, || {
        let directory = File::open(env!("CARGO_TARGET_TMPDIR")).unwrap();
        assert!(directory.metadata().unwrap().is_dir());
        let mut file = File::open(&path).unwrap();
        let mut read = Vec::with_capacity(bytes.len());
        assert!(file.metadata().unwrap().is_file());
        file.read_to_end(&mut read).unwrap();
        let sum = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        black_box(read.iter().fold(0xcbf2_9ce4_8422_2325, sum));
    });
    let _ = std::fs::remove_file(path);
    took
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn median(count: usize, mut body: impl FnMut()) -> Duration {
    middle((0..count).map(|_| {
        let start = Instant::now();
        body();
        start.elapsed()
    }))
}

fn middle(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// The kernel's time, each in a thread of its own, which the filter goes with.
fn load(filter: &[SockFilter]) -> Duration {
    let instructions: Vec<Instruction> =
        filter.iter().map(|i| Instruction { code: i.code, jt: i.jt, jf: i.jf, k: i.k }).collect();
    middle((0..200).map(|_| {
        let instructions = instructions.clone();
        let loading = move || {
            let start = Instant::now();
            let loaded = sys::seccomp::load(&instructions, 0);
            let took = start.elapsed();
            loaded.expect("root may load it");
            took
        };
        std::thread::spawn(loading).join().unwrap()
    }))
}
