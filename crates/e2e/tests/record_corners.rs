//! `exec --record` without privileges, with many at once, with a program that has a filter of its
//! own, and where it ends early or its file cannot be written.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use e2e::{Cmd, Rootfs, User, World, on_this_host, skip};
use rustix::process::Signal;
use serde_json::{Value, json};

fn profile(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn names(path: &Path) -> Vec<String> {
    let names = profile(path)["syscalls"][0]["names"].clone();
    serde_json::from_value(names).unwrap()
}

/// A root file system and a directory for profiles, both the user's.
fn place(world: &World, user: &User) -> (Rootfs, std::path::PathBuf) {
    let root = world.busybox();
    user.own_all(&root.path);
    let own = format!(r#"[{{"container_id": 0, "host_id": {}, "size": 1}}]"#, user.id);
    let kinds = ["NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER"];
    let kinds = kinds.map(|kind| format!(r#"{{"type": "{kind}"}}"#)).join(", ");
    root.configure(format!(
        r#"{{"namespaces": [{kinds}], "uid_mappings": {own}, "gid_mappings": {own}}}"#
    ));
    let directory = world.path("profiles");
    std::fs::create_dir(&directory).unwrap();
    user.own(&directory);
    (root, directory)
}

#[test]
fn an_ordinary_user_records() {
    on_this_host(|world: &World| {
        let user = world.user();
        let (root, directory) = place(world, &user);
        let file = directory.join("profile.json");
        let name = file.to_str().unwrap();
        let run = |flags: &[&str], command: &[&str]| {
            user.run(root.exec(flags).args(command)).dir(&root.path)
        };
        let script = "ls /usr | sort >/tmp/l; (sleep 0.02; mkdir /tmp/d) & wait; rmdir /tmp/d; \
            rm /tmp/l; echo $((6 * 7))";
        for command in [&["/bin/sh", "-c", script][..], &["/probe", "threads", "8"]] {
            let plain = run(&[], command).run().code(0);
            let recorded = run(&["--record", name], command).run().code(0);
            assert_eq!((&recorded.out, &*recorded.err), (&plain.out, &*plain.err));
            let seen = names(&file);
            assert!(seen.contains(&"execve".to_owned()) && !seen.contains(&"mount".to_owned()));
            let stat = std::fs::metadata(&file).unwrap();
            assert_eq!((stat.uid(), stat.mode() & 0o022), (user.id, 0));
            let again = run(&["--seccomp", name], command).run().code(0);
            assert_eq!((&again.out, &*again.err), (&plain.out, &*plain.err));
        }
        // Tight for him too.
        let more = run(&["--seccomp", name], &["/bin/chmod", "700", "/tmp"]).run().code(1);
        assert!(more.err.contains("Function not implemented"), "{}", more.err);
        // Where he may not write, nothing starts.
        let refused = run(&["--record", "/etc/profile.json"], &["/bin/touch", "/tmp/ran"]).run();
        refused.code(125).error(&["--record", "Permission denied"]);
        assert!(!root.file("tmp/ran").exists());
    });
}

/// Processes that start, call and end all at once, in the container and joining it.
#[test]
fn many_at_once() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let file = world.path("profile.json");
        let name = file.to_str().unwrap();
        let script = "for i in 1 2 3 4; do \
            (mkdir /tmp/$i; for j in 1 2 3; do cat /proc/self/status >/tmp/$i/f; done; \
             rm -r /tmp/$i) & done; wait; echo all; until [ -e /tmp/end ]; do sleep 0.2; done";
        let mut first = root.exec(["--record", name, "/bin/sh", "-c", script]).seconds(120).start();
        first.until("all\n");
        let joining: Vec<_> = (0..3)
            .map(|at| root.exec(["/bin/sh", "-c", &format!("ln -s x /tmp/l{at}; ls /tmp")]).start())
            .collect();
        for one in joining {
            one.wait().code(0);
        }
        // One that is killed amid its calls holds nobody up.
        let calling = "echo $$ >/tmp/pid; echo on; while :; do : </etc/passwd; done";
        let mut killed = root.exec(["/bin/sh", "-c", calling]).start();
        killed.until("on\n");
        root.sh("kill -KILL $(cat /tmp/pid)").run().code(0);
        killed.wait().code(128 + 9);
        root.exec(["/bin/touch", "/tmp/end"]).run().code(0);
        let run = first.wait().code(0);
        assert_eq!(run.err, "");
        let seen = names(&file);
        for call in ["mkdir", "symlink", "kill", "wait4"] {
            let known = |name: &String| name == call || *name == format!("{call}at");
            assert!(seen.iter().any(known), "{call}: {seen:?}");
        }
    });
}

/// prctl(PR_SET_NO_NEW_PRIVS), 157 on x86-64, then seccomp(2), 317, with a filter that has mkdir (83) fail with 95 (EOPNOTSUPP).
const OWN_FILTER: &str = r#"
    my $flags = 0 + shift;
    my $code = pack('SCCL', 0x20, 0, 0, 0) . pack('SCCL', 0x15, 0, 1, 83)
        . pack('SCCL', 0x06, 0, 0, 0x5005f) . pack('SCCL', 0x06, 0, 0, 0x7fff0000);
    my $program = pack('Sx6P', 4, $code);
    syscall(157, 38, 1, 0, 0, 0);
    my $loaded = syscall(317, 1, $flags, $program);
    print $loaded < 0 ? "refused: $!\n" : "loaded\n";
    print mkdir('/tmp/d') ? "made\n" : "not made: $!\n";
    rmdir('/tmp/d');
"#;

#[test]
fn a_filter_of_the_programs_own() {
    on_this_host(|world: &World| {
        let Some(root) = world.debian() else { return };
        if !root.file("usr/bin/perl").exists() || cfg!(not(target_arch = "x86_64")) {
            return skip("it takes perl, and x86-64");
        }
        let file = world.path("profile.json");
        let name = file.to_str().unwrap();
        let perl = |flags: &[&str], filter: &str| {
            root.exec(flags).args(["/usr/bin/perl", "-e", OWN_FILTER, filter]).run().code(0).out
        };
        let refused = "loaded\nnot made: Operation not supported\n";
        assert_eq!(perl(&[], "0"), refused);
        assert_eq!(perl(&["--record", name], "0"), refused);
        let seen = names(&file);
        // What its own filter refuses has not been done.
        assert!(seen.contains(&"seccomp".to_owned()) && !seen.contains(&"mkdir".to_owned()));
        assert_eq!(perl(&["--seccomp", name], "0"), refused);
        // The kernel takes one listener for a process: an agent of its own cannot be recorded.
        let busy = perl(&["--record", name], "8");
        assert_eq!(busy, "refused: Device or resource busy\nmade\n");
        assert!(names(&file).contains(&"mkdir".to_owned()));
    });
}

#[test]
fn it_is_ended_early() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let file = world.path("profile.json");
        let scratch = world.path("tmp");
        std::fs::create_dir(&scratch).unwrap();
        let start = |script: &str| {
            let name = file.to_str().unwrap();
            let cmd = root.exec(["--record", name, "/bin/sh", "-c", script]);
            let mut running = cmd.env("TMPDIR", &scratch).start();
            running.until("on\n");
            running
        };
        // Asked to end, and made to.
        for (signal, code) in [(Signal::TERM, 7), (Signal::INT, 128 + 9)] {
            let _ = std::fs::remove_file(&file);
            let trap = "trap 'mkdir /tmp/d; rmdir /tmp/d; exit 7' TERM; trap '' INT; echo on; \
                while :; do sleep 0.05; done";
            let running = start(trap);
            running.signal(signal);
            if signal == Signal::INT {
                assert!(!file.exists());
                root.nsinit(["kill", "KILL"]).run().code(0);
            }
            running.wait().code(code);
            let made = names(&file).iter().any(|name| name.starts_with("mkdir"));
            assert_eq!(made, signal == Signal::TERM);
            assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
        }
        // Without nsinit nobody answers: calls fail, no profile comes, and delete ends it all.
        let _ = std::fs::remove_file(&file);
        let before = world.snapshot();
        let running = start("echo on; while :; do sleep 0.05; done");
        running.signal(Signal::KILL);
        running.wait();
        assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "nothing is left to look for");
        root.nsinit(["delete", "--force"]).run().success();
        assert!(!file.exists());
        before.assert_restored();
    });
}

