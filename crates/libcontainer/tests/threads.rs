//! Many containers at once from a program with many threads; examples/threads.rs is what runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "../examples/threads.rs"]
mod example;

use std::time::{Duration, Instant};

use common::{HostSnapshot, Place, deadline, rounds, test};

fn main() -> std::process::ExitCode {
    libcontainer::init();
    common::run(vec![test("sixteen_containers_by_threads", by_threads).in_both_views()])
}

fn by_threads() {
    let Some(place) = Place::new() else { return };
    let rounds = rounds();
    let before = HostSnapshot::take(&place);
    let alarm = deadline(Duration::from_secs(5) * rounds);
    let began = Instant::now();
    {
        let factory = place.factory();
        for number in 0..rounds {
            let ended = example::round(&factory, &|name| place.config(name));
            ended.unwrap_or_else(|error| panic!("round {number}: {error}"));
            assert_eq!(factory.list().unwrap(), [""; 0]);
        }
    }
    println!("  {rounds} rounds of 16 containers and 64 processes: {:.1?}", began.elapsed());
    drop(alarm);
    before.assert_restored(Duration::from_secs(2));
}
