//! When hooks run, and what others see meanwhile.

use std::fs;
use std::time::Duration;

use libcontainer::{ErrorKind, Process, Status};

use crate::common::{HostSnapshot, Test, reap_adopted, test};
use crate::scene::{KINDS, SETTLE, Scene, end, list, shell, sleep};

pub fn tests() -> Vec<Test> {
    vec![
        test("all_six_in_order", all_six_in_order).in_both_views(),
        test("all_six_in_a_held_start", all_six_in_a_held_start).in_both_views(),
        test("creating_while_they_run", creating_while_they_run),
        test("killed_while_they_run", killed_while_they_run),
        test("created_while_the_last_run", created_while_the_last_run),
        test("from_many_threads", from_many_threads),
    ]
}

fn all_six_in_order() {
    let Some(scene) = Scene::new() else { return };
    let before = HostSnapshot::take(&scene.place);
    {
        let container = scene.create("six", scene.config("six", ""));
        assert_eq!(scene.order(), [""; 0]);
        let mut child = container.run(sleep()).unwrap();
        assert_eq!(container.status().unwrap(), Status::Running);
        assert_eq!(scene.order(), KINDS[..5]);
        end(&container, &mut child);
        assert_eq!(scene.order(), [""; 0]);
        assert_eq!(container.destroy().unwrap(), [""; 0]);
        assert_eq!(scene.order(), ["poststop"]);
        assert!(scene.is_gone("six"));
        assert_eq!(container.destroy().unwrap(), [""; 0]);
        assert_eq!(scene.order(), [""; 0]);
    }
    before.assert_restored(SETTLE);
}

/// By three handles, as the verbs of an OCI runtime are.
fn all_six_in_a_held_start() {
    let Some(scene) = Scene::new() else { return };
    let before = HostSnapshot::take(&scene.place);
    let mut child = scene.create("six", scene.config("six", "")).start(sleep()).unwrap();
    assert_eq!(scene.order(), KINDS[..3]);
    let load = || scene.place.factory().load("six").unwrap();
    assert_eq!(load().status().unwrap(), Status::Created);
    load().release().unwrap();
    assert_eq!(scene.order(), KINDS[3..5]);
    assert_eq!(load().status().unwrap(), Status::Running);
    end(&load(), &mut child);
    load().destroy().unwrap();
    assert_eq!(scene.order(), ["poststop"]);
    drop(child);
    before.assert_restored(SETTLE);
}

/// Others see it as being created, with a pid, until the hooks have run.
fn creating_while_they_run() {
    let Some(scene) = Scene::new() else { return };
    let (on, off) = (scene.place.dir().join("on"), scene.place.dir().join("off"));
    let wait =
        format!("touch {}; while ! test -e {}; do sleep 0.01; done", on.display(), off.display());
    for kind in &KINDS[..3] {
        let _ = (fs::remove_file(&on), fs::remove_file(&off));
        let mut config = scene.config("seen", "");
        *list(&mut config.hooks, kind) = vec![shell(&wait)];
        let factory = scene.place.factory();
        let container = factory.create("seen", config).unwrap();
        let mut child = std::thread::scope(|scope| {
            let start = scope.spawn(|| container.start(sleep()));
            while !on.exists() {
                assert!(!start.is_finished());
                std::thread::sleep(Duration::from_millis(5));
            }
            let other = scene.place.factory().load("seen").unwrap();
            let state = other.state().unwrap();
            assert_eq!(state.status, Status::Creating, "{kind}");
            assert!(state.init_process_pid > 0);
            assert_eq!(
                *other.exec(Process::new(["true"])).unwrap_err().kind(),
                ErrorKind::NotRunning
            );
            assert_eq!(*other.release().unwrap_err().kind(), ErrorKind::NotRunning);
            fs::write(&off, "").unwrap();
            start.join().unwrap().unwrap()
        });
        assert_eq!(container.status().unwrap(), Status::Created);
        end(&container, &mut child);
        container.destroy().unwrap();
    }
}

/// Who ends it does not have to wait for them, and nor does its creator.
fn killed_while_they_run() {
    let Some(scene) = Scene::new() else { return };
    let on = scene.place.dir().join("on");
    for kind in &KINDS[..3] {
        let before = HostSnapshot::take(&scene.place);
        let mut config = scene.config("killed", "");
        let slow = format!("touch {}; exec sleep 1000", on.display());
        *list(&mut config.hooks, kind) = vec![shell(&slow)];
        {
            let container = scene.create("killed", config);
            std::thread::scope(|scope| {
                let start = scope.spawn(|| container.start(sleep()));
                while !on.exists() {
                    assert!(!start.is_finished());
                    std::thread::sleep(Duration::from_millis(5));
                }
                let other = scene.place.factory().load("killed").unwrap();
                other.kill().unwrap();
                other.destroy().unwrap();
                assert!(start.join().unwrap().is_err());
            });
            container.destroy().unwrap();
            assert!(scene.is_gone("killed"));
        }
        fs::remove_file(&on).unwrap();
        // The shell may have been killed before it had waited for its `touch`.
        std::thread::sleep(Duration::from_millis(50));
        reap_adopted(&[]);
        before.assert_restored(SETTLE);
    }
}

/// Until the program is executed, it is not running.
fn created_while_the_last_run() {
    let Some(scene) = Scene::new() else { return };
    let (on, off) = (scene.log().join("on"), scene.log().join("off"));
    let mut config = scene.config("last", "");
    let wait = "touch /log/on; while ! test -e /log/off; do sleep 0.01; done";
    config.hooks.start_container = vec![shell(wait)];
    let container = scene.create("last", config);
    let mut child = container.start(sleep()).unwrap();
    std::thread::scope(|scope| {
        let start = scope.spawn(|| container.release());
        while !on.exists() {
            assert!(!start.is_finished());
            std::thread::sleep(Duration::from_millis(5));
        }
        let other = scene.place.factory().load("last").unwrap();
        assert_eq!(other.status().unwrap(), Status::Created);
        let error = other.release().unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::NotStopped, "{error}");
        assert_eq!(other.status().unwrap(), Status::Created);
        fs::write(&off, "").unwrap();
        start.join().unwrap().unwrap();
        assert_eq!(other.status().unwrap(), Status::Running);
    });
    end(&container, &mut child);
    container.destroy().unwrap();
}

fn from_many_threads() {
    let Some(scene) = Scene::new() else { return };
    let before = HostSnapshot::take(&scene.place);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let scene = &scene;
            scope.spawn(move || {
                let factory = scene.place.factory();
                for round in 0..5 {
                    let id = format!("t{thread}-{round}");
                    let mut config = scene.config(&id, "");
                    if round % 2 == 1 {
                        config.hooks.create_runtime.push(shell("exit 1"));
                    }
                    let container = factory.create(&id, config).unwrap();
                    match container.run(sleep()) {
                        Ok(mut child) => end(&container, &mut child),
                        Err(error) => assert_eq!(*error.kind(), ErrorKind::HookFailed, "{error}"),
                    }
                    container.destroy().unwrap();
                }
            });
        }
    });
    before.assert_restored(SETTLE);
}