/// A socket's address has room for 107 bytes.
#[test]
fn below_a_state_root_with_a_long_path() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let (state, file) = (world.path(&"long/".repeat(40)), world.path("profile.json"));
        let at = |args: &[&str]| root.nsinit(["--root"]).args([&state]).args(args);
        let name = file.to_str().unwrap();
        let script =
            "mkdir /tmp/d; rmdir /tmp/d; echo on; until [ -e /tmp/end ]; do sleep 0.1; done";
        let mut first = at(&["exec", "--record", name, "/bin/sh", "-c", script]).start();
        first.until("on\n");
        let socket = "find \"$0\" -type s -perm 600 -user root";
        let found = Cmd::new("sh", ["-c", socket]).args([&state]).run().success().out;
        assert!(found.lines().count() == 1 && found.len() > 200, "{found}");
        at(&["exec", "/bin/touch", "/tmp/end"]).run().success();
        first.wait().code(0);
        assert!(names(&file).iter().any(|name| name.starts_with("mkdir")));
        let found = Cmd::new("find", [&state]).args(["-type", "s"]).run().success().out;
        assert_eq!(found, "");
    });
}

#[test]
fn the_file_cannot_be_written() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let full = world.path("full");
        std::fs::create_dir(&full).unwrap();
        let size = ["-t", "tmpfs", "-o", "size=16k", "none"];
        Cmd::new("mount", size).args([&full]).run().success();
        let file = full.join("profile.json");
        std::fs::write(&file, "old").unwrap();
        let name = file.to_str().unwrap();
        // The disk is full in the end: the old one stays as it is, and the exit code is the program's.
        let fill =
            json!([{"type": "bind", "source": full, "destination": "/full", "writable": true}]);
        root.configure(json!({"mounts": fill}));
        let script = "dd if=/dev/zero of=/full/more bs=1k 2>/dev/null; exit 3";
        let run = root.exec(["--record", name, "/bin/sh", "-c", script]).run().code(3);
        run.error(&["--record profile.json", "No space left on device"]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "old");
        assert_eq!(std::fs::read_dir(&full).unwrap().count(), 2);
        // The directory goes away meanwhile.
        let gone = world.path("gone");
        std::fs::create_dir(&gone).unwrap();
        let name = gone.join("p.json");
        let flags = ["--record", name.to_str().unwrap()];
        let cmd = root.exec(flags).args(["/bin/sh", "-c", "echo on; sleep 0.3; exit 4"]);
        let mut running = cmd.start();
        running.until("on\n");
        std::fs::remove_dir(&gone).unwrap();
        running.wait().code(4).error(&["--record p.json", "No such file"]);
        // A link is replaced, not followed.
        let (target, link) = (world.path("target"), world.path("link.json"));
        std::fs::write(&target, "kept").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        root.exec(["--record", link.to_str().unwrap(), "/bin/true"]).run().code(0);
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "kept");
        assert!(!link.is_symlink() && !names(&link).is_empty());
        Cmd::new("umount", [&full]).run().success();
    });
}
