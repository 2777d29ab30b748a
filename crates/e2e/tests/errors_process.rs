//! What is wrong with a command, its surroundings or an id is told in one line, with the exit
//! code that scripts rely on.

use e2e::{Cmd, Rootfs, World, each_view, on_this_host};

#[track_caller]
fn fails(world: &World, cmd: &Cmd, code: i32, parts: &[&str]) {
    let before = world.snapshot();
    let run = cmd.run().code(code).error(parts);
    assert!(run.err.starts_with("nsinit: "), "{}", run.err);
    before.assert_restored();
}

/// Programs that cannot be executed, each in its own way.
fn broken_programs(root: &Rootfs) {
    use std::os::unix::fs::PermissionsExt;
    let write = |name: &str, bytes: &[u8], mode: u32| {
        let path = root.file(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    write("bin/no-interpreter", b"#!/nonexistent/sh -e\n", 0o755);
    write("bin/neither", b"hello\n", 0o755);
    write("bin/not-executable", b"#!/bin/sh\n", 0o644);
    let mut other = std::fs::read(root.file("probe")).unwrap();
    other.truncate(64);
    other[18..20].copy_from_slice(&183_u16.to_le_bytes());
    write("bin/aarch64", &other, 0o755);
}

#[test]
fn commands_not_found_or_not_executable() {
    each_view(|world: &World| {
        for root in world.roots() {
            broken_programs(&root);
            for (program, code, parts) in [
                ("nosuch", 127, &["\"nosuch\"", "not found in $PATH", "PATH is"][..]),
                ("/nosuch", 127, &["\"/nosuch\"", "no such file or directory"]),
                ("/bin/no-interpreter", 127, &["its interpreter \"/nonexistent/sh\" does not"]),
                ("/bin/not-executable", 126, &["permission denied", "not executable"]),
                ("not-executable", 126, &["permission denied", "not executable"]),
                ("/etc", 126, &["is a directory"]),
                ("/bin/neither", 126, &["exec format error", "starts with #!"]),
                ("/bin/aarch64", 126, &["exec format error", "aarch64"]),
                ("/etc/passwd/x", 126, &["not a directory"]),
            ] {
                fails(world, &root.exec([program]), code, parts);
            }
        }
    });
}

#[test]
fn the_same_when_it_joins() {
    each_view(|world: &World| {
        let root = world.busybox();
        broken_programs(&root);
        root.detach::<&str>([]);
        for (program, code, parts) in [
            ("nosuch", 127, &["executing in container", "not found in $PATH"][..]),
            ("/bin/no-interpreter", 127, &["its interpreter \"/nonexistent/sh\" does not"]),
            ("/bin/not-executable", 126, &["permission denied", "not executable"]),
            ("/bin/aarch64", 126, &["exec format error", "aarch64"]),
        ] {
            fails(world, &root.exec([program]), code, parts);
        }
        fails(world, &root.exec(["--user", "nosuch", "true"]), 125, &["user \"nosuch\""]);
        fails(world, &root.exec(["--cwd", "/nosuch", "true"]), 125, &["chdir /nosuch"]);
        root.delete();
    });
}

#[test]
fn who_and_where() {
    each_view(|world: &World| {
        let root = world.busybox();
        for (flags, parts) in [
            (&["--cwd", "/nosuch"][..], &["process.cwd", "/nosuch: No such file or directory"][..]),
            (&["--cwd", "/etc/passwd"], &["process.cwd", "/etc/passwd: Not a directory"]),
            (&["--cwd", "x"], &["cwd", "absolute"]),
            (&["--user", "nosuch"], &["user \"nosuch\" does not exist", "/etc/passwd"]),
            (&["--user", "0:nosuch"], &["group \"nosuch\" does not exist", "/etc/group"]),
            (&["--groups", "nosuch"], &["group \"nosuch\" does not exist", "/etc/group"]),
        ] {
            fails(world, &root.exec(flags).args(["true"]), 125, parts);
        }
        std::fs::remove_file(root.file("etc/passwd")).unwrap();
        fails(world, &root.exec(["--user", "alice", "true"]), 125, &["\"alice\"", "/etc/passwd"]);
        root.exec(["--user", "1000", "true"]).run().success();
    });
}

#[test]
fn bridges_and_addresses() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let with = |bridge: &str, address: &str| {
            root.exec(["--veth-bridge", bridge, "--veth-address", address, "/probe", "sleep", "0"])
        };
        let parts = ["no bridge \"nobr0\"", "ip link add nobr0 type bridge"];
        fails(world, &with("nobr0", "10.9.0.2/24"), 125, &parts);
        fails(world, &with("lo", "10.9.0.2/24"), 125, &["lo", "bridge"]);

        ip(&["link", "add", "e2ebr0", "type", "bridge"]);
        ip(&["addr", "add", "10.9.0.1/24", "dev", "e2ebr0"]);
        ip(&["link", "set", "e2ebr0", "up"]);
        with("e2ebr0", "10.9.0.2/24").run().success();
        let gateway = "10.10.0.1";
        let unreachable = root.exec([
            "--veth-bridge",
            "e2ebr0",
            "--veth-address",
            "10.9.0.2/24",
            "--veth-gateway",
            gateway,
            "true",
        ]);
        fails(world, &unreachable, 125, &[gateway]);
        ip(&["link", "del", "e2ebr0"]);
    });
}

