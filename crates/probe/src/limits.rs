//! Load, to see limits bite.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use sys::Context;

use crate::{Failure, Outcome, line, names, number, number_or, ok, text};

const MIB: usize = 1 << 20;

pub fn run(verb: &str, args: &[String]) -> Outcome {
    match verb {
        "eat-memory" => eat_memory(number(args, 0, "a size in MiB")?, hold(args, 1)?),
        "forks" => forks(number(args, 0, "a number of children")?, hold(args, 1)?),
        "threads" => threads(number(args, 0, "a number of threads")?),
        "fds" => fds(number(args, 0, "a number of descriptors")?),
        "spin" => spin(number(args, 0, "a number of seconds")?),
        _ => fill(text(args, 0, "a path")?, number(args, 1, "a size in MiB")?),
    }
}

fn hold(args: &[String], index: usize) -> Result<Duration, Failure> {
    let seconds = number_or(args, index, 0.0, "a number of seconds")?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Failure::Usage(format!("{seconds} is no number of seconds")))
}

fn eat_memory(mib: usize, hold: Duration) -> Outcome {
    let mut eaten = Vec::new();
    for count in 1..=mib {
        let mut block: Vec<u8> = Vec::new();
        if block.try_reserve_exact(MIB).is_err() {
            line(&format!("error ENOMEM mmap {count} MiB"));
            return Ok(ExitCode::from(1));
        }
        // Not zeroes: those may be had without touching the memory.
        block.resize(MIB, 1);
        eaten.push(black_box(block));
        line(&format!("ate {count}"));
    }
    std::thread::sleep(hold);
    black_box(eaten);
    ok()
}

/// Starts itself `wanted` times: `started K of N`, and the first refusal.
fn forks(wanted: usize, hold: Duration) -> Outcome {
    let program = std::env::current_exe().sys("readlink", || "/proc/self/exe")?;
    let mut children: Vec<Child> = Vec::new();
    let mut refusal = None;
    for _ in 0..wanted {
        let child = Command::new(&program).args(["sleep", "1000"]).stdin(Stdio::null()).spawn();
        match child.sys("fork", || "") {
            Ok(child) => children.push(child),
            Err(error) => {
                refusal = Some(error);
                break;
            }
        }
    }
    line(&format!("started {} of {wanted}", children.len()));
    std::thread::sleep(hold);
    for child in &mut children {
        let _ = child.kill();
        let _ = child.wait();
    }
    refusal.map_or_else(ok, |error| Err(error.into()))
}

fn threads(wanted: usize) -> Outcome {
    let mut started = Vec::new();
    let mut refusal = None;
    for _ in 0..wanted {
        let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(std::thread::park);
        match thread.sys("clone", || "CLONE_THREAD") {
            Ok(thread) => started.push(thread),
            Err(error) => {
                refusal = Some(error);
                break;
            }
        }
    }
    line(&format!("started {} of {wanted}", started.len()));
    refusal.map_or_else(ok, |error| Err(error.into()))
}

fn fds(wanted: usize) -> Outcome {
    let mut opened = Vec::new();
    let mut refusal = None;
    for _ in 0..wanted {
        match File::open("/").sys("open", || "/") {
            Ok(file) => opened.push(file),
            Err(error) => {
                refusal = Some(error);
                break;
            }
        }
    }
    line(&format!("opened {} of {wanted}", opened.len()));
    refusal.map_or_else(ok, |error| Err(error.into()))
}

/// Burns one processor for a wall time: `cpu-ms` over `wall-ms` is the share it got.
fn spin(seconds: f64) -> Outcome {
    let start = Instant::now();
    let mut counter = 0_u64;
    while start.elapsed().as_secs_f64() < seconds {
        for _ in 0..10_000 {
            counter = black_box(counter.wrapping_add(1));
        }
    }
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    line(&format!("cpu-ms {}", cpu.tv_sec * 1000 + cpu.tv_nsec / 1_000_000));
    line(&format!("wall-ms {}", start.elapsed().as_millis()));
    ok()
}

fn fill(path: &str, mib: usize) -> Outcome {
    let mut file = File::create(path).sys("open", || path)?;
    let block = vec![1; MIB];
    for count in 0..mib {
        if let Err(error) = file.write_all(&block).sys("write", || path) {
            line(&format!("wrote {count} of {mib}"));
            line(&format!("error {} write {path}", names::errno(error.errno)));
            return Ok(ExitCode::from(1));
        }
    }
    ok()
}
