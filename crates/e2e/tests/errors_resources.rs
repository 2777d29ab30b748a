//! What a host has too little of is told in one line with what can be done, and leaves nothing.
//! Each shortage is a real one.

use std::path::{Path, PathBuf};

use e2e::{Cmd, World, each_view, on_this_host, skip, v2_only};

#[track_caller]
fn fails(world: &World, cmd: &Cmd, parts: &[&str]) {
    let before = world.snapshot();
    let run = cmd.run().code(125).error(parts);
    assert!(run.err.starts_with("nsinit: "), "{}", run.err);
    before.assert_restored();
}

/// A control group of version 1 that a test limits itself by, removed when dropped.
struct Group(PathBuf);

impl Group {
    fn new(world: &World, controller: &str, settings: &[(&str, &str)]) -> Option<Self> {
        let hierarchy = Path::new("/sys/fs/cgroup").join(controller);
        if !hierarchy.join("cgroup.procs").exists() {
            skip(format!("no controller {controller} of cgroup version 1"));
            return None;
        }
        let path = hierarchy.join(format!("{}-outer", world.tag));
        std::fs::create_dir(&path).unwrap();
        let group = Self(path);
        for (file, value) in settings {
            std::fs::write(group.0.join(file), value).unwrap();
        }
        Some(group)
    }

    fn around(&self, cmd: &Cmd) -> Cmd {
        let script = format!("echo $$ > {}/cgroup.procs; exec \"$0\" \"$@\"", self.0.display());
        cmd.clone().by(["sh", "-c", &script])
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        e2e::until("the group is empty", || std::fs::remove_dir(&self.0).is_ok());
    }
}

#[test]
fn out_of_processes() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let mut told = 0;
        for limit in ["1", "2", "3"] {
            let Some(group) = Group::new(world, "pids", &[("pids.max", limit)]) else { return };
            let before = world.snapshot();
            let run = group.around(&root.exec(["/bin/true"])).run();
            if run.status.code() != Some(0) {
                run.code(125).error(&["clone3", "Resource temporarily unavailable", "pids.max"]);
                told += 1;
            }
            before.assert_restored();
        }
        assert!(told >= 2, "{told}");
    });
}

#[test]
fn out_of_memory() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        // Less than the control group's own pages: the kernel kills the init, and it is told.
        let parts = ["killed by signal 9", "a memory limit below what a start takes"];
        fails(world, &root.exec(["--memory-limit", "1k", "/bin/true"]), &parts);
        // As little address space as the program itself takes, and some more.
        let mut told = 0;
        for kilobytes in (4600..9000).step_by(100) {
            let script = format!("ulimit -v {kilobytes} && exec \"$0\" \"$@\"");
            let before = world.snapshot();
            let run = root.exec(["/bin/true"]).by(["sh", "-c", &script]).run();
            match run.status.code() {
                Some(0) => break,
                // Too little for the program to be loaded at all.
                None => {}
                // Nothing can be said by who has no memory to say it: the abort of the allocator.
                Some(_) if run.err.contains("memory allocation of") => {}
                Some(_) => {
                    run.code(125).error(&["nsinit: "]);
                    told += 1;
                }
            }
            before.assert_restored();
        }
        println!("NOTE: {told} limits of the address space were told");
    });
}

/// A tmpfs with so many inodes and bytes.
fn tiny(world: &World, options: &str) -> PathBuf {
    let path = world.path("tiny");
    std::fs::create_dir(&path).unwrap();
    Cmd::new("mount", ["-t", "tmpfs", "-o", options, "none"]).args([&path]).run().success();
    path
}

#[test]
fn out_of_disk_space_for_records() {
    each_view(|world: &World| {
        let root = world.busybox();
        let full = tiny(world, "size=16k");
        let _ = std::fs::write(full.join("filler"), [0; 20_000]);
        let state = full.join("state");
        let at = |verb: &str| Cmd::nsinit(["--root"]).args([&state]).args([verb]).dir(&root.path);
        at("list").run().code(0);
        // The state root itself stays.
        at("exec").args(["true"]).run().code(125);
        let parts = ["record", "No space left on device", "free some"];
        fails(world, &at("exec").args(["true"]), &parts);
        std::fs::remove_file(full.join("filler")).unwrap();
        at("exec").args(["true"]).run().success();

        let full = tiny(world, "nr_inodes=2");
        let state = full.join("state");
        std::fs::create_dir(&state).unwrap();
        let cmd = Cmd::nsinit(["--root"]).args([&state]).args(["exec", "true"]).dir(&root.path);
        fails(world, &cmd, &[state.to_str().unwrap(), "mkdir", "No space left on device"]);
    });
}

