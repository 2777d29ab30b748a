use std::path::Path;

use serde_json::{Value, json};

use super::super::{Clock, Id, NamespaceKind, Parsed, Propagation, parse};

fn read(value: &Value) -> crate::Result<Parsed> {
    parse(value.to_string().as_bytes(), Path::new("config.json"), Path::new("/bundle"))
}

/// A minimal config with `value` at a path such as `linux.resources`.
fn with(path: &str, value: Value) -> Value {
    let mut config = json!({"ociVersion": "1.3.0", "root": {"path": "rootfs"}});
    let mut place = &mut config;
    for key in path.split('.') {
        if place.get(key).is_none() {
            place[key] = json!({});
        }
        place = &mut place[key];
    }
    *place = value;
    if path.starts_with("process.") {
        config["process"]["cwd"] = json!("/");
    }
    config
}

fn good(path: &str, value: Value) -> super::super::Config {
    read(&with(path, value)).unwrap_or_else(|error| panic!("{error}")).config
}

#[test]
fn errors_name_the_field() {
    for (path, value, expected) in [
        ("ociVersion", json!("2.0.0"), "ociVersion: version 2.0.0 is not supported"),
        ("ociVersion", json!("one"), "ociVersion: \"one\" is not a version"),
        ("ociVersion", json!(null), "ociVersion: is required"),
        ("root", json!(null), "root: is required"),
        ("root.path", json!(""), "root.path: is empty"),
        ("process", json!({}), "process.cwd: is required"),
        ("process.oomScoreAdj", json!(1001), "process.oomScoreAdj: 1001 is not within"),
        ("process.user", json!({"uid": 4294967295u32}), "process.user.uid: 4294967295 is too la"),
        ("process.user", json!({"uid": -1}), "process.user.uid: -1 is out of range"),
        ("process.user", json!({"umask": 512}), "process.user.umask: 512 is not within"),
        (
            "process.rlimits",
            json!([{"type": "RLIMIT_X", "soft": 1, "hard": 1}]),
            "process.rlimits[0].type: unknown resource limit \"RLIMIT_X\"",
        ),
        (
            "process.rlimits",
            json!([{"type": "RLIMIT_CPU", "soft": 1, "hard": 1},
                {"type": "RLIMIT_CPU", "soft": 1, "hard": 1}]),
            "process.rlimits[1].type: is listed twice",
        ),
        ("linux.namespaces", json!([{"type": "x"}]), "linux.namespaces[0].type: unknown namespace"),
        (
            "linux.namespaces",
            json!([{"type": "pid"}, {"type": "pid", "path": "/x"}]),
            "linux.namespaces[1].type: is listed twice",
        ),
        (
            "mounts",
            json!([{"destination": "/x"}, {"destination": "/y", "options": ["ro", "X-mount.owner=1"]}]),
            "mounts[1].options[1]: \"X-mount.owner=1\" is for mount(8)",
        ),
        (
            "mounts",
            json!([{"destination": "/x", "uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}]),
            "mounts[0]: has only one of uidMappings and gidMappings",
        ),
        (
            "linux.intelRdt",
            json!({"memBwSchema": "L3:0=1"}),
            "linux.intelRdt.memBwSchema: must begin with MB:",
        ),
        (
            "linux.intelRdt",
            json!({"schemata": ["MB:0=20", "L3:0=1\nL3:1=1"]}),
            "linux.intelRdt.schemata[1]: has a newline",
        ),
        (
            "linux.intelRdt",
            json!({"closID": "../x"}),
            "linux.intelRdt.closID: \"../x\" cannot be the name",
        ),
        ("linux.devices", json!([{"type": "z", "path": "/x"}]), "linux.devices[0].type: unknown"),
        ("linux.devices", json!([{"type": "c", "path": "/x"}]), "linux.devices[0].major: is requ"),
        (
            "linux.devices",
            json!([{"type": "p", "path": "/x"}, {"type": "p", "path": "/x", "uid": 1}]),
            "linux.devices[1].path: is listed twice, and differs",
        ),
        (
            "linux.resources.devices",
            json!([{"type": "c"}]),
            "linux.resources.devices[0].allow: is required",
        ),
        (
            "linux.resources.devices",
            json!([{"allow": true, "access": "x"}]),
            "linux.resources.devices[0].access: \"x\" is not made of r, w and m",
        ),
        ("linux.resources.cpu", json!({"cpus": "0-"}), "linux.resources.cpu.cpus: \"0-\" is not a"),
        ("linux.rootfsPropagation", json!("x"), "linux.rootfsPropagation: unknown propagation"),
        ("linux.cgroupsPath", json!("/a/../b"), "linux.cgroupsPath: a control group may not have"),
        ("linux.timeOffsets", json!({"realtime": {}}), "linux.timeOffsets.realtime: unknown clock"),
        (
            "linux.seccomp",
            json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["x"]}]}),
            "linux.seccomp.syscalls[0].action: is required",
        ),
        (
            "linux.seccomp",
            json!({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["X"]}),
            "linux.seccomp.flags[0]: unknown variant `X`",
        ),
        ("linux.personality", json!({"domain": "SUN"}), "linux.personality.domain: unknown domain"),
        ("annotations", json!({"a.b": 1}), "annotations[\"a.b\"]: expected a text"),
        ("hooks", json!([]), "hooks: expected an object"),
        ("hooks.prestart", json!({}), "hooks.prestart: expected a list"),
        ("hooks.prestart", json!([{}]), "hooks.prestart[0].path: is required"),
        ("hooks.poststop", json!([{"path": "x"}]), "hooks.poststop[0].path: \"x\" is not an abs"),
        (
            "hooks.createRuntime",
            json!([{"path": "/x", "timeout": 0}]),
            "hooks.createRuntime[0].timeout: must be greater than 0",
        ),
        (
            "hooks.createContainer",
            json!([{"path": "/x", "timeout": -1}]),
            "hooks.createContainer[0].timeout: -1 is out of range",
        ),
    ] {
        let error = read(&with(path, value)).expect_err(expected).to_string();
        let expected = format!("config.json: {expected}");
        assert!(error.starts_with(&expected), "{error}\n{expected}");
    }
}

