//! What becomes of a container whose hooks fail, or behave oddly.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use libcontainer::config::{Hook, NamespaceKind};
use libcontainer::{Config, ErrorKind, Process, Status};

use crate::common::{self, HostSnapshot, Test, test};
use crate::scene::{KINDS, SETTLE, Scene, end, list, shell, sleep};

pub fn tests() -> Vec<Test> {
    vec![
        test("a_failing_hook_ends_it", a_failing_hook_ends_it).in_both_views(),
        test("a_failing_hook_of_a_held_start", a_failing_hook_of_a_held_start).in_both_views(),
        test("without_a_pid_namespace", without_a_pid_namespace),
        test("failing_poststop", failing_poststop),
        test("a_start_that_fails_for_another_reason", a_start_that_fails_for_another_reason),
        test("time_is_limited_everywhere", time_is_limited_everywhere),
        test("daemons_and_floods", daemons_and_floods),
    ]
}

/// Where a failing hook of each kind leaves the order.
fn expected(kind: &str) -> Vec<&'static str> {
    let place = KINDS.iter().position(|known| *known == kind).unwrap();
    [&KINDS[..=place], &["poststop"]].concat()
}

fn assert_told(error: &libcontainer::Error, kind: &str) {
    assert_eq!(*error.kind(), ErrorKind::HookFailed, "{error}");
    let words = error.to_string();
    assert!(words.contains(&format!(": error running {kind} hook #1: /")), "{words}");
    let last = format!("exit status 4, stderr: first line of {kind} | {kind} is unwilling");
    assert!(words.ends_with(&last), "{words}");
}

/// The second hook of the kind fails; the third does not run.
fn failing(scene: &Scene, kind: &str) -> Config {
    let mut config = scene.config("failing", "");
    let silent = |kind: &str| match kind {
        "startContainer" => Hook { path: "/bin/true".into(), ..Hook::default() },
        _ => shell("exit 0"),
    };
    let never = scene.recorder("poststop", "");
    let never =
        Hook { path: if kind == "startContainer" { "/hook".into() } else { never.path }, ..never };
    *list(&mut config.hooks, kind) = vec![silent(kind), scene.recorder(kind, kind), never];
    config
}

fn a_failing_hook_ends_it() {
    let Some(scene) = Scene::new() else { return };
    for kind in &KINDS[..5] {
        let before = HostSnapshot::take(&scene.place);
        {
            let container = scene.create("failing", failing(&scene, kind));
            let error = container.run(sleep()).unwrap_err();
            assert_told(&error, kind);
            assert_eq!(scene.order(), expected(kind), "{kind}");
            // Nothing of it is left, and destroying it once more does no harm.
            assert!(scene.is_gone("failing"));
            container.destroy().unwrap();
            assert_eq!(scene.order(), [""; 0]);
        }
        before.assert_restored(SETTLE);
    }
}

fn a_failing_hook_of_a_held_start() {
    let Some(scene) = Scene::new() else { return };
    for kind in &KINDS[..5] {
        let before = HostSnapshot::take(&scene.place);
        {
            let container = scene.create("failing", failing(&scene, kind));
            let held = container.start(sleep());
            let error = if ["startContainer", "poststart"].contains(kind) {
                let mut child = held.unwrap();
                let other = scene.place.factory().load("failing").unwrap();
                // As long as nobody reaps it, an init's PID namespace is there.
                let reaper = std::thread::spawn(move || child.wait());
                let error = other.release().unwrap_err();
                reaper.join().unwrap().unwrap();
                error
            } else {
                held.unwrap_err()
            };
            assert_told(&error, kind);
            assert_eq!(scene.order(), expected(kind), "{kind}");
            assert!(scene.is_gone("failing"));
        }
        before.assert_restored(SETTLE);
    }
}

/// Nothing but the parent's death ends a hook there, and nothing but the group finds it.
fn without_a_pid_namespace() {
    let Some(scene) = Scene::new() else { return };
    for kind in &KINDS[..5] {
        let before = HostSnapshot::take(&scene.place);
        let mut config = failing(&scene, kind);
        config.namespaces.retain(|namespace| namespace.kind != NamespaceKind::Pid);
        let container = scene.create("failing", config);
        assert_told(&container.run(sleep()).unwrap_err(), kind);
        assert_eq!(scene.order(), expected(kind), "{kind}");
        assert!(scene.is_gone("failing"));
        drop(container);
        before.assert_restored(SETTLE);
    }
}

