//! The life of a container with hooks (runtime.md, "Lifecycle"): when they run, as what, and what
//! becomes of the container when one fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{HostSnapshot, Place, test};
use libcontainer::config::{Capabilities, Hook, Hooks, Id, IdMap, Namespace, NamespaceKind, User};
use libcontainer::{Config, Container, ErrorKind, Process, Status};

fn main() -> std::process::ExitCode {
    libcontainer::init();
    common::run(vec![
        test("all_six_in_order", all_six_in_order).in_both_views(),
        test("all_six_in_a_held_start", all_six_in_a_held_start).in_both_views(),
        test("each_has_what_it_shall_have", each_has_what_it_shall_have),
        test("the_programs_privileges", the_programs_privileges),
        test("in_a_user_namespace", in_a_user_namespace),
        test("in_a_user_namespace_without_a_way", in_a_user_namespace_without_a_way),
        test("a_failing_hook_ends_it", a_failing_hook_ends_it).in_both_views(),
        test("a_failing_hook_of_a_held_start", a_failing_hook_of_a_held_start).in_both_views(),
        test("without_a_pid_namespace", without_a_pid_namespace),
        test("failing_poststop", failing_poststop),
        test("a_start_that_fails_for_another_reason", a_start_that_fails_for_another_reason),
        test("mounts_of_hooks_stay", mounts_of_hooks_stay),
        test("links_in_the_image_lead_nowhere", links_in_the_image_lead_nowhere),
        test("the_images_environment", the_images_environment),
        test("time_is_limited_everywhere", time_is_limited_everywhere),
        test("daemons_and_floods", daemons_and_floods),
        test("creating_while_they_run", creating_while_they_run),
        test("created_while_the_last_run", created_while_the_last_run),
        test("from_many_threads", from_many_threads),
    ])
}

const KINDS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
const SETTLE: Duration = Duration::from_secs(5);

/// Tells everything about itself, in files of the directory $2 that begin with $1.
const RECORDER: &str = r#"#!/bin/sh
echo "$1" >>"$2/order"
cat >"$2/$1.state"
pwd -P >"$2/$1.cwd"
cat /proc/self/environ >"$2/$1.env"
ls /proc/self/fd >"$2/$1.fds"
for ns in mnt pid; do readlink /proc/self/ns/$ns; done >"$2/$1.ns"
cat /proc/self/status >"$2/$1.status"
echo "$0 $*" >"$2/$1.args"
test "$1" = "$3" && { echo "first line of $1" >&2; echo "$1 is unwilling" >&2; exit 4; }
exit 0
"#;

fn list<'a>(hooks: &'a mut Hooks, kind: &str) -> &'a mut Vec<Hook> {
    match kind {
        "prestart" => &mut hooks.prestart,
        "createRuntime" => &mut hooks.create_runtime,
        "createContainer" => &mut hooks.create_container,
        "startContainer" => &mut hooks.start_container,
        "poststart" => &mut hooks.poststart,
        "poststop" => &mut hooks.poststop,
        other => panic!("{other}"),
    }
}

/// A host with a recorder, and the container's own.
struct Scene {
    place: Place,
}

impl Scene {
    fn new() -> Option<Self> {
        let place = Place::new()?;
        let log = place.rootfs().join("log");
        fs::create_dir(&log).unwrap();
        fs::set_permissions(&log, fs::Permissions::from_mode(0o777)).unwrap();
        fs::set_permissions(place.dir(), fs::Permissions::from_mode(0o755)).unwrap();
        // The state root itself stays: only what is in it is a container's.
        fs::create_dir(place.state_root()).unwrap();
        for dir in [place.dir(), &place.rootfs()] {
            fs::write(dir.join("hook"), RECORDER).unwrap();
            fs::set_permissions(dir.join("hook"), fs::Permissions::from_mode(0o755)).unwrap();
        }
        Some(Self { place })
    }

    fn log(&self) -> PathBuf {
        self.place.rootfs().join("log")
    }