#[test]
fn empty_and_unknown_fields_are_no_error() {
    for (path, value) in [
        ("hooks", json!({"prestart": [], "poststop": null})),
        ("linux.intelRdt", json!({})),
        (
            "linux.intelRdt",
            json!({"closID": "x", "schemata": ["MB:0=20"], "enableMonitoring": true}),
        ),
        ("linux.netDevices", json!(null)),
        ("linux.netDevices", json!({"eth0": {}, "eth1": {"name": "web%d"}})),
        ("linux.personality", json!({"domain": "LINUX"})),
        ("linux.resources.memory", json!({"kernelTCP": -1, "useHierarchy": true})),
        ("linux.resources.pids", json!({})),
        ("unheard_of", json!([1])),
    ] {
        good(path, value);
    }
}

#[test]
fn capabilities_that_cannot_be_had_are_left_out_with_a_word() {
    let parsed = read(&with(
        "process.capabilities",
        json!({"bounding": ["CAP_CHOWN", "CAP_FLY"], "permitted": ["CAP_KILL"],
            "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL", "CAP_CHOWN"]}),
    ))
    .unwrap();
    let sets = parsed.config.process.capabilities.unwrap();
    assert_eq!((sets.bounding, sets.ambient), (vec!["CHOWN".into()], vec!["KILL".into()]));
    assert_eq!(
        parsed.warnings,
        [
            "process.capabilities.bounding[1]: unknown capability \"CAP_FLY\" is left out",
            "process.capabilities.ambient: CHOWN left out, being not both inheritable and \
             permitted",
        ]
    );
}

#[test]
fn a_device_that_is_asked_for_twice_is_one() {
    let fuse = json!({"type": "c", "path": "/dev/fuse", "major": 10, "minor": 229});
    let config = read(&with("linux.devices", json!([fuse, fuse]))).unwrap().config;
    let fuse = config.devices.iter().filter(|device| device.path == Path::new("/dev/fuse"));
    assert_eq!(fuse.count(), 1);
}

