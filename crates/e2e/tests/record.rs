//! `exec --record` writes a profile with which the same command works, and which is tight.

use std::path::Path;

use e2e::{Rootfs, World, on_this_host};
use serde_json::{Value, json};

/// Children, pipes, signals, files.
const BUSYBOX: &str = "ls /usr | sort >/tmp/list; mkdir /tmp/d && rmdir /tmp/d; sleep 0.05 & wait; \
    trap 'echo trapped' USR1; kill -USR1 $$; cat /proc/self/status | grep -c Name; rm /tmp/list";

fn profile(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn names(profile: &Value) -> Vec<&str> {
    profile["syscalls"][0]["names"].as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

/// Runs the command three times: to record, with the profile, and by another one that needs more.
fn records(root: &Rootfs, file: &Path, flags: &[&str], command: &[&str]) -> Value {
    let name = file.to_str().unwrap();
    let plain = root.exec(flags).args(command).run().code(0);
    let recorded = root.exec(["--record", name]).args(flags).args(command).run().code(0);
    assert_eq!((&recorded.out, &*recorded.err), (&plain.out, &*plain.err));
    let written = profile(file);
    let seen = names(&written);
    assert!(seen.is_sorted() && seen.contains(&"execve") && !seen.contains(&"mount"), "{seen:?}");
    for _ in 0..3 {
        let again = root.exec(["--seccomp", name]).args(flags).args(command).run().code(0);
        assert_eq!((&again.out, &*again.err), (&plain.out, &*plain.err));
    }
    written
}

#[test]
fn the_profile_is_enough_and_tight() {
    on_this_host(|world: &World| {
        for root in world.roots() {
            let file = world.path("profile.json");
            let shell = ["/bin/sh", "-c", BUSYBOX];
            let written = records(&root, &file, &[], &shell);
            assert_eq!(written["defaultAction"], "SCMP_ACT_ERRNO");
            assert_eq!(written["defaultErrnoRet"], 38);
            assert_eq!(written["architectures"], json!(["SCMP_ARCH_X86_64"]));
            assert!(names(&written).len() < 80, "{written}");
            // What was not seen is not there.
            let more = ["--seccomp", file.to_str().unwrap(), "/bin/chmod", "700", "/tmp"];
            let run = root.exec(more).run().code(1);
            assert!(run.err.contains("Function not implemented"), "{}", run.err);
            records(&root, &file, &[], &["/probe", "threads", "8"]);
            for flags in [&["--security", "low"][..], &["--security", "high"], &["--init"]] {
                records(&root, &file, flags, &shell);
            }
            records(&root, &file, &["--user", "1000"], &["/bin/ls", "/usr"]);
        }
    });
}

#[test]
fn programs_of_debian() {
    on_this_host(|world: &World| {
        let Some(root) = world.debian() else { return };
        let file = world.path("profile.json");
        let forks = "for (1..4) { fork or exit 3 } 1 while wait > 0; print $?, -s '/etc/passwd'";
        for command in [
            &["/usr/bin/perl", "-e", forks][..],
            &["/usr/bin/dpkg", "-l", "libc6"],
            &["/usr/bin/apt-cache", "--version"],
            &["/bin/tar", "-C", "/etc", "-czf", "/dev/null", "."],
            &["/bin/bash", "-c", "for i in 1 2 3; do (echo $((i * 2))) & wait; done"],
            &["/usr/bin/find", "/etc", "-name", "passwd"],
        ] {
            if root.file(&command[0][1..]).exists() {
                records(&root, &file, &[], command);
            }
        }
    });
}

#[test]
fn what_joins_is_recorded_too() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let file = world.path("profile.json");
        let name = file.to_str().unwrap();
        let first = root.exec(["--record", name, "-d", "/bin/sleep", "100"]).run().success();
        root.exec(["/bin/mkdir", "/tmp/made"]).run().success();
        // It is recorded already.
        root.exec(["--record", name, "/bin/true"]).run().error(&["--record", "runs already"]);
        assert!(!file.exists(), "before the end");
        root.nsinit(["delete", "--force"]).run().success();
        e2e::until("the profile is written", || file.exists());
        assert!(names(&profile(&file)).contains(&"mkdir"), "{}", first.out);
    });
}

#[test]
fn the_containers_other_filters_stay() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let file = world.path("profile.json");
        let name = file.to_str().unwrap();
        let no_mkdir = world.path("no-mkdir.json");
        let filter = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]});
        std::fs::write(&no_mkdir, filter.to_string()).unwrap();
        let flags = ["--record", name, "--seccomp", no_mkdir.to_str().unwrap()];
        let run = root.exec(flags).args(["/probe", "mkdir", "/tmp/x"]).run().code(1);
        assert_eq!(run.out, "error EOPNOTSUPP mkdir /tmp/x\n");
        assert!(!names(&profile(&file)).iter().any(|name| name.starts_with("mkdir")));
    });
}

#[test]
fn what_cannot_be_recorded() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let agent = world.path("agent.json");
        let filter = json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/none",
            "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]});
        std::fs::write(&agent, filter.to_string()).unwrap();
        let file = world.path("profile.json");
        let name = file.to_str().unwrap();
        let run = root.exec(["--seccomp", agent.to_str().unwrap(), "--record", name, "/bin/true"]);
        run.run().code(125).error(&["--record", "SCMP_ACT_NOTIFY"]);
        for (path, why) in
            [("/nowhere/x", "No such file"), ("/", "not the name"), ("/tmp", "directory")]
        {
            let run = root.exec(["--record", path, "/bin/true"]).run();
            run.code(125).error(&["--record", why]);
        }
        // A command that cannot be executed leaves no profile, and nothing else.
        root.exec(["--record", name, "/bin/none"]).run().code(127);
        assert!(!file.exists());
        let scratch = world.path("tmp");
        std::fs::create_dir(&scratch).unwrap();
        for command in ["/bin/none", "/bin/true"] {
            root.exec(["--record", name, command]).env("TMPDIR", &scratch).run();
            assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
        }
    });
}
