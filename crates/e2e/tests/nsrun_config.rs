//! What config.json says and what comes of it, where no other test has its field: what the
//! specification leaves open, limits, and refusals with their place in the file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use e2e::{Bundle, World, each_view, hierarchies, on_this_host, skip};
use serde_json::{Value, json};

/// The directory of a version 1 controller for the bundle's container; says so if there is none.
fn group(bundle: &Bundle, controller: &str) -> Option<PathBuf> {
    let has = |names: &[String]| names.iter().any(|name| name == controller);
    let found = hierarchies().into_iter().find(|hierarchy| has(&hierarchy.controllers));
    if found.is_none() {
        skip(format!("the {controller} controller is not in a version 1 hierarchy here"));
    }
    Some(found?.path.join(&bundle.id))
}

#[test]
fn a_container_without_a_process_is_created_and_never_started() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/process", Value::Null);
        let before = world.snapshot();
        bundle.create([] as [&str; 0]).run().success();
        assert_eq!(bundle.status(), "created");
        for _ in 0..2 {
            let refused = bundle.verb("start").run().code(1);
            refused.error(&["process: is required to start a container"]);
            assert_eq!(bundle.status(), "created");
        }
        bundle.delete();
        let refused = bundle.run([] as [&str; 0]).run();
        refused.code(255).error(&["process.args: no program is named"]);
        before.assert_restored();
    });
}

#[test]
fn what_the_specification_leaves_open() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("umask; pwd; cat /sys/class/net/lo/operstate; cat /proc/self/cgroup >/dev/null");
        bundle.push(
            "/mounts",
            json!({"destination": "/sys", "type": "sysfs", "source": "sysfs",
            "options": ["ro"]}),
        );
        bundle.set("/process/cwd", "/not/there/yet");
        let under = |mask: &str| {
            let script = format!("umask {mask}; exec \"$@\"");
            let run = bundle.run([] as [&str; 0]).by(["sh", "-c", &script, "sh"]).run().success();
            run.out.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        // The creator's, and the working directory is made; lo counts as unknown when it is up.
        assert_eq!(under("0027"), ["0027", "/not/there/yet", "unknown"]);
        bundle.set("/process/user/umask", 0o077);
        let mut again = bundle.run([] as [&str; 0]);
        again = again.by(["sh", "-c", "umask 0; exec \"$@\"", "sh"]);
        assert!(again.run().success().out.starts_with("0077\n"));
        let directory = fs::metadata(bundle.rootfs.path.join("not/there/yet")).unwrap();
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&directory.permissions()) & 0o777,
            0o750
        );
    });
}

#[test]
fn a_refusal_names_file_and_field_and_leaves_nothing() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let good = bundle.config().clone();
        let before = world.snapshot();
        let file = bundle.path.join("config.json");
        for (pointer, value, expected) in [
            ("/ociVersion", json!("3.0.0"), "ociVersion: version 3.0.0 is not supported"),
            ("/root", Value::Null, "root: is required"),
            ("/root/path", json!("missing"), "root.path: there is no directory"),
            ("/root/path", json!("config.json"), "root.path: "),
            ("/process/cwd", json!("relative"), "process.cwd: \"relative\" is not an absolute"),
            ("/process/args", json!([]), "process.args: no program is named"),
            ("/process/env", json!(["NOVALUE"]), "process.env[0]: \"NOVALUE\" has no '='"),
            ("/linux/namespaces/0/type", json!("moon"), "linux.namespaces[0].type: unknown"),
            ("/linux/namespaces/0/type", json!("ipc"), "linux.namespaces[2].type: is listed twice"),
            ("/linux/namespaces/3/type", json!("time"), "hostname: needs a uts namespace"),
            (
                "/linux/uidMappings",
                json!([{"containerID": 0, "hostID": 0, "size": 1}]),
                "linux.uidMappings: needs a user namespace",
            ),
            ("/linux/sysctl", json!({"kernel.panic": "1"}), "linux.sysctl[\"kernel.panic\"]: "),
            ("/linux/resources", json!({"pids": {"limit": "x"}}), "linux.resources.pids.limit: "),
            (
                "/linux/resources",
                json!({"hugepageLimits": [{"pageSize": "3MB", "limit": 1}]}),
                "3MB",
            ),
            ("/linux/resources", json!({"rdma": {"mlx5_1": {"hcaHandles": 1}}}), "rdma"),
            ("/linux/resources", json!({"network": {"classID": 1}}), "net_cls"),
            ("/linux/resources", json!({"unified": {"memory.high": "1"}}), "memory"),
            ("/linux/devices", json!([{"path": "/dev/x", "type": "q"}]), "linux.devices[0].type: "),
        ] {
            bundle.set("", good.clone());
            bundle.set(pointer, value.clone());
            for verb in ["create", "run"] {
                let mut run = bundle.nsrun([verb, &bundle.id]);
                if verb == "create" {
                    run = run.leaves_behind();
                }
                let run = run.run();
                assert!(run.err.contains(expected), "{pointer} {value}: {}", run.err);
                assert_eq!(run.err.lines().count(), 1, "{}", run.err);
                assert!(!run.status.success());
            }
            bundle.verb("state").run().code(1).error(&["container does not exist"]);
        }
        // What the reader finds comes with the file's name.
        fs::write(&file, "{\"ociVersion\": \"1.0.0\",").unwrap();
        let run = bundle.run([] as [&str; 0]).run();
        assert!(run.err.contains(&format!("{}: not JSON: EOF", file.display())), "{}", run.err);
        fs::write(&file, "{}").unwrap();
        let run = bundle.run([] as [&str; 0]).run();
        assert!(run.err.contains("config.json: ociVersion: is required"), "{}", run.err);
        fs::remove_file(&file).unwrap();
        let run = bundle.run([] as [&str; 0]).run();
        assert!(run.err.contains("config.json: no such file or directory"), "{}", run.err);
        bundle.set("", good);
        before.assert_restored();
    });
}