/// It is a warning, and all of them run.
fn failing_poststop() {
    let Some(scene) = Scene::new() else { return };
    let before = HostSnapshot::take(&scene.place);
    {
        let mut config = scene.config("late", "poststop");
        config.hooks.poststop.insert(0, shell("exit 9"));
        config.hooks.poststop.push(scene.recorder("poststop", ""));
        let container = scene.create("late", config);
        let mut child = container.run(sleep()).unwrap();
        scene.order();
        end(&container, &mut child);
        let warnings = container.destroy().unwrap();
        assert_eq!(scene.order(), ["poststop", "poststop"]);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert_eq!(warnings[0], "error running poststop hook #0: /bin/sh: exit status 9");
        assert!(
            warnings[1].starts_with("error running poststop hook #1: ")
                && warnings[1].ends_with("unwilling")
        );
        assert!(scene.is_gone("late"));
        // The failure of an earlier hook is what is told, and the warning beside it.
        let mut config = scene.config("late", "poststop");
        config.hooks.create_runtime = vec![shell("exit 7")];
        let error = scene.create("late", config).run(sleep()).unwrap_err().to_string();
        assert!(
            error.contains("createRuntime hook #0: /bin/sh: exit status 7 (error running post"),
            "{error}"
        );
        assert!(scene.is_gone("late"));
    }
    before.assert_restored(SETTLE);
}

/// Whoever destroys it then runs its poststop hooks: those before may have run.
fn a_start_that_fails_for_another_reason() {
    let Some(scene) = Scene::new() else { return };
    let before = HostSnapshot::take(&scene.place);
    {
        let container = scene.create("other", scene.config("other", ""));
        let error = container.run(Process::new(["/nowhere"]).silent()).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::ProcessNotExecuted);
        assert_eq!(scene.order(), KINDS[..3]);
        assert_eq!(container.destroy().unwrap(), [""; 0]);
        assert_eq!(scene.order(), ["poststop"]);
        let mut config = scene.config("other", "");
        config.hooks.start_container[0].path = "/nowhere/hook".into();
        let error = scene.create("other", config).run(sleep()).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::HookFailed);
        let words = error.to_string();
        assert!(words.contains("startContainer hook #0: /nowhere/hook: execve"), "{words}");
        assert_eq!(scene.order(), ["prestart", "createRuntime", "createContainer", "poststop"]);
    }
    before.assert_restored(SETTLE);
}

fn time_is_limited_everywhere() {
    let Some(scene) = Scene::new() else { return };
    for kind in &KINDS[..5] {
        let before = HostSnapshot::take(&scene.place);
        let began = Instant::now();
        {
            let mut config = scene.config("slow", "");
            let slow = Hook { timeout: Some(1), ..shell("echo so slow >&2; exec sleep 600") };
            *list(&mut config.hooks, kind) = vec![slow];
            let error = scene.create("slow", config).run(sleep()).unwrap_err();
            let words = error.to_string();
            assert!(
                words.ends_with("timed out after 1 s, and was killed, stderr: so slow"),
                "{words}"
            );
            assert!(scene.is_gone("slow"));
            assert_eq!(scene.order().last().unwrap(), "poststop");
        }
        assert!(began.elapsed() < Duration::from_secs(60));
        before.assert_restored(SETTLE);
    }
}

/// One that leaves a process with its streams, one that says more than anybody keeps, and those
/// that do not read their state.
fn daemons_and_floods() {
    let Some(scene) = Scene::new() else { return };
    let before = HostSnapshot::take(&scene.place);
    {
        let mut config = scene.config("odd", "");
        for kind in KINDS {
            let pidfile = match kind {
                "startContainer" => PathBuf::from("/log/daemon.startContainer"),
                kind => scene.log().join(format!("daemon.{kind}")),
            };
            let daemon = format!("sleep 600 & echo $! >{}", pidfile.display());
            let hooks = list(&mut config.hooks, kind);
            hooks.push(shell(&daemon));
            hooks.push(shell("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2"));
            hooks.push(shell("exec <&- >&- 2>&-"));
        }
        let container = scene.create("odd", config);
        let mut child = container.run(sleep()).unwrap();
        assert_eq!(container.status().unwrap(), Status::Running);
        assert_eq!(scene.order(), KINDS[..5]);
        end(&container, &mut child);
        assert_eq!(container.destroy().unwrap(), [""; 0]);
        for kind in ["prestart", "createRuntime", "poststart", "poststop"] {
            let text = fs::read_to_string(scene.log().join(format!("daemon.{kind}"))).unwrap();
            let pid = rustix::process::Pid::from_raw(text.trim().parse().unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
        std::thread::sleep(Duration::from_millis(50));
        common::reap_adopted(&[]);
    }
    before.assert_restored(SETTLE);
}
