//! Runs a bundle's container many times from one process, and tells what each took, in µs:
//! `many BUNDLE ROUNDS [loop|ahead|pool]`.
//!
//! - `loop`: create, run, wait, destroy, one after the other;
//! - `ahead`: the same, with the next init spawned while the container runs;
//! - `pool`: only until the program of a container runs that a pool has made ahead.

use std::path::Path;
use std::time::{Duration, Instant};

use libcontainer::{Config, Factory, Pool, Process, Taken, config};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    libcontainer::init();
    let mut args = std::env::args().skip(1);
    let usage = "usage: many BUNDLE ROUNDS [loop|ahead|pool]";
    let bundle = std::fs::canonicalize(args.next().ok_or(usage)?)?;
    let rounds: usize = args.next().ok_or(usage)?.parse()?;
    let mode = args.next().unwrap_or_else(|| "loop".into());
    let file = bundle.join("config.json");
    let mut config = config::parse_oci(&std::fs::read(&file)?, &file, &bundle)?.config;
    config.cgroup = Some("many/one".into());
    let state = format!("/run/libcontainer-many-{}", std::process::id());
    let factory = Factory::new(&state);
    let once = match mode.as_str() {
        "pool" => pooled,
        "ahead" => ahead,
        _ => plain,
    };
    let mut times: Vec<Duration> = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        times.push(once(&factory, config.clone())?);
    }
    std::fs::remove_dir(Path::new(&state))?;
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_micros();
    println!("{mode}: median {} min {} p99 {}", at(50), at(0), at(99));
    Ok(())
}

fn plain(factory: &Factory, config: Config) -> Result<Duration> {
    let begin = Instant::now();
    let container = factory.create("many", config)?;
    container.run(Process::configured().silent())?.wait()?;
    container.destroy()?;
    Ok(begin.elapsed())
}

fn ahead(factory: &Factory, config: Config) -> Result<Duration> {
    let begin = Instant::now();
    let container = factory.create("many", config)?;
    let mut child = container.run(Process::configured().silent())?;
    factory.prepare()?;
    child.wait()?;
    container.destroy()?;
    Ok(begin.elapsed())
}

fn pooled(factory: &Factory, config: Config) -> Result<Duration> {
    let mut pool = Pool::new(factory, "many", config, 1, || Process::configured().silent())?;
    pool.fill()?;
    let begin = Instant::now();
    let Taken { container, mut child } = pool.take()?;
    let took = begin.elapsed();
    child.wait()?;
    container.destroy()?;
    Ok(took)
}