#[test]
fn an_address_already_taken() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        ip(&["link", "add", "e2ebr1", "type", "bridge"]);
        ip(&["link", "set", "e2ebr1", "up"]);
        root.configure(
            r#"{"namespaces": [{"type": "NEWNS"}, {"type": "NEWNET"}, {"type": "NEWPID"}],
            "networks": [
                {"type": "veth", "name": "eth0", "bridge": "e2ebr1", "address": "10.9.1.2/24"},
                {"type": "veth", "name": "eth1", "bridge": "e2ebr1", "address": "10.9.1.2/24"}]}"#,
        );
        fails(world, &root.exec(["true"]), 125, &["networks[1].address", "10.9.1.2 is taken"]);
        root.configure(
            r#"{"namespaces": [{"type": "NEWNS"}, {"type": "NEWNET"}, {"type": "NEWPID"}],
            "networks": [
                {"type": "veth", "name": "eth0", "bridge": "e2ebr1", "address": "10.9.1.2/24",
                 "host_interface_name": "e2etaken"}]}"#,
        );
        ip(&["link", "add", "e2etaken", "type", "bridge"]);
        fails(world, &root.exec(["true"]), 125, &["e2etaken"]);
        ip(&["link", "del", "e2etaken"]);
        ip(&["link", "del", "e2ebr1"]);
    });
}

#[track_caller]
fn ip(args: &[&str]) {
    Cmd::new("ip", args).run().code(0);
}

#[test]
fn ids() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let long = "x".repeat(256);
        for (id, part) in [
            ("", "is empty"),
            (".", "directory's own name"),
            ("..", "directory's own name"),
            ("a/b", "other characters"),
            ("../x", "other characters"),
            ("a b", "other characters"),
            ("a\nb", "other characters"),
            (long.as_str(), "longer than 255 bytes"),
        ] {
            fails(world, &root.exec(["--id", id, "true"]), 125, &["container id", part]);
            for verb in ["state", "stats", "pause", "wait", "ps"] {
                fails(world, &root.nsinit([verb, "--id", id]), 1, &["container id", part]);
            }
        }
        for verb in ["state", "stats", "pause", "unpause", "oom", "wait", "ps", "kill", "delete"] {
            let parts = ["no container", root.path.to_str().unwrap()];
            fails(world, &root.nsinit([verb]), 1, &parts);
            fails(world, &root.nsinit([verb, "--id", "nosuch"]), 1, &["\"nosuch\""]);
        }
    });
}

#[test]
fn an_id_in_use() {
    each_view(|world: &World| {
        let (root, other) = (world.busybox(), world.busybox());
        let id = format!("{}-used", world.tag);
        root.detach(["--id", &id, "--hostname", "first"]);
        // From another directory, the same id is the same container: what differs is named.
        let changed = other.exec(["--id", &id, "--hostname", "second", "true"]);
        fails(world, &changed, 125, &[&id, "--hostname"]);
        let host = other.exec(["--host", "--id", &id, "--", "true"]);
        fails(world, &host, 125, &[&id, "runs already", "container of its own"]);
        let group = format!("nsinit/{id}");
        other.configure(format!(r#"{{"cgroups": {{"name": "{id}", "parent": "nsinit"}}}}"#));
        fails(world, &other.exec(["true"]), 125, &["cgroup", &group, "in use"]);
        root.nsinit(["delete", "--force", "--id", &id]).run().success();
    });
}

#[test]
fn mistakes_in_the_command_line() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        for (args, code, part) in [
            (&["frobnicate"][..], 2, "frobnicate"),
            (&["state", "--nosuch"], 2, "--nosuch"),
            (&["exec", "--memroy-limit", "64m", "true"], 125, "--memroy-limit"),
            (&["exec", "--id"], 125, "--id"),
            (&["exec"], 125, "no command"),
        ] {
            let run = root.nsinit(args).run().code(code);
            assert!(run.err.contains(part), "{args:?}: {}", run.err);
        }
        before.assert_restored();
    });
}