#[test]
fn unknown_capabilities_are_warned_of() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let sets = json!(["CAP_KILL", "CAP_FLY"]);
        bundle.set("/process/capabilities", json!({"bounding": sets, "permitted": ["CAP_KILL"]}));
        // Engines name all calls that they have ever heard of: nothing to tell.
        bundle.set(
            "/linux/seccomp",
            json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["no_such_call", "mkdir"], "action": "SCMP_ACT_ERRNO"}]}),
        );
        bundle.args(["/probe", "status"]);
        let log = world.path("log");
        let globals = ["--log", log.to_str().unwrap(), "--log-format", "json"];
        bundle.nsrun(globals).args(["run", &bundle.id]).run().success();
        let text = fs::read_to_string(&log).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line["level"], "warning");
        let message = line["msg"].as_str().unwrap();
        assert_eq!(
            message,
            "process.capabilities.bounding[1]: unknown capability \"CAP_FLY\" is left out"
        );
    });
}

#[test]
fn limits_of_version_1() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let Some(memory) = group(&bundle, "memory") else { return };
        bundle.set(
            "/linux/resources",
            json!({
                "memory": {"limit": 64 << 20, "swap": 128 << 20, "reservation": 32 << 20,
                    "kernel": -1, "kernelTCP": 8 << 20, "swappiness": 30,
                    "disableOOMKiller": true, "useHierarchy": true},
                "pids": {"limit": 0},
                "cpu": {"shares": 200, "quota": -1, "period": 50000, "cpus": "0", "mems": "0"},
                "devices": [{"allow": false, "access": "rwm"},
                    {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}],
            }),
        );
        bundle.detach();
        let read = |directory: &Path, file: &str| {
            fs::read_to_string(directory.join(file)).unwrap().trim().to_owned()
        };
        for (file, value) in [
            ("memory.limit_in_bytes", 64 << 20),
            ("memory.memsw.limit_in_bytes", 128 << 20),
            ("memory.soft_limit_in_bytes", 32 << 20),
            ("memory.kmem.tcp.limit_in_bytes", 8 << 20),
            ("memory.swappiness", 30),
        ] {
            if memory.join(file).exists() {
                assert_eq!(read(&memory, file), value.to_string(), "{file}");
            }
        }
        assert!(read(&memory, "memory.oom_control").starts_with("oom_kill_disable 1"));
        // None but the first: it may not fork.
        if let Some(pids) = group(&bundle, "pids") {
            assert_eq!(read(&pids, "pids.max"), "0");
        }
        if let Some(cpu) = group(&bundle, "cpu") {
            assert_eq!(read(&cpu, "cpu.shares"), "200");
            assert_eq!(read(&cpu, "cpu.cfs_period_us"), "50000");
            assert_eq!(read(&cpu, "cpu.cfs_quota_us"), "-1");
        }
        if let Some(devices) = group(&bundle, "devices") {
            let list = read(&devices, "devices.list");
            assert!(list.contains("c 10:229 rw") && list.contains("c 1:3 rwm"), "{list}");
            assert!(!list.contains("a *:*"), "{list}");
        }
        bundle.delete();
        bundle.set("/linux/resources", json!({"memory": {"useHierarchy": false}}));
        let refused = bundle.run([] as [&str; 0]).run();
        if memory.join("memory.use_hierarchy").exists() || !refused.status.success() {
            refused.error(&["memory.use_hierarchy"]);
        }
    });
}

