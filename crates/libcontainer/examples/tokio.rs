//! Sixteen containers at a time, and four processes in each, by tasks of tokio:
//! `tokio ROOTFS [ROUNDS]`.
//!
//! What makes or ends a container takes milliseconds and blocks, so it belongs on
//! `spawn_blocking`. Waiting for a process blocks nobody: its pidfd becomes readable at its end.

use std::error::Error;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;

use libcontainer::config::{Rootfs, template};
use libcontainer::{Child, Config, ExitStatus, Factory, Process};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::{JoinSet, spawn_blocking};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const CONTAINERS: usize = 16;
const PROCESSES: usize = 4;

#[allow(dead_code)] // The test in tests/tokio.rs has a `main` of its own.
fn main() -> Result<()> {
    libcontainer::init();
    let mut args = std::env::args().skip(1);
    let rootfs = PathBuf::from(args.next().ok_or("usage: tokio ROOTFS [ROUNDS]")?);
    let rounds = args.next().map_or(Ok(1), |rounds| rounds.parse())?;
    let factory = Factory::new("/run/libcontainer-tokio");
    let mut config = template(Rootfs::Directory(rootfs.canonicalize()?));
    config.process.parent_death_signal = None;
    let configure = Arc::new(move |name: &str| Config {
        cgroup: Some(format!("tokio/{name}").into()),
        ..config.clone()
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build()?;
    runtime.block_on(async {
        for number in 1..=rounds {
            round(&factory, &configure).await?;
            println!(
                "round {number}: {CONTAINERS} containers, {} processes",
                CONTAINERS * PROCESSES
            );
        }
        Ok(())
    })
}

/// Runs all containers of a round, each in a task of its own.
pub async fn round<F>(factory: &Factory, configure: &Arc<F>) -> Result<()>
where
    F: Fn(&str) -> Config + Send + Sync + 'static,
{
    let mut containers = JoinSet::new();
    for number in 0..CONTAINERS {
        let (factory, configure) = (factory.clone(), configure.clone());
        containers.spawn(async move {
            let name = format!("task-{number}");
            let config = configure(&name);
            one_container(factory, name, config).await
        });
    }
    while let Some(ended) = containers.join_next().await {
        ended??;
    }
    Ok(())
}

/// Runs a container that would sleep for long, and ends it when its other processes are done.
async fn one_container(factory: Factory, name: String, config: Config) -> Result<()> {
    let (container, init) = spawn_blocking(move || {
        let container = Arc::new(factory.create(&name, config)?);
        let init = container.run(Process::new(["sleep", "1000"]).silent())?;
        libcontainer::Result::Ok((container, init))
    })
    .await??;
    let mut processes = JoinSet::new();
    for code in 0..PROCESSES {
        let container = container.clone();
        processes.spawn(async move {
            let command = format!("exit {code}");
            let process = Process::new(["sh", "-c", &command]).silent();
            let child = spawn_blocking(move || container.exec(process)).await??;
            let status = wait(child).await?;
            match status.code() {
                Some(seen) if seen == code as i32 => Ok(()),
                _ => Err(format!("{status} where {code} was due").into()),
            }
        });
    }
    let mut executed = Ok(());
    while let Some(ended) = processes.join_next().await {
        executed = executed.and(ended?);
    }
    let killed = container.clone();
    spawn_blocking(move || killed.kill()).await??;
    wait(init).await?;
    spawn_blocking(move || container.destroy()).await??;
    executed
}

/// Waits for a process without blocking a thread.
// What tokio's newer, unsafe constructor asks its caller to promise, an OwnedFd does.
#[allow(deprecated)]
async fn wait(mut child: Child) -> Result<ExitStatus> {
    let pidfd = child.as_fd().try_clone_to_owned()?;
    let ended = AsyncFd::with_interest(pidfd, Interest::READABLE)?;
    loop {
        let mut guard = ended.readable().await?;
        match child.try_wait()? {
            Some(status) => return Ok(status),
            None => guard.clear_ready(),
        }
    }
}
