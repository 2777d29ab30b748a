//! Containers that are made ahead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::Read;
use std::time::Duration;

use common::{HostSnapshot, Place, deadline, test};
use libcontainer::config::CgroupManager;
use libcontainer::{Config, ErrorKind, Factory, Pool, Process, Status, Stdio, Taken};

fn main() -> std::process::ExitCode {
    libcontainer::init();
    common::run(vec![
        test("what_was_made_ahead_is_taken_in_turn", in_turn).in_both_views(),
        test("one_that_ended_while_it_waited_is_passed_over", passed_over),
        test("an_empty_pool_makes_one", made_when_wanted),
        test("a_program_that_is_missing_leaves_nothing", without_program),
        test("what_one_container_only_can_have_is_refused", refused),
    ])
}

/// Runs a test with a factory, and sees to it that nothing stays.
fn restored(body: impl FnOnce(&Place, &Factory)) {
    let Some(place) = Place::new() else { return };
    let before = HostSnapshot::take(&place);
    let alarm = deadline(Duration::from_secs(60));
    body(&place, &place.factory());
    drop(alarm);
    before.assert_restored(Duration::from_secs(2));
}

fn pool(place: &Place, factory: &Factory, size: usize, args: &'static [&'static str]) -> Pool {
    let process = move || {
        let mut process = Process::new(args.iter().copied()).silent();
        process.stdout = Stdio::Pipe;
        process
    };
    Pool::new(factory, "p", place.config("pool"), size, process).unwrap()
}

/// What its program says; nothing of it stays.
fn said(mut taken: Taken) -> String {
    let mut text = String::new();
    taken.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(taken.child.wait().unwrap().success());
    taken.container.destroy().unwrap();
    text
}

fn in_turn() {
    restored(|place, factory| {
        // Somebody's container has the id that would be the second.
        let other = factory.create("p-1", place.small()).unwrap();
        let mut pool =
            pool(place, factory, 3, &["/bin/sh", "-c", "echo $$; cat /proc/self/cgroup"]);
        assert_eq!(pool.ready(), 0);
        pool.fill().unwrap();
        assert_eq!(pool.ready(), 3);
        assert_eq!(factory.list().unwrap(), ["p-0", "p-1", "p-2", "p-3"]);
        assert_eq!(factory.load("p-3").unwrap().status().unwrap(), Status::Created);
        let first = pool.take().unwrap();
        assert_eq!((first.container.id(), pool.ready()), ("p-0", 2));
        let second = pool.take().unwrap();
        assert_eq!(second.container.id(), "p-2");
        let groups = |taken: &Taken| taken.container.state().unwrap().cgroup_paths;
        assert!(groups(&first).values().all(|path| path.ends_with("p-0")));
        assert!(groups(&second).values().all(|path| path.ends_with("p-2")));
        for taken in [first, second] {
            assert!(said(taken).starts_with("1\n"));
        }
        pool.fill().unwrap();
        assert_eq!(factory.list().unwrap(), ["p-1", "p-3", "p-4", "p-5"]);
        drop(pool);
        assert_eq!(factory.list().unwrap(), ["p-1"]);
        other.destroy().unwrap();
    });
}

fn passed_over() {
    restored(|place, factory| {
        let mut pool = pool(place, factory, 2, &["/bin/echo", "here"]);
        pool.fill().unwrap();
        factory.load("p-0").unwrap().kill().unwrap();
        let taken = pool.take().unwrap();
        assert_eq!((taken.container.id(), pool.ready()), ("p-1", 0));
        assert_eq!(factory.list().unwrap(), ["p-1"]);
        assert_eq!(said(taken), "here\n");
    });
}

fn made_when_wanted() {
    restored(|place, factory| {
        let mut pool = pool(place, factory, 1, &["/bin/echo", "here"]);
        for number in 0..2 {
            let taken = pool.take().unwrap();
            assert_eq!(taken.container.id(), format!("p-{number}"));
            assert_eq!(said(taken), "here\n");
        }
    });
}

fn without_program() {
    restored(|place, factory| {
        let mut pool = pool(place, factory, 1, &["/bin/sh", "-c", "true"]);
        pool.fill().unwrap();
        std::fs::rename(place.rootfs().join("bin/sh"), place.rootfs().join("bin/gone")).unwrap();
        let told = pool.take().unwrap_err();
        std::fs::rename(place.rootfs().join("bin/gone"), place.rootfs().join("bin/sh")).unwrap();
        assert_eq!(*told.kind(), ErrorKind::ProcessNotExecuted, "{told}");
        assert_eq!(factory.list().unwrap(), [""; 0]);
    });
}

fn refused() {
    restored(|place, factory| {
        let of = |config: Config, size| {
            let told = Pool::new(factory, "p", config, size, Process::configured).unwrap_err();
            assert!(matches!(told.kind(), ErrorKind::InvalidConfig { .. }), "{told}");
            told.to_string()
        };
        assert!(of(place.config("pool"), 0).contains("size"));
        let mut config = place.config("pool");
        config.cgroup_manager = CgroupManager::Systemd;
        assert!(of(config, 1).contains("cgroup_manager"));
        let mut config = place.config("pool");
        config.net_devices.insert("eth7".into(), String::new());
        assert!(of(config, 1).contains("net_devices"));
        // Fails when it makes the first, and leaves nothing.
        let mut config = place.config("pool");
        config.rootfs = libcontainer::config::Rootfs::Directory("/nowhere".into());
        assert!(Pool::new(factory, "p", config, 2, Process::configured).unwrap().fill().is_err());
        assert_eq!(factory.list().unwrap(), [""; 0]);
    });
}
