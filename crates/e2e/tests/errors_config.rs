//! What is wrong with a configuration is told in one line, with its place, and leaves nothing.

use e2e::{Cmd, Rootfs, World, on_this_host};

/// nsinit's own failure (docs/errors.md).
const FAILED: i32 = 125;

#[track_caller]
fn refused(world: &World, cmd: &Cmd, parts: &[&str]) {
    let before = world.snapshot();
    let run = cmd.run().code(FAILED).error(parts);
    assert!(run.err.starts_with("nsinit: "), "{}", run.err);
    assert!(run.out.is_empty(), "{}", run.out);
    before.assert_restored();
}

/// The container.json of a root file system is refused with all of `parts`.
#[track_caller]
fn file_refused(world: &World, root: &Rootfs, json: &str, parts: &[&str]) {
    root.configure(json);
    let path = root.file("container.json");
    let mut parts = parts.to_vec();
    parts.push(path.to_str().unwrap());
    refused(world, &root.exec(["true"]), &parts);
}

#[test]
fn no_root_file_system_here() {
    on_this_host(|world: &World| {
        let empty = world.path("empty");
        std::fs::create_dir(&empty).unwrap();
        let there = Cmd::nsinit(["exec", "true"]).dir(&empty);
        let place = format!("no root file system in {}", empty.display());
        refused(world, &there, &[&place, "debootstrap", "nsinit exec --host"]);

        std::fs::write(empty.join("config.json"), "{}").unwrap();
        refused(world, &there, &[&place, "--config config.json"]);

        for (named, why) in [("/nonexistent", "no such directory"), ("/etc/passwd", "directory")] {
            refused(world, &there.clone().args(["x"]), &[&place]);
            let cmd = Cmd::nsinit(["exec", "--rootfs", named, "true"]).dir(&empty);
            refused(world, &cmd, &["--rootfs", named, why]);
        }
    });
}

#[test]
fn what_is_not_json() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        for (text, place) in [
            ("{\"namespaces\": [", "line 1 column 16"),
            ("{\n  \"hostname\": \"x\",,\n}", "line 2 column 19"),
            ("{\"hostname\": \"x\"} {}", "line 1 column 19"),
            ("namespaces: {}", "line 1 column 2"),
        ] {
            file_refused(world, &root, text, &["not JSON", place]);
        }
        file_refused(world, &root, "[]", &["expected a JSON object"]);
        file_refused(world, &root, &"[".repeat(100_000), &["not JSON"]);
    });
}