    fn said(&self, kind: &str, what: &str) -> String {
        let file = self.log().join(format!("{kind}.{what}"));
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// Who ran, in their order; forgotten then.
    fn order(&self) -> Vec<String> {
        let file = self.log().join("order");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        text.lines().map(str::to_owned).collect()
    }

    /// A recorder, which fails if its kind is `failing`.
    fn recorder(&self, kind: &str, failing: &str) -> Hook {
        let inside = kind == "startContainer";
        let (path, log) = match inside {
            true => (PathBuf::from("/hook"), PathBuf::from("/log")),
            false => (self.place.dir().join("hook"), self.log()),
        };
        Hook {
            path,
            args: ["zeroth", kind, log.to_str().unwrap(), failing].map(str::to_owned).to_vec(),
            env: vec!["PATH=/usr/bin:/bin".into(), format!("KIND={kind}")],
            timeout: None,
        }
    }

    /// All six kinds record, and `failing` fails.
    fn config(&self, name: &str, failing: &str) -> Config {
        let mut config = self.place.config(name);
        config.bundle = Some(self.place.dir().to_owned());
        config.annotations = [("org.example/key".to_owned(), "a value".to_owned())].into();
        for kind in KINDS {
            list(&mut config.hooks, kind).push(self.recorder(kind, failing));
        }
        config
    }

    fn create(&self, id: &str, config: Config) -> Container {
        self.place.factory().create(id, config).unwrap()
    }

    fn is_gone(&self, id: &str) -> bool {
        let factory = self.place.factory();
        let gone = factory.load(id).is_err_and(|error| *error.kind() == ErrorKind::NotFound);
        gone && factory.list().unwrap().is_empty()
    }
}

fn sleep() -> Process {
    Process::new(["sleep", "1000"]).silent()
}

fn shell(text: &str) -> Hook {
    let args = ["sh", "-c", text].map(str::to_owned).to_vec();
    Hook { path: "/bin/sh".into(), args, env: vec!["PATH=/usr/bin:/bin".into()], timeout: None }
}

fn end(container: &Container, child: &mut libcontainer::Child) {
    container.kill().unwrap();
    child.wait().unwrap();
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

fn each_has_what_it_shall_have() {
    let Some(scene) = Scene::new() else { return };
    let container = scene.create("has", scene.config("has", ""));
    let mut child = container.run(sleep()).unwrap();
    let pid = child.pid();
    let link = |pid: &str, name: &str| {
        fs::read_link(format!("/proc/{pid}/ns/{name}")).unwrap().display().to_string()
    };
    let inside = format!("{}\n{}\n", link(&pid.to_string(), "mnt"), link(&pid.to_string(), "pid"));
    let outside = format!("{}\n{}\n", link("self", "mnt"), link("self", "pid"));
    end(&container, &mut child);
    container.destroy().unwrap();
    let bundle = scene.place.dir().to_str().unwrap().to_owned();
    for (kind, status, seen_pid) in [
        ("prestart", "creating", Some(pid)),
        ("createRuntime", "creating", Some(pid)),
        ("createContainer", "creating", Some(1)),
        ("startContainer", "created", Some(1)),
        ("poststart", "running", Some(pid)),
        ("poststop", "stopped", None),
    ] {
        let state: serde_json::Value = serde_json::from_str(&scene.said(kind, "state")).unwrap();
        let mut expected = serde_json::json!({
            "ociVersion": "1.3.0", "id": "has", "status": status, "bundle": bundle,
            "annotations": {"org.example/key": "a value"}});
        if let Some(pid) = seen_pid {
            expected["pid"] = pid.into();
        }
        assert_eq!(state, expected, "{kind}");
        let contained = ["createContainer", "startContainer"].contains(&kind);
        let cwd = if contained { "/" } else { bundle.as_str() };
        assert_eq!(scene.said(kind, "cwd"), format!("{cwd}\n"), "{kind}");
        assert_eq!(scene.said(kind, "ns"), *if contained { &inside } else { &outside }, "{kind}");
        // What the shell adds is its own: PWD, and what it was called by.
        let environ = scene.said(kind, "env");
        let mut own: Vec<_> = environ.split_terminator('\0').collect();
        own.retain(|entry| {
            !["PWD=", "OLDPWD=", "_=", "SHLVL="].iter().any(|s| entry.starts_with(s))
        });
        own.sort_unstable();
        assert_eq!(own, [format!("KIND={kind}").as_str(), "PATH=/usr/bin:/bin"], "{kind}");
        // ls has the directory that it lists.
        assert_eq!(scene.said(kind, "fds"), "0\n1\n2\n3\n", "{kind}");
        let at = if kind == "startContainer" { "/" } else { bundle.as_str() };
        let program = Path::new(at).join("hook");
        let log = if kind == "startContainer" { "/log".into() } else { scene.log() };
        let line = format!("{} {kind} {} \n", program.display(), log.display());
        assert_eq!(scene.said(kind, "args"), line);
        let status = scene.said(kind, "status");
        for signals in ["SigBlk", "SigIgn", "SigCgt"] {
            assert!(status.contains(&format!("{signals}:\t0000000000000000")), "{kind}: {status}");
        }
    }
}

/// A hook of the image's may do no more than the program.
fn the_programs_privileges() {
    let Some(scene) = Scene::new() else { return };
    let mut config = scene.config("rights", "");
    config.process.user = Some(User { user: Id::Number(1000), group: Some(Id::Number(1000)) });
    config.process.capabilities = Some(Capabilities::of(["KILL"]));
    config.process.no_new_privileges = Some(true);
    let container = scene.create("rights", config);
    let mut process = Process::new(["sh", "-c", "cat /proc/self/status"]).silent();
    process.stdout = libcontainer::Stdio::Pipe;
    let mut child = container.run(process).unwrap();
    let mut program = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut program).unwrap();
    end(&container, &mut child);
    container.destroy().unwrap();
    let facts = |text: &str| -> Vec<String> {
        let keys = ["Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Seccomp"];
        let wanted = |line: &&str| keys.iter().any(|key| line.starts_with(key));
        text.lines().filter(wanted).map(str::to_owned).collect()
    };
    let hook = facts(&scene.said("startContainer", "status"));
    assert_eq!(hook, facts(&program));
    assert!(hook.len() >= 10 && hook.contains(&"NoNewPrivs:\t1".to_owned()), "{hook:?}");
    assert!(hook.contains(&"Seccomp:\t2".to_owned()), "{hook:?}");
    let maker = facts(&scene.said("createContainer", "status"));
    assert!(maker.contains(&"Uid:\t0\t0\t0\t0".to_owned()), "{maker:?}");
}

fn in_a_user_namespace() {
    let Some(scene) = Scene::new() else { return };
    let mut config = scene.config("user", "");
    config.namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
    let map = IdMap { container_id: 0, host_id: 100_000, size: 65_536 };
    (config.uid_mappings, config.gid_mappings) = (vec![map], vec![map]);
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    fs::write(scene.log().join("order"), "").unwrap();
    open(&scene.log().join("order"));
    let container = scene.create("user", config);
    let mut child = container.run(sleep()).unwrap();
    end(&container, &mut child);
    container.destroy().unwrap();
    assert_eq!(scene.order(), KINDS);
    for kind in ["createContainer", "startContainer"] {
        // Seen from inside: root.
        let status = scene.said(kind, "status");
        assert!(status.contains("Uid:\t0\t0") || status.contains("Uid:\t100000\t"), "{status}");
    }
}

/// The root of a user namespace has no way to the root's directory: it waits elsewhere.
fn in_a_user_namespace_without_a_way() {
    let Some(scene) = Scene::new() else { return };
    fs::set_permissions(scene.place.dir(), fs::Permissions::from_mode(0o700)).unwrap();
    let mut config = scene.config("way", "");
    config.namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
    let map = IdMap { container_id: 0, host_id: 100_000, size: 65_536 };
    (config.uid_mappings, config.gid_mappings) = (vec![map], vec![map]);
    config.hooks.create_container = vec![shell("exit 0")];
    config.hooks.start_container = vec![];
    let container = scene.create("way", config);
    let (said, code) = common::output(&["ls", "-d", "/log"], |it| container.run(it));
    assert_eq!((said.as_str(), code), ("/log\n", 0));
    container.destroy().unwrap();
    assert_eq!(scene.order(), ["prestart", "createRuntime", "poststart", "poststop"]);
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

/// What hooks mount below the root's directory in the container's mount namespace, the container
/// has, and the host has not; what is mounted in the container they see there.
fn mounts_of_hooks_stay() {
    let Some(scene) = Scene::new() else { return };
    let before = HostSnapshot::take(&scene.place);
    let root = scene.place.rootfs().display().to_string();
    for dir in ["from-host", "from-inside"] {
        fs::create_dir(scene.place.rootfs().join(dir)).unwrap();
    }
    let from_host = format!(
        "pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); \
         nsenter -m -t $pid sh -c 'mount -t tmpfs none {root}/from-host && touch {root}/from-host/one'"
    );
    let from_inside = format!(
        "test -e {root}/from-host/one && test -e {root}/proc/1 && \
         mount -t tmpfs none {root}/from-inside && touch {root}/from-inside/two"
    );
    for readonly in [false, true] {
        let mut config = scene.config("mounts", "");
        config.readonly_rootfs = readonly;
        config.hooks.create_runtime = vec![shell(&from_host)];
        config.hooks.create_container = vec![shell(&from_inside)];
        let container = scene.create("mounts", config);
        let (said, code) =
            common::output(&["ls", "/from-host", "/from-inside"], |it| container.run(it));
        assert_eq!((said.as_str(), code), ("/from-host:\none\n\n/from-inside:\ntwo\n", 0));
        assert!(!scene.place.rootfs().join("from-host/one").exists());
        container.destroy().unwrap();
    }
    before.assert_restored(SETTLE);
}

/// The root is where its directory is while it is made, and holds all the same (attack 19).
fn links_in_the_image_lead_nowhere() {
    let Some(scene) = Scene::new() else { return };
    std::os::unix::fs::symlink("/proc/sys", scene.place.rootfs().join("data")).unwrap();
    std::os::unix::fs::symlink("/etc", scene.place.rootfs().join("other")).unwrap();
    let tmpfs = |destination: &str| libcontainer::config::Mount {
        destination: destination.into(),
        fstype: "tmpfs".into(),
        ..libcontainer::config::Mount::default()
    };
    let mut config = scene.config("links", "");
    config.mounts.push(tmpfs("/data"));
    let error = scene.create("links", config).run(sleep()).unwrap_err();
    assert!(error.to_string().contains("a symbolic link leads it to /proc/sys"), "{error}");
    scene.place.factory().load("links").unwrap().destroy().unwrap();
    let mut config = scene.config("links", "");
    config.mounts.push(tmpfs("/other"));
    let container = scene.create("links", config);
    let (said, code) = common::output(&["ls", "-A", "/etc"], |it| container.run(it));
    assert_eq!((said.as_str(), code), ("", 0));
    container.destroy().unwrap();
}

/// Attack 25: hooks have nothing of the program's environment.
fn the_images_environment() {
    let Some(scene) = Scene::new() else { return };
    let mut config = scene.config("env", "");
    config.process.env.get_or_insert_default().push("LD_PRELOAD=/evil.so".into());
    let container = scene.create("env", config);
    let mut child = container.run(sleep()).unwrap();
    end(&container, &mut child);
    container.destroy().unwrap();
    for kind in KINDS {
        let environ = scene.said(kind, "env");
        assert!(environ.contains("KIND=") && !environ.contains("evil"), "{kind}: {environ}");
    }
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
