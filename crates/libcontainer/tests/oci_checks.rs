//! What a schema cannot say of a config.json: each mistake is refused before anything is made, at
//! its place in the file.
// A test's helper fails the test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use libcontainer::{ErrorKind, Factory, config};
use serde_json::{Value, json};

/// A config.json that is right, in a directory of its own.
struct Bundle {
    directory: PathBuf,
    factory: Factory,
}

impl Bundle {
    fn new(name: &str) -> Self {
        let directory =
            std::env::temp_dir().join(format!("oci_checks-{name}-{}", std::process::id()));
        fs::create_dir_all(directory.join("rootfs")).unwrap();
        let factory = Factory::new(directory.join("state"));
        Self { directory, factory }
    }

    fn good() -> Value {
        json!({
            "ociVersion": "1.3.0",
            "root": {"path": "rootfs"},
            "process": {"cwd": "/", "args": ["true"], "env": ["A=b"],
                "user": {"uid": 0, "gid": 0}},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "uts"},
                {"type": "ipc"}, {"type": "network"}]},
        })
    }

    /// Reads, plans and creates, and takes that back.
    fn try_out(&self, value: &Value) -> libcontainer::Result<Vec<String>> {
        let parsed =
            config::parse(value.to_string().as_bytes(), Path::new("config.json"), &self.directory)?;
        self.factory.create("one", parsed.config)?.destroy()?;
        Ok(parsed.warnings)
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The good file with one value put in by its JSON pointer, which may make the way there.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut file = Bundle::good();
    for (pointer, value) in changes {
        let mut place = &mut file;
        for step in pointer.split('/').skip(1) {
            place = match step.parse::<usize>() {
                Ok(index) => &mut place[index],
                Err(_) => &mut place[step],
            };
        }
        *place = value.clone();
    }
    file
}