#[test]
fn a_joined_mount_namespace_brings_its_root() {
    on_this_host(|world: &World| {
        let donor = world.bundle();
        let pid = donor.detach();
        donor.exec(["sh", "-c", "echo here > /run/witness"]).run().success();
        let mut bundle = world.bundle();
        let kinds = [("mount", "mnt"), ("pid", "pid")];
        let joined = kinds
            .map(|(kind, file)| json!({"type": kind, "path": format!("/proc/{pid}/ns/{file}")}));
        bundle.set("/linux/namespaces", json!(joined));
        bundle.set("/hostname", Value::Null);
        for field in ["/mounts", "/linux/maskedPaths", "/linux/readonlyPaths"] {
            let asked = bundle.config().pointer(field).unwrap().clone();
            let name = field[1..].replace('/', ".");
            let refused = bundle.run([""; 0]).run().code(1);
            refused.error(&[&name, "mount namespace that it joins"]);
            assert_ne!(asked, json!([]));
            bundle.set(field, json!([]));
        }
        bundle.run([""; 0]).run().code(1).error(&["root.path", "the mount namespace that it"]);
        bundle.set("/root", json!({"path": "/", "readonly": true}));
        bundle.run([""; 0]).run().code(1).error(&["root.readonly"]);
        bundle.set("/root", json!({"path": "/"}));
        bundle.args(["cat", "/run/witness"]);
        assert_eq!(bundle.run([""; 0]).run().success().out, "here\n");
        donor.delete();
    });
}

#[test]
fn what_fstab_has_for_mount_changes_nothing() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let options =
            ["bind", "ro", "nofail", "_netdev", "noauto", "user", "comment=x", "x-gvfs-hide"];
        let source = world.path("source");
        std::fs::create_dir(&source).unwrap();
        bundle.push("/mounts", json!({"destination": "/b", "source": source, "options": options}));
        bundle.push(
            "/mounts",
            json!({"destination": "/t", "type": "tmpfs", "options": ["nofail", "users", "exec"]}),
        );
        bundle.sh("grep -E ' /(b|t) ' /proc/self/mountinfo");
        let out = bundle.run([""; 0]).run().success().out;
        let attributes: Vec<_> = out.lines().map(|line| line.split(' ').nth(5).unwrap()).collect();
        assert_eq!(attributes, ["ro,nosuid,nodev,noexec,relatime", "rw,nosuid,nodev,relatime"]);
    });
}

#[test]
fn annotations_are_kept_and_change_nothing() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let annotations = json!({"org.opencontainers.image.os": "linux", "empty": "",
            "run.oci.handler": "wasm", "org.systemd.property.TimeoutStopUSec": "uint64 1"});
        bundle.set("/annotations", annotations.clone());
        bundle.detach();
        assert_eq!(bundle.state()["annotations"], annotations);
        bundle.delete();
    });
}

#[test]
fn a_group_of_version_2_is_given_to_the_containers_user() {
    e2e::v2_only(|world: &World| {
        let owners = |bundle: &Bundle| {
            let directory = Path::new("/sys/fs/cgroup").join(&bundle.id);
            let uid = |path: PathBuf| fs::metadata(path).unwrap().uid();
            let files = ["cgroup.procs", "cgroup.subtree_control", "cgroup.freeze"];
            let mut all = vec![uid(directory.clone())];
            all.extend(files.map(|file| uid(directory.join(file))));
            all
        };
        let mut bundle = world.bundle();
        let mount = |options: &[&str]| {
            json!({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
                "options": options})
        };
        bundle.push("/mounts", mount(&["nosuid", "noexec", "nodev", "rw"]));
        bundle.set("/process/user", json!({"uid": 1000, "gid": 1000}));
        bundle.detach();
        // Not what says whether it runs.
        assert_eq!(owners(&bundle), [1000, 1000, 1000, 0]);
        let group = bundle.exec(["/bin/mkdir", "/sys/fs/cgroup/below"]).run();
        group.success();
        bundle.delete();
        // In a user namespace it is the host's id of his.
        let map = json!([{"containerID": 0, "hostID": 100_000, "size": 2000}]);
        bundle.set("/linux/uidMappings", map.clone()).set("/linux/gidMappings", map);
        bundle.push("/linux/namespaces", json!({"type": "user"}));
        bundle.detach();
        assert_eq!(owners(&bundle), [101_000, 101_000, 101_000, 0]);
        let own = bundle.exec(["/bin/cat", "/proc/self/cgroup"]).run().success();
        assert!(own.out.ends_with("0::/\n"), "{}", own.out);
        bundle.exec(["/bin/mkdir", "/sys/fs/cgroup/below"]).run().success();
        let below = bundle.nsrun(["exec", "--cgroup", "below", &bundle.id]);
        let below = below.args(["/bin/cat", "/proc/self/cgroup"]).run().success();
        assert!(below.out.ends_with("0::/below\n"), "{}", below.out);
        bundle.delete();
        // Read-only, there is nothing to give.
        let last = bundle.config()["mounts"].as_array().unwrap().len() - 1;
        bundle.set(&format!("/mounts/{last}"), mount(&["ro"]));
        bundle.detach();
        assert_eq!(owners(&bundle), [0, 0, 0, 0]);
        bundle.delete();
    });
}
