//! Many containers at once from a program of tasks; examples/tokio.rs is what runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "../examples/tokio.rs"]
mod example;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{HostSnapshot, Place, deadline, rounds, test};

fn main() -> std::process::ExitCode {
    libcontainer::init();
    common::run(vec![test("sixteen_containers_by_tasks", by_tasks).in_both_views()])
}

fn by_tasks() {
    let Some(place) = Place::new().map(Arc::new) else { return };
    let rounds = rounds();
    let before = HostSnapshot::take(&place);
    let alarm = deadline(Duration::from_secs(5) * rounds);
    let began = Instant::now();
    {
        let factory = place.factory();
        let configuring = place.clone();
        let configure = Arc::new(move |name: &str| configuring.config(name));
        // Threads of tokio's are born in the namespaces of the thread that makes the runtime.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build().unwrap();
        for number in 0..rounds {
            let ended = runtime.block_on(example::round(&factory, &configure));
            ended.unwrap_or_else(|error| panic!("round {number}: {error}"));
            assert_eq!(factory.list().unwrap(), [""; 0]);
        }
    }
    println!("  {rounds} rounds of 16 containers and 64 processes: {:.1?}", began.elapsed());
    drop(alarm);
    before.assert_restored(Duration::from_secs(2));
}