#[test]
fn the_example_of_the_specification() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/oci/good/spec-example.json");
    let value: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let config = read(&value).unwrap().config;
    let process = &config.process;
    assert_eq!(process.user.as_ref().unwrap().group, Some(Id::Number(1)));
    assert_eq!(process.additional_groups, Some(vec![Id::Number(5), Id::Number(6)]));
    assert_eq!(process.rlimits.as_ref().unwrap()[1].resource, 7);
    assert_eq!((process.terminal, process.no_new_privileges), (true, Some(true)));
    assert_eq!(process.groups_from_file, Some(false));
    assert_eq!(config.rootfs, super::super::Rootfs::Directory("/bundle/rootfs".into()));
    assert_eq!(config.bundle.as_deref(), Some(Path::new("/bundle")));
    assert!(config.readonly_rootfs);
    assert_eq!(config.cgroup.as_deref(), Some(Path::new("myRuntime/myContainer")));
    assert_eq!(config.namespaces.len(), 8);
    assert_eq!(config.namespaces[0].kind, NamespaceKind::Pid);
    assert_eq!(config.time_offsets[&Clock::Monotonic].secs, 172_800);
    assert_eq!(config.rootfs_propagation, Some(Propagation::Slave));
    assert_eq!(config.mounts.len(), 7);
    let resources = &config.resources;
    assert_eq!(resources.memory.limit, Some(536_870_912));
    assert_eq!(resources.memory.kernel, Some(-1));
    assert_eq!(resources.cpu.cpus.as_deref(), Some("2-3"));
    assert_eq!(resources.pids, Some(32771));
    assert_eq!(resources.hugetlb.len(), 2);
    assert_eq!(resources.net_prio["eth1"], 1000);
    assert_eq!(resources.block_io.weight_device[1].leaf_weight, None);
    // Denied first, then the listed three, then those for the standard devices.
    assert!(!resources.devices[0].allow && resources.devices.len() == 1 + 3 + 11);
    let paths: Vec<_> = config.devices.iter().map(|device| device.path.to_str()).collect();
    let standard = ["fuse", "sda", "null", "zero", "full", "tty", "urandom", "random"];
    assert_eq!(paths, standard.map(|name| format!("/dev/{name}")).each_ref().map(|p| Some(&p[..])));
    assert_eq!(config.devices[1].mode, 0o660);
    assert_eq!(config.seccomp.len(), 1);
    assert_eq!(config.seccomp[0].syscalls[0].names, ["getcwd", "chmod"]);
    assert_eq!(config.masked_paths.len(), 4);
    let hooks = &config.hooks;
    assert_eq!((hooks.prestart.len(), hooks.create_runtime.len()), (2, 2));
    let first = &hooks.create_container[0];
    assert_eq!(first.path, Path::new("/usr/bin/mount-hook"));
    assert_eq!(
        (&first.args[..2], &first.env[..]),
        (&["-mount", "arg1"].map(String::from)[..], &["key1=value1".to_owned()][..])
    );
    assert_eq!((hooks.start_container[0].timeout, hooks.poststart[0].timeout), (None, Some(5)));
    assert_eq!(hooks.poststop[0].args, ["cleanup.sh", "-f"]);
}

#[test]
fn zeroes_that_engines_write_for_not_set() {
    let resources = json!({"memory": {"limit": 0, "swappiness": 0}, "cpu": {"shares": 0},
        "pids": {"limit": 0}, "network": {"classID": 0}});
    let resources = good("linux.resources", resources).resources;
    assert_eq!((resources.memory.limit, resources.cpu.shares), (None, None));
    assert_eq!((resources.memory.swappiness, resources.pids), (Some(0), Some(0)));
    assert_eq!(resources.net_cls_classid, None);
    for (version, pids) in [("1.0.2-dev", None), ("1.2.1", None), ("1.3.0", Some(0))] {
        let mut config = with("linux.resources", json!({"pids": {"limit": 0}}));
        config["ociVersion"] = json!(version);
        assert_eq!(read(&config).unwrap().config.resources.pids, pids, "{version}");
    }
}

#[test]
fn binds_are_relative_to_the_bundle() {
    let mounts = json!([
        {"destination": "/a", "source": "data", "options": ["bind"]},
        {"destination": "b", "source": "data", "type": "tmpfs"}]);
    let mounts = good("mounts", mounts).mounts;
    assert_eq!(mounts[0].source.as_deref(), Some(Path::new("/bundle/data")));
    assert_eq!(mounts[1].source.as_deref(), Some(Path::new("data")));
    assert_eq!(mounts[1].destination, Path::new("/b"));
}