#[test]
fn out_of_disk_space_in_the_root_file_system() {
    on_this_host(|world: &World| {
        // Room for /bin and the program, and not for a mount point.
        let full = tiny(world, "nr_inodes=4");
        std::fs::create_dir(full.join("bin")).unwrap();
        std::fs::copy(e2e::probe(), full.join("bin/true")).unwrap();
        let cmd = Cmd::nsinit(["exec", "/bin/true"]).dir(&full);
        fails(world, &cmd, &["container.json", "No space left on device", "free some"]);
        std::fs::write(full.join("container.json"), "{}").unwrap();
        fails(world, &cmd, &["mounting", "mkdirat /", "No space left on device", "free some"]);
    });
}

#[test]
fn out_of_file_descriptors() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let mut told = 0;
        for limit in 4..32 {
            let before = world.snapshot();
            let limit = format!("--nofile={limit}:{limit}");
            // Not by a program that needs descriptors to be loaded.
            let cmd = root.exec(["/bin/true"]).by(["prlimit", &limit]);
            let run = cmd.run();
            if run.err.contains("error while loading shared libraries") {
                continue;
            }
            if run.status.code() != Some(0) {
                run.code(125).error(&["Too many open files", "ulimit -n"]);
                told += 1;
            }
            before.assert_restored();
        }
        assert!(told >= 3, "{told}");
    });
}

#[test]
fn out_of_mounts() {
    on_this_host(|world: &World| {
        let limit = std::fs::read_to_string("/proc/sys/fs/mount-max").unwrap();
        if limit.trim() != "100000" {
            return skip(format!("fs.mount-max is {}, not its default", limit.trim()));
        }
        let root = world.busybox();
        // Doubled until there is no room for as many again: in a mount namespace of the test's,
        // so that nothing is set for the host.
        let place = world.path("many");
        std::fs::create_dir(&place).unwrap();
        let script = "
            mount --make-rprivate / && mount -t tmpfs none \"$1\" && cd \"$1\" && mkdir a a/0 || exit 9
            mount -t tmpfs none a && mkdir a/0 && mount --bind a/0 a/0 || exit 9
            i=0; while mkdir b$i && mount --rbind a b$i && mkdir a/b$i && mount --rbind b$i a/b$i
            do i=$((i + 1)); done 2>/dev/null
            # The rest, by trees that get smaller and smaller.
            while [ $i -gt 0 ]; do i=$((i - 1))
                mkdir c$i && while mount --rbind b$i c$i; do :; done 2>/dev/null
            done
            mkdir d; while mount --bind a/0 d; do :; done 2>/dev/null
            cd \"$2\" && shift 2 && exec \"$@\"";
        let cmd = Cmd::new("unshare", ["-m", "sh", "-c", script, "sh"])
            .args([&place, &root.path])
            .args([e2e::nsinit()])
            .args(["exec", "/bin/true"])
            .seconds(90);
        // mount(8) makes it.
        std::fs::create_dir_all("/run/mount").unwrap();
        let before = world.snapshot();
        let run = cmd.run();
        if run.status.code() == Some(9) {
            return skip("no mounts to be filled up with");
        }
        run.code(125).error(&["No space left on device", "fs.mount-max"]);
        before.assert_restored();
    });
}