fn refused(name: &str, cases: &[(&str, Value, &str, &str)]) {
    let bundle = Bundle::new(name);
    assert_eq!(bundle.try_out(&Bundle::good()).unwrap(), Vec::<String>::new());
    for (pointer, value, field, words) in cases {
        let error = bundle.try_out(&with(&[(pointer, value.clone())])).unwrap_err();
        let text = error.to_string();
        let found = match error.kind() {
            ErrorKind::InvalidConfig { field } => field.clone(),
            other => panic!("{pointer} {value}: {other:?} {text}"),
        };
        assert_eq!(found, *field, "{pointer} {value}: {text}");
        assert!(text.contains(words), "{pointer} {value}: {text}");
        assert!(!text.contains('\n'), "{text}");
        assert_eq!(bundle.factory.list().unwrap(), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_document() {
    refused(
        "document",
        &[
            ("/ociVersion", json!("1.0"), "ociVersion", "is not a version like 1.3.0"),
            ("/ociVersion", json!("1.0.0.0"), "ociVersion", "is not a version"),
            ("/ociVersion", json!("01.0.0"), "ociVersion", "is not a version"),
            ("/ociVersion", json!("1.0.0-"), "ociVersion", "is not a version"),
            ("/ociVersion", json!("v1.0.0"), "ociVersion", "is not a version"),
            ("/ociVersion", json!("2.0.0"), "ociVersion", "is not supported"),
            ("/ociVersion", json!(1), "ociVersion", "expected a text"),
            ("/root", json!(null), "root", "is required"),
            ("/root", json!({}), "root.path", "is required"),
            ("/root/path", json!(""), "root.path", "is empty"),
            ("/root/readonly", json!("yes"), "root.readonly", "expected true or false"),
            ("/annotations", json!({"": "x"}), "annotations[\"\"]", "its key is empty"),
            ("/annotations", json!({"a": null}), "annotations.a", "expected a text, found null"),
            ("/annotations", json!(["a"]), "annotations", "expected an object"),
        ],
    );
}

#[test]
fn versions_and_fields_to_come_are_taken() {
    let bundle = Bundle::new("newer");
    for version in ["1.3.0", "1.0.0", "1.0.2-dev", "1.2.1+build.5", "1.9.0", "0.1.0", "1.0.0-rc.1"]
    {
        bundle.try_out(&with(&[("/ociVersion", json!(version))])).unwrap();
    }
    for pointer in ["/windows", "/vm", "/later", "/process/later", "/linux/later", "/root/later"] {
        bundle.try_out(&with(&[(pointer, json!({"x": [1]}))])).unwrap();
    }
    bundle.try_out(&with(&[("/linux/resources", json!({"later": {"x": 1}}))])).unwrap();
}

#[test]
fn the_process() {
    let twice = json!([{"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
        {"type": "RLIMIT_CORE", "soft": 1, "hard": 1}]);
    let above = json!([{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}]);
    let unknown = json!([{"type": "RLIMIT_MOON", "soft": 1, "hard": 1}]);
    refused(
        "process",
        &[
            ("/process/cwd", json!("tmp"), "process.cwd", "is not an absolute path"),
            ("/process/cwd", json!(""), "process.cwd", "is not an absolute path"),
            ("/process/cwd", json!(null), "process.cwd", "is required"),
            ("/process/args", json!([1]), "process.args[0]", "expected a text"),
            ("/process/args", json!(["a\0b"]), "process.args[0]", "has a NUL byte"),
            ("/process/env", json!("A=b"), "process.env", "expected a list"),
            ("/process/user/uid", json!(-1), "process.user.uid", "out of range"),
            ("/process/user/gid", json!(4294967295u32), "process.user.gid", "too large for an id"),
            ("/process/user/umask", json!(512), "process.user.umask", "is not within 0 to 511"),
            (
                "/process/user/additionalGids",
                json!([1, 4294967295u32]),
                "process.user.additionalGids[1]",
                "too large for an id",
            ),
            ("/process/rlimits", twice, "process.rlimits[1].type", "is listed twice"),
            ("/process/rlimits", unknown, "process.rlimits[0].type", "unknown resource limit"),
            ("/process/oomScoreAdj", json!(-1001), "process.oomScoreAdj", "is not within"),
            ("/process/terminal", json!(1), "process.terminal", "expected true or false"),
            ("/process/noNewPrivileges", json!("x"), "process.noNewPrivileges", "expected true"),
            ("/process/capabilities", json!(["CAP_KILL"]), "process.capabilities", "an object"),
        ],
    );
    // These are only known when the process is planned, with what else it may be given.
    let bundle = Bundle::new("late");
    for (pointer, value, expected) in [
        ("/process/args", json!([]), "process.args: no program is named"),
        ("/process/args", json!([""]), "process.args[0]: the program's name is empty"),
        ("/process/env", json!(["A"]), "process.env[0]: \"A\" has no '='"),
        ("/process/env", json!(["A=b", "=b"]), "process.env[1]: \"=b\" has no name"),
        ("/process/rlimits", above, "process.rlimits[0]: the soft limit 2 is above the hard"),
    ] {
        let text = with(&[(pointer, value)]).to_string();
        let parsed =
            config::parse(text.as_bytes(), Path::new("config.json"), &bundle.directory).unwrap();
        let container = bundle.factory.create("late", parsed.config).unwrap();
        let error = container.start(libcontainer::Process::configured()).unwrap_err().to_string();
        container.destroy().unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn namespaces_and_what_needs_them() {
    let twice =
        json!([{"type": "mount"}, {"type": "pid"}, {"type": "pid", "path": "/proc/1/ns/pid"}]);
    let only_mount = json!([{"type": "mount"}]);
    let map = json!([{"containerID": 0, "hostID": 0, "size": 10}]);
    refused(
        "namespaces",
        &[
            ("/linux/namespaces", twice, "linux.namespaces[2].type", "is listed twice"),
            (
                "/linux/namespaces",
                json!([{"type": "galaxy"}]),
                "linux.namespaces[0].type",
                "unknown namespace \"galaxy\"",
            ),
            ("/linux/namespaces", json!([{}]), "linux.namespaces[0].type", "is required"),
            (
                "/linux/namespaces",
                json!([{"type": "mount"}, {"type": "ipc", "path": "proc/1/ns/ipc"}]),
                "linux.namespaces[1].path",
                "is not an absolute path",
            ),
            (
                "/linux/namespaces",
                json!([{"type": "mount"}, {"type": "user"}]),
                "linux.uidMappings",
                "needs at least one mapping",
            ),
            ("/linux/uidMappings", map.clone(), "linux.uidMappings", "needs a user namespace"),
            ("/linux/gidMappings", map, "linux.gidMappings", "needs a user namespace"),
            (
                "/linux/timeOffsets",
                json!({"boottime": {"secs": 1}}),
                "linux.timeOffsets",
                "needs a time namespace",
            ),
            (
                "/linux/timeOffsets",
                json!({"realtime": {"secs": 1}}),
                "linux.timeOffsets.realtime",
                "unknown clock",
            ),
            (
                "/linux/timeOffsets",
                json!({"boottime": {"nanosecs": 1_000_000_000}}),
                "linux.timeOffsets.boottime.nanosecs",
                "must be below",
            ),
            ("/hostname", json!("x".repeat(65)), "hostname", "is longer than 64 bytes"),
            ("/domainname", json!("x".repeat(65)), "domainname", "is longer than 64 bytes"),
            (
                "/linux/sysctl",
                json!({"kernel.panic": "1"}),
                "linux.sysctl[\"kernel.panic\"]",
                "whole",
            ),
            (
                "/linux/sysctl",
                json!({"kernel.hostname": "x"}),
                "linux.sysctl[\"kernel.hostname\"]",
                "",
            ),
            (
                "/linux/sysctl",
                json!({"net..x": "1"}),
                "linux.sysctl[\"net..x\"]",
                "is not the name",
            ),
            (
                "/linux/sysctl",
                json!({"net.core.somaxconn": 1}),
                "linux.sysctl[\"net.core.somaxconn\"]",
                "expected a text",
            ),
        ],
    );
    let bundle = Bundle::new("without");
    for (pointer, value, expected) in [
        ("/hostname", json!("here"), "hostname: needs a uts namespace of the container's own"),
        ("/domainname", json!("here"), "domainname: needs a uts namespace"),
        (
            "/linux/sysctl",
            json!({"net.core.somaxconn": "1"}),
            "linux.sysctl[\"net.core.somaxconn\"]: needs a network namespace",
        ),
        (
            "/linux/sysctl",
            json!({"kernel.shmmax": "1"}),
            "linux.sysctl[\"kernel.shmmax\"]: needs an IPC",
        ),
        ("/linux/sysctl", json!({"fs.mqueue.msg_max": "1"}), "]: needs an IPC namespace"),
    ] {
        let file = with(&[("/linux/namespaces", only_mount.clone()), (pointer, value)]);
        let error = bundle.try_out(&file).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn mappings_in_particular() {
    let user = json!([{"type": "mount"}, {"type": "user"}]);
    let map = |inside: u32, outside: u32, size: u32| json!({"containerID": inside, "hostID": outside, "size": size});
    let bundle = Bundle::new("mappings");
    let try_maps = |uids: Value, gids: Value| {
        bundle.try_out(&with(&[
            ("/linux/namespaces", user.clone()),
            ("/linux/uidMappings", uids),
            ("/linux/gidMappings", gids),
        ]))
    };
    let good = json!([map(0, 1000, 10)]);
    try_maps(good.clone(), good.clone()).unwrap();
    for (uids, gids, expected) in [
        (good.clone(), json!([]), "linux.gidMappings: a new user namespace needs at least one"),
        (json!([map(0, 1, 0)]), good.clone(), "linux.uidMappings[0].size: 0 is not a possible"),
        (
            json!([map(0, 1000, 10), map(5, 9000, 1)]),
            good.clone(),
            "linux.uidMappings[1]: overlaps with the one at 0",
        ),
        (json!([map(0, u32::MAX - 1, 2)]), good.clone(), "linux.uidMappings[0].size"),
        (
            json!([{"containerID": 0, "size": 1}]),
            good.clone(),
            "uidMappings[0].hostID: is required",
        ),
    ] {
        let error = try_maps(uids, gids).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // Beside the path of a user namespace they only tell what it has.
    let joined = json!([{"type": "mount"}, {"type": "user", "path": "/proc/self/ns/user"}]);
    bundle
        .try_out(&with(&[
            ("/linux/namespaces", joined.clone()),
            ("/linux/uidMappings", good.clone()),
            ("/linux/gidMappings", good),
        ]))
        .unwrap();
    let time = json!([{"type": "mount"}, {"type": "time", "path": "/proc/self/ns/time"}]);
    let offset = json!({"monotonic": {"secs": 5}});
    let file = with(&[("/linux/namespaces", time), ("/linux/timeOffsets", offset)]);
    let error = bundle.try_out(&file).unwrap_err().to_string();
    assert!(error.contains("linux.timeOffsets: needs a time namespace"), "{error}");
}

#[test]
fn devices_and_paths() {
    let device = |path: &str| json!({"path": path, "type": "c", "major": 10, "minor": 229});
    refused(
        "devices",
        &[
            (
                "/linux/devices",
                json!([device("/dev/fuse"), {"path": "/dev/fuse", "type": "u", "major": 1, "minor": 3}]),
                "linux.devices[1].path",
                "is listed twice, and differs",
            ),
            (
                "/linux/devices",
                json!([device("dev/fuse")]),
                "linux.devices[0].path",
                "not an absolute",
            ),
            (
                "/linux/devices",
                json!([{"path": "/dev/x", "type": "d"}]),
                "linux.devices[0].type",
                "unknown device type",
            ),
            (
                "/linux/devices",
                json!([{"path": "/dev/x", "type": "b", "major": 8}]),
                "linux.devices[0].minor",
                "is required",
            ),
            (
                "/linux/devices",
                json!([device("/dev/a"), {"path": "/dev/x", "type": "b", "major": 4096, "minor": 0}]),
                "linux.devices[1].major",
                "is not a device number",
            ),
            (
                "/linux/maskedPaths",
                json!(["proc"]),
                "linux.maskedPaths[0]",
                "is not an absolute path",
            ),
            (
                "/linux/readonlyPaths",
                json!(["/x", "y"]),
                "linux.readonlyPaths[1]",
                "is not an absolute",
            ),
            ("/linux/rootfsPropagation", json!("loud"), "linux.rootfsPropagation", "unknown"),
            ("/linux/cgroupsPath", json!("/a/../b"), "linux.cgroupsPath", "may not have .."),
            ("/linux/mountLabel", json!(5), "linux.mountLabel", "expected a text"),
        ],
    );
}

#[test]
fn resources() {
    let rate = json!([{"major": 8, "minor": 0}]);
    let page = |size: &str| json!({"pageSize": size, "limit": 1});
    let cases: Vec<(&str, Value, &str, &str)> = vec![
        ("/memory", json!({"limit": -2}), "memory.limit", "is neither a number of bytes nor -1"),
        ("/memory", json!({"limit": 1.5}), "memory.limit", "is not an integer"),
        ("/memory", json!({"swap": 9}), "memory.swap", "needs a limit of memory"),
        ("/memory", json!({"swap": 9, "limit": -1}), "memory.swap", "needs a limit of memory"),
        ("/memory", json!({"swap": 9, "limit": 10}), "memory.swap", "less than the limit of mem"),
        ("/memory", json!({"swappiness": 101}), "memory.swappiness", "is not within 0 to 100"),
        ("/memory", json!({"useHierarchy": "x"}), "memory.useHierarchy", "expected true or false"),
        ("/memory", json!({"checkBeforeUpdate": 1}), "memory.checkBeforeUpdate", "expected true"),
        ("/cpu", json!({"period": 999}), "cpu.period", "is not within 1000 to 1000000"),
        ("/cpu", json!({"quota": 999}), "cpu.quota", "is less than 1000"),
        ("/cpu", json!({"quota": 2000, "burst": 2001}), "cpu.burst", "is more than the quota"),
        ("/cpu", json!({"idle": 2}), "cpu.idle", "is neither 0 nor 1"),
        ("/cpu", json!({"shares": -1}), "cpu.shares", "is out of range"),
        ("/cpu", json!({"cpus": "0-"}), "cpu.cpus", "is not a list of numbers"),
        ("/cpu", json!({"mems": "a"}), "cpu.mems", "is not a list of numbers"),
        ("/blockIO", json!({"weight": 9}), "blockIO.weight", "is not within 10 to 1000"),
        ("/blockIO", json!({"leafWeight": 1001}), "blockIO.leafWeight", "is not within 10 to"),
        (
            "/blockIO",
            json!({"weightDevice": [{"major": 8, "minor": 0}]}),
            "blockIO.weightDevice[0]",
            "needs weight or leafWeight",
        ),
        (
            "/blockIO",
            json!({"throttleReadBpsDevice": rate}),
            "blockIO.throttleReadBpsDevice[0].rate",
            "is required",
        ),
        ("/hugepageLimits", json!([page("64kB")]), "hugepageLimits[0].pageSize", "is not a page"),
        (
            "/hugepageLimits",
            json!([page("2MB"), page("2MB")]),
            "hugepageLimits[1].pageSize",
            "is listed twice",
        ),
        ("/hugepageLimits", json!([{"pageSize": "2MB"}]), "hugepageLimits[0].limit", "is required"),
        ("/network", json!({"classID": -1}), "network.classID", "is out of range"),
        (
            "/network",
            json!({"priorities": [{"name": "a/b", "priority": 1}]}),
            "network.priorities[0].name",
            "is not a name of a network interface",
        ),
        (
            "/network",
            json!({"priorities": [{"name": "lo"}]}),
            "network.priorities[0].priority",
            "is required",
        ),
        ("/pids", json!({"limit": "max"}), "pids.limit", "expected a number"),
        ("/rdma", json!({"mlx5": {}}), "rdma.mlx5", "needs hcaHandles or hcaObjects"),
        ("/rdma", json!({"mlx5": {"hcaHandles": -1}}), "rdma.mlx5.hcaHandles", "out of range"),
        ("/unified", json!({"a/b.c": "1"}), "unified[\"a/b.c\"]", "is no control file"),
        ("/unified", json!({"memory": "1"}), "unified.memory", "is no control file"),
        ("/unified", json!({"memory.max": 1}), "unified[\"memory.max\"]", "expected a text"),
        ("/devices", json!([{"access": "rwm"}]), "devices[0].allow", "is required"),
        ("/devices", json!([{"allow": true, "access": "rx"}]), "devices[0].access", "made of r, w"),
        ("/devices", json!([{"allow": true, "type": "p"}]), "devices[0].type", "unknown device"),
        ("/devices", json!([{"allow": true, "type": "c", "major": -2}]), "devices[0].major", ""),
    ];
    let cases: Vec<_> = cases
        .into_iter()
        .map(|(pointer, value, field, words)| {
            (
                json!({ pointer.trim_start_matches('/'): value }),
                format!("linux.resources.{field}"),
                words,
            )
        })
        .collect();
    let cases: Vec<(&str, Value, &str, &str)> = cases
        .iter()
        .map(|(value, field, words)| ("/linux/resources", value.clone(), field.as_str(), *words))
        .collect();
    refused("resources", &cases);
}

#[test]
fn a_limit_changes_by_itself() {
    let read = |value: Value| config::resources(value.to_string().as_bytes(), Path::new("-"));
    let change = read(json!({"memory": {"swap": 9, "limit": 0}, "devices": [{"allow": true}],
        "pids": {"limit": 0}, "cpu": {"shares": 0, "quota": -1}}))
    .unwrap();
    assert_eq!((change.memory.swap, change.memory.limit), (Some(9), None));
    assert_eq!((change.pids, change.cpu.shares, change.cpu.quota), (Some(0), None, Some(-1)));
    // Those of a running container are not an engine's to change, and it sends all it has.
    assert_eq!(change.devices, []);
    for (value, expected) in [
        (json!({"memory": {"limit": "x"}}), "-: memory.limit: expected a number"),
        (json!([]), "-: expected a JSON object with limits"),
    ] {
        let error = read(value).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let error = config::resources(b"{", Path::new("-")).unwrap_err().to_string();
    assert!(error.starts_with("-: not JSON: "), "{error}");
}