#[test]
fn wrong_types_and_unknown_values() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let of_2015 = |rest: &str| format!(r#"{{"namespaces": [{{"type": "NEWNS"}}], {rest}}}"#);
        for (rest, parts) in [
            (r#""hostname": 5"#, &["hostname: expected a text, found the number 5"][..]),
            (r#""capabilities": ["KILL", "FOO"]"#, &["capabilities[1]: unknown", "\"FOO\""]),
            (r#""capabilities": {}"#, &["capabilities: expected a list"]),
            (
                r#""devices": [{"type": 120, "path": "/dev/x", "major": 1, "minor": 3}]"#,
                &["devices[0].type: unknown device type"],
            ),
            (
                r#""devices": [{"type": "z", "path": "/dev/x", "major": 1, "minor": 3}]"#,
                &["devices[0].type: unknown device type"],
            ),
            (r#""parent_death_signal": 99"#, &["parent_death_signal: unknown signal 99"]),
            (r#""parent_death_signal": "FOO""#, &["parent_death_signal: unknown signal \"FOO\""]),
            (r#""rlimits": [{"type": 99, "hard": 1, "soft": 1}]"#, &["rlimits[0].type", "99"]),
            (r#""cgroups": {"memory": "x"}"#, &["cgroups.memory: expected a number"]),
            (r#""cgroups": {"freezer": "x"}"#, &["cgroups.freezer"]),
            (r#""networks": [{"type": "tunnel"}]"#, &["networks[0].type", "\"tunnel\""]),
            (
                r#""networks": [{"type": "veth", "bridge": "b", "address": "10.1.1.1/99"}]"#,
                &["networks[0].address", "10.0.0.2/24"],
            ),
            (
                r#""seccomp": {"syscalls": [{"value": 1, "action": -9}]}"#,
                &["seccomp.syscalls[0].action: unknown action -9"],
            ),
            (
                r#""seccomp": {"syscalls": [{"value": 1, "action": 1, "args": [{"index": 9}]}]}"#,
                &["seccomp.syscalls[0].args[0]"],
            ),
            (
                r#""uid_mappings": [{"container_id": -1, "host_id": 0, "size": 1}]"#,
                &["uid_mappings[0].container_id"],
            ),
        ] {
            file_refused(world, &root, &of_2015(rest), parts);
        }
        let unknown = r#"{"namespaces": [{"type": "NEWFOO"}]}"#;
        file_refused(world, &root, unknown, &["namespaces[0].type", "\"NEWFOO\""]);
        let unknown = r#"{"namespaces": {"NEWFOO": true}}"#;
        file_refused(world, &root, unknown, &["namespaces.NEWFOO: unknown namespace"]);
    });
}

#[test]
fn an_unknown_capability_in_an_oci_file_is_a_warning() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let file = world.path("config.json");
        let write = |namespace: &str| {
            let json = format!(
                r#"{{"ociVersion": "1.0.0", "root": {{"path": "{}"}},
                "process": {{"args": ["/bin/true"], "cwd": "/",
                "capabilities": {{"bounding": ["CAP_FOO", "CAP_KILL"]}}}},
                "mounts": [{{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}}],
                "linux": {{"namespaces": [{{"type": "mount"}}, {{"type": "{namespace}"}}]}}}}"#,
                root.path.display()
            );
            std::fs::write(&file, json).unwrap();
        };
        let cmd = root.exec(["--config", file.to_str().unwrap()]);
        write("pid");
        let before = world.snapshot();
        cmd.run().code(0).error(&[
            "nsinit: warning: process.capabilities.bounding[0]",
            "unknown capability \"CAP_FOO\"",
        ]);
        before.assert_restored();
        // Before any warning of a start that does not take place.
        write("foo");
        let run = cmd.run().code(FAILED);
        assert!(run.err.contains("linux.namespaces[1].type: unknown namespace \"foo\""));
    });
}

#[test]
fn files_that_cannot_be_read() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let with = |file: &str| root.exec(["--config", file, "true"]);
        refused(world, &with("/nonexistent.json"), &["--config", "there is no /nonexistent.json"]);
        refused(world, &with("/etc"), &["/etc", "not a regular file"]);
        refused(world, &with("/dev/null"), &["/dev/null", "not a regular file"]);
    });
}

#[test]
fn flags() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let unseen = format!("/{}:/mnt", "x".repeat(300));
        for (flag, value, parts) in [
            ("--bind", unseen.as_str(), &["--bind", "File name too long"][..]),
            ("--security", "foo", &["--security foo", "high, medium or low"]),
            ("--memory-limit", "foo", &["--memory-limit foo", "64m"]),
            ("--memory-swappiness", "101", &["memory.swappiness", "0 to 100"]),
            ("--parent-death-signal", "FOO", &["--parent-death-signal FOO", "unknown signal"]),
            ("--sysctl", "foo", &["--sysctl foo"]),
            ("--sysctl", "foo=1", &["sysctl[\"foo\"]"]),
            ("--bind", "/nonexistent:/mnt", &["--bind", "there is no /nonexistent"]),
            ("--bind", "/etc", &["--bind /etc"]),
            ("--bind", "/etc:/mnt:rx", &["--bind /etc:/mnt:rx"]),
            ("--pid", "/nonexistent", &["/nonexistent", "No such file or directory"]),
            ("--pid", "/etc/passwd", &["pid namespace", "is it a pid namespace?"]),
            ("--veth-address", "1.2.3", &["--veth-address 1.2.3", "10.0.0.2/24"]),
            ("--env", "=x", &["--env =x", "no name"]),
            ("--cpuset-cpus", "4000", &["cpuset.cpus", "has none of that number"]),
        ] {
            refused(world, &root.exec([flag, value, "true"]), parts);
        }
        let long = "x".repeat(65);
        refused(
            world,
            &root.exec(["--hostname", &long, "true"]),
            &["hostname", "longer than 64 bytes"],
        );
    });
}

#[test]
fn signals() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let _id = root.detach(["--init"]);
        for name in ["FOO", "0", "65", "-65", "TERM "] {
            let run = root.nsinit(["kill", name]).run().code(1);
            let run = run.error(&["unknown signal", "a name like TERM"]);
            assert!(run.err.contains(name), "{}", run.err);
        }
        root.delete();
    });
}