#[test]
fn limits_below_what_the_kernel_takes() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        for (cgroups, parts) in [
            (r#""cpu_quota": 1, "cpu_period": 100000"#, &["cpu.cfs_quota_us", "at least 1000"][..]),
            (r#""cpu_quota": 5000, "cpu_period": 10"#, &["cpu.cfs_", "1000 to 1000000"]),
            (r#""cpuset_cpus": "x""#, &["cgroups.cpuset_cpus", "0-3,7"]),
            (r#""cpuset_mems": "4000""#, &["cpuset.mems", "none of that number"]),
            (r#""memory": 67108864, "memory_swap": 1048576"#, &["memory"]),
        ] {
            root.configure(format!(r#"{{"cgroups": {{{cgroups}}}}}"#));
            fails(world, &root.exec(["true"]), parts);
        }
    });
}

#[test]
fn no_privileges() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let by = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
        fails(world, &root.exec(["true"]).by(by), &["XDG_RUNTIME_DIR", "--root"]);
        let own = world.path("own");
        std::fs::create_dir(&own).unwrap();
        std::os::unix::fs::chown(&own, Some(1000), Some(1000)).unwrap();
        let cmd = Cmd::nsinit(["--root"]).args([&own]).args(["exec", "true"]).dir(&root.path);
        // With nothing said, he gets a user namespace; a file is taken at its word.
        cmd.clone().by(by).run().success();
        root.configure(r#"{"namespaces": [{"type": "NEWNS"}]}"#);
        fails(
            world,
            &cmd.by(by),
            &["Operation not permitted", "CAP_SYS_ADMIN, which root of a host has"],
        );
        std::fs::remove_file(root.path.join("container.json")).unwrap();
        let cmd = root.exec(["true"]).env("XDG_RUNTIME_DIR", root.path.as_os_str()).by(by);
        fails(world, &cmd, &[root.path.to_str().unwrap(), "Permission denied", "it needs root"]);
        let cmd = Cmd::nsinit(["--root", "/run/nsinit", "list"]);
        root.detach::<&str>([]);
        fails_with_1(&cmd.by(by));
        root.delete();
    });
}

#[track_caller]
fn fails_with_1(cmd: &Cmd) {
    cmd.run().code(1).error(&["/run/nsinit", "Permission denied", "it needs root"]);
}

#[test]
fn a_kernel_without_the_feature() {
    each_view(|world: &World| {
        if !Cmd::new("sh", ["-c", "command -v strace"]).run().status.success() {
            return skip("no strace to take system calls away with");
        }
        let root = world.busybox();
        let trace = world.path("trace");
        std::fs::write(&trace, "").unwrap();
        let without = |call: &str| {
            let (calls, inject) = (format!("trace={call}"), format!("inject={call}:error=ENOSYS"));
            let strace = ["strace", "-f", "-qq", "-o", trace.to_str().unwrap(), "-e", &calls, "-e"];
            root.exec(["/bin/true"]).by([&strace[..], &[&inject]].concat())
        };
        // Newer than 5.10, or not there on all: something else serves.
        for call in ["mount_setattr", "close_range", "faccessat2", "statx", "keyctl"] {
            let before = world.snapshot();
            without(call).run().success();
            assert!(std::fs::read_to_string(&trace).unwrap().contains("ENOSYS"), "{call} unused");
            std::fs::write(&trace, "").unwrap();
            before.assert_restored();
        }
        // Only in nsinit itself, which then seals its init in memory instead of an overlay.
        for call in ["fsopen", "fsmount"] {
            let before = world.snapshot();
            let inject = format!("inject={call}:error=ENOSYS");
            let strace = ["strace", "-qq", "-o", trace.to_str().unwrap(), "-e", &inject];
            root.exec(["/bin/true"]).by(strace).run().success();
            let text = std::fs::read_to_string(&trace).unwrap();
            assert!(text.contains("ENOSYS") && text.contains("memfd_create"), "{call}: {text}");
            std::fs::write(&trace, "").unwrap();
            before.assert_restored();
        }
        // Older than 5.10: told, and nothing is left.
        for call in ["openat2", "clone3", "open_tree", "move_mount", "fsopen", "fsmount", "seccomp"]
        {
            let before = world.snapshot();
            let run = without(call).run().code(125);
            let parts = [call, "Function not implemented", "Linux 5.10 or newer"];
            run.error(&parts);
            std::fs::write(&trace, "").unwrap();
            before.assert_restored();
        }
    });
}

/// To delegate a group to him would not help.
#[test]
fn what_only_version_1_limits_is_no_matter_of_delegation() {
    v2_only(|world: &World| {
        let user = world.user();
        let root = world.busybox();
        user.own_all(&root.path);
        let cmd = || user.run(root.exec(["--memory-swappiness", "7", "/bin/true"]));
        let (there, groups) = user.delegated(world, cmd(), |one| one.unified);
        for cmd in [cmd(), there] {
            let run = cmd.run().code(125).error(&["memory.swappiness", "version 1"]);
            assert!(!run.err.to_lowercase().contains("delegate"), "{}", run.err);
        }
        for directory in groups.iter().flat_map(|group| [group.join("start"), group.clone()]) {
            std::fs::remove_dir(directory).unwrap();
        }
    });
}
