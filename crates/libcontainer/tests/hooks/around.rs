//! What a hook has around it: namespaces, directory, environment, privileges, mounts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use libcontainer::Process;
use libcontainer::config::{Capabilities, Id, IdMap, Namespace, NamespaceKind, User};

use crate::common::{self, HostSnapshot, Test, test};
use crate::scene::{KINDS, SETTLE, Scene, end, shell, sleep};

pub fn tests() -> Vec<Test> {
    vec![
        test("each_has_what_it_shall_have", each_has_what_it_shall_have),
        test("the_programs_privileges", the_programs_privileges),
        test("in_a_user_namespace", in_a_user_namespace),
        test("in_a_user_namespace_without_a_way", in_a_user_namespace_without_a_way),
        test("mounts_of_hooks_stay", mounts_of_hooks_stay),
        test("links_in_the_image_lead_nowhere", links_in_the_image_lead_nowhere),
        test("the_images_environment", the_images_environment),
    ]
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
