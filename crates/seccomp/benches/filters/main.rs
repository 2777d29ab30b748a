//! `make bench-seccomp`: our filters beside libseccomp's, for the engines' default profiles and for
//! profiles that grow. Prints Markdown tables (docs/seccomp.md).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A failed expectation ends it.

#[path = "../../tests/libseccomp/engines.rs"]
mod engines;
#[path = "../../tests/libseccomp/export.rs"]
mod export;
mod growth;

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::hint::black_box;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use export::{COMMON, Exported, Layout, Libseccomp};
use seccomp::interpreter::{SeccompData, run};
use seccomp::{
    Arch, Options, Profile, Program, Rules, SockFilter, compile, default_profile, tiocsti_filter,
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
            let theirs = theirs(libseccomp, &profile, layout, 51);
            row(name, what, Duration::from_nanos(theirs.took), &theirs.filter);
        }
        let text = serde_json::to_string(&profile).unwrap();
        let took = median(1000, || drop(black_box(serde_json::from_str::<Profile>(&text))));
        println!("| {name} | (reading its JSON) | {:.1} | | | |", micros(took));
        let took = stored(&profile, &ours);
        println!("| {name} | (finding it compiled) | {:.1} | | | |", micros(took));
    }
    nsinit();
    growth::tables(libseccomp.as_mut());
}

/// What libseccomp makes of the profile, in its median time of `count`.
fn theirs(
    libseccomp: &mut Libseccomp,
    profile: &Profile,
    layout: Layout,
    count: usize,
) -> Exported {
    let mut all: Vec<Exported> =
        (0..count).map(|_| libseccomp.export(profile, Arch::X86_64, layout)).collect();
    all.sort_by_key(|exported| exported.took);
    all.swap_remove(all.len() / 2)
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

/// What it takes to find a compiled filter that is kept (`libcontainer/src/container/kept.rs`): to
/// make the key of this program and the profile, open the file, look whose it is, read it, check
/// its sum and its key, and go through the instructions.
fn stored(profile: &Profile, filter: &[SockFilter]) -> Duration {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stored-filter");
    let key = || {
        let mut key = Bytes(Vec::with_capacity(4096));
        key.write(&[std::fs::metadata("/proc/self/exe").unwrap().len() as u8; 56]);
        profile.hash(&mut key);
        key.0
    };
    let bytes = filter
        .iter()
        .flat_map(|i| [&i.code.to_le_bytes()[..], &[i.jt, i.jf], &i.k.to_le_bytes()].concat());
    std::fs::write(&path, key().into_iter().chain(bytes).collect::<Vec<u8>>()).unwrap();
    let took = median(300, || {
        let wanted = key();
        black_box(sum(&wanted));
        let mut file = File::open(&path).unwrap();
        let found = file.metadata().unwrap();
        let mut content = vec![0; found.len() as usize];
        file.read_exact(&mut content).unwrap();
        black_box(sum(&content));
        let (kept, body) = content.split_at(wanted.len());
        assert!(found.is_file() && kept == wanted);
        let one = |i: &[u8; 8]| SockFilter {
            code: u16::from_le_bytes([i[0], i[1]]),
            jt: i[2],
            jf: i[3],
            k: u32::from_le_bytes([i[4], i[5], i[6], i[7]]),
        };
        let filter = body.as_chunks::<8>().0.iter().map(one).collect();
        assert!(Program { filter, needs_listener: true, ..Program::default() }.is_sound());
    });
    let _ = std::fs::remove_file(path);
    took
}

/// What is hashed, as it is.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        sum(&self.0)
    }
}

fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
    words.fold(0, |sum, word| (sum ^ word).wrapping_mul(0x100_0000_01b3))
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
