//! Sixteen containers at a time, and four processes in each, by threads: `threads ROOTFS [ROUNDS]`.
//!
//! Handles are `Send` and `Sync`: a container may be used by several threads at once, and each
//! waits for what it has started.

use std::error::Error;
use std::path::PathBuf;
use std::thread;

use libcontainer::config::{Rootfs, template};
use libcontainer::{Config, Container, Factory, Process};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const CONTAINERS: usize = 16;
const PROCESSES: usize = 4;

#[allow(dead_code)] // The test in tests/threads.rs has a `main` of its own.
fn main() -> Result<()> {
    libcontainer::init();
    let mut args = std::env::args().skip(1);
    let rootfs = PathBuf::from(args.next().ok_or("usage: threads ROOTFS [ROUNDS]")?);
    let rounds = args.next().map_or(Ok(1), |rounds| rounds.parse())?;
    let factory = Factory::new("/run/libcontainer-threads");
    let mut config = template(Rootfs::Directory(rootfs.canonicalize()?));
    config.process.parent_death_signal = None;
    for number in 1..=rounds {
        round(&factory, &|name| Config {
            cgroup: Some(format!("threads/{name}").into()),
            ..config.clone()
        })?;
        println!("round {number}: {CONTAINERS} containers, {} processes", CONTAINERS * PROCESSES);
    }
    Ok(())
}

/// Runs all containers of a round, each in a thread of its own.
pub fn round(factory: &Factory, config: &(dyn Fn(&str) -> Config + Sync)) -> Result<()> {
    thread::scope(|scope| {
        let containers: Vec<_> = (0..CONTAINERS)
            .map(|number| {
                scope.spawn(move || {
                    let name = format!("thread-{number}");
                    one_container(&factory.create(&name, config(&name))?)
                })
            })
            .collect();
        containers.into_iter().try_for_each(join)
    })
}

/// Runs a container that would sleep for long, and ends it when its other processes are done.
fn one_container(container: &Container) -> Result<()> {
    let mut init = container.run(Process::new(["sleep", "1000"]).silent())?;
    let executed = execute_in(container);
    container.kill()?;
    init.wait()?;
    container.destroy()?;
    executed
}

/// Executes processes at the same time, and sees that each ends as it was told to.
fn execute_in(container: &Container) -> Result<()> {
    thread::scope(|scope| {
        let processes: Vec<_> = (0..PROCESSES)
            .map(|code| {
                scope.spawn(move || {
                    let command = format!("exit {code}");
                    let process = Process::new(["sh", "-c", &command]).silent();
                    let status = container.exec(process)?.wait()?;
                    match status.code() {
                        Some(seen) if seen == code as i32 => Ok(()),
                        _ => Err(format!("{status} where {code} was due").into()),
                    }
                })
            })
            .collect();
        processes.into_iter().try_for_each(join)
    })
}

fn join(thread: thread::ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    thread.join().map_err(|_| "a thread panicked")?
}
