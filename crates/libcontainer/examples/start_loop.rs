//! Makes, runs and destroys the container of the bundle in the current directory again and again,
//! and prints the nanoseconds of each: `start_loop TIMES STATE_DIRECTORY [pool]`, for `make bench`.
//! With `pool`, the next one is made while one's program runs.

use std::path::PathBuf;
use std::time::Instant;

use libcontainer::{Config, Factory, Pool, Process, Taken, config};

/// The program is its containers' init as well: what it begins with, each of them begins with.
#[global_allocator]
static HEAP: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    libcontainer::init();
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().ok_or("usage: start_loop TIMES STATE_DIRECTORY [pool]");
    let (times, state) = (next()?.parse::<u32>()?, next()?);
    let bundle = std::env::current_dir()?;
    let file = bundle.join("config.json");
    let mut config = config::parse_oci(&std::fs::read(&file)?, &file, &bundle)?.config;
    let prefix = format!("loop-{}", std::process::id());
    config.cgroup = Some(PathBuf::from(&prefix));
    let factory = Factory::new(state);
    let mut pool = match next() {
        Ok(_) => Some(Pool::new(&factory, &prefix, config.clone(), 1, Process::configured)?),
        Err(_) => None,
    };
    let mut ended = Vec::new();
    for number in 0..times {
        let start = Instant::now();
        match &mut pool {
            Some(pool) => from_pool(pool)?,
            None => one(&factory, &format!("{prefix}-{number}"), config.clone())?,
        }
        ended.push(start.elapsed().as_nanos());
    }
    ended.iter().for_each(|nanoseconds| println!("{nanoseconds}"));
    Ok(())
}

fn one(factory: &Factory, id: &str, mut config: Config) -> Result<()> {
    config.cgroup = Some(PathBuf::from(id));
    let container = factory.create(id, config)?;
    let result = container.run(Process::configured()).and_then(|mut child| {
        // The next one's init starts up beside this one's program.
        factory.prepare()?;
        child.wait()
    });
    container.destroy()?;
    result?;
    Ok(())
}

fn from_pool(pool: &mut Pool) -> Result<()> {
    let Taken { container, mut child } = pool.take()?;
    let result = pool.fill().and_then(|()| child.wait());
    container.destroy()?;
    result?;
    Ok(())
}
