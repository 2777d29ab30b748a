//! No path of the host leads into a root file system while a container is made, entered and removed:
//! the system calls of nsrun's and nsinit's verbs are walked through (attacks.md, rows 3 to 10).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use e2e::trace::has_strace;
use e2e::{Cmd, World, on_this_host, until};
use serde_json::json;

/// Calls that give a descriptor, and what each must say in its arguments.
const CLOSE_ON_EXEC: [(&str, &str); 16] = [
    ("open", "O_CLOEXEC"),
    ("openat", "O_CLOEXEC"),
    ("openat2", "O_CLOEXEC"),
    ("socket", "SOCK_CLOEXEC"),
    ("socketpair", "SOCK_CLOEXEC"),
    ("accept4", "SOCK_CLOEXEC"),
    ("pipe2", "O_CLOEXEC"),
    ("memfd_create", "MFD_CLOEXEC"),
    ("epoll_create1", "EPOLL_CLOEXEC"),
    ("signalfd4", "SFD_CLOEXEC"),
    ("timerfd_create", "TFD_CLOEXEC"),
    ("inotify_init1", "IN_CLOEXEC"),
    ("fsopen", "FSOPEN_CLOEXEC"),
    ("fsmount", "FSMOUNT_CLOEXEC"),
    ("open_tree", "OPEN_TREE_CLOEXEC"),
    ("recvmsg", "MSG_CMSG_CLOEXEC"),
];

/// Calls that may name the root's own directory: to take it, and to look whether it is there.
const OF_THE_ROOT: [&str; 13] = [
    "open",
    "openat",
    "openat2",
    "open_tree",
    "stat",
    "statx",
    "newfstatat",
    "readlink",
    "chdir",
    "getcwd",
    "access",
    "faccessat2",
    "execve",
];

/// What a line of strace says.
#[derive(Debug, Clone)]
struct Call {
    pid: String,
    name: String,
    arguments: String,
    failed: bool,
}

/// Runs it under strace, and gives the calls that it and its processes made until each of these
/// executed another program than the runtime's own init.
fn calls(world: &World, cmd: &Cmd) -> Vec<Call> {
    let log = world.path("calls");
    // As a grandchild, which does not hold what waits for the streams of a container in the
    // background.
    let script = format!(
        "exec strace -D -f -qq -s 8192 -e signal=none -o {} \"$@\" >/dev/null 2>&1",
        log.display()
    );
    cmd.clone().by(["sh", "-c", &script, "sh"]).seconds(60).run().success();
    let length = || std::fs::metadata(&log).map_or(0, |file| file.len());
    let mut before = 0;
    until("strace has written what there was", || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        std::mem::replace(&mut before, length()) == length() && before > 0
    });
    let text = std::fs::read_to_string(&log).unwrap();
    let mut others = BTreeSet::new();
    let mut calls = Vec::new();
    let mut begun = BTreeMap::new();
    for line in text.lines() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        // One that another process's came between is told in two parts.
        if let Some(first) = rest.strip_suffix(" <unfinished ...>") {
            begun.insert(pid, first);
            continue;
        }
        let resumed = rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>"));
        let whole = match resumed {
            Some((_, last)) => begun.remove(pid).unwrap_or_default().to_owned() + last,
            None => rest.to_owned(),
        };
        let Some((name, arguments)) = whole.split_once('(') else { continue };
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') || others.contains(pid) {
            continue;
        }
        let call = Call {
            pid: pid.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            failed: arguments.contains(") = -1 "),
        };
        let another = call.name == "execve"
            && !call.failed
            && !calls.is_empty()
            && !call.arguments.contains("libcontainer-init");
        if another {
            others.insert(pid.to_owned());
        }
        calls.push(call);
    }
    calls
}

/// The texts in quotes that strace shows.
fn texts(arguments: &str) -> Vec<&str> {
    arguments.split('"').skip(1).step_by(2).collect()
}

#[track_caller]
fn walk(what: &str, calls: &[Call], root: &Path) {
    assert!(calls.len() > 20, "{what}: {} calls", calls.len());
    let root = root.to_str().unwrap();
    let below = format!("{root}/");
    let mut taken = false;
    let mut inside = BTreeSet::new();
    for call in calls {
        let Call { pid, name, arguments, failed } = call;
        // Data is not a path: the plan and the record name the root.
        if !["write", "pwrite64", "sendmsg", "sendto", "recvmsg", "read", "pread64", "execve"]
            .contains(&name.as_str())
        {
            // What a link says is the kernel's word: /proc tells where a descriptor leads.
            let asked = if name == "readlinkat" { 1 } else { usize::MAX };
            for text in texts(arguments).into_iter().take(asked) {
                assert!(!text.starts_with(&below), "{what}: {call:?}");
                if text == root {
                    assert!(OF_THE_ROOT.contains(&name.as_str()), "{what}: {call:?}");
                    // Taken as what it is, or not at all.
                    let way = name != "openat" || arguments.contains("O_PATH|O_DIRECTORY");
                    assert!(way, "{what}: {call:?}");
                    taken |= name.starts_with("open");
                }
            }
        }
        if *name == "pivot_root" && !failed {
            inside.insert(pid.clone());
        }
        // Inside, files are opened by descriptors of its root, too.
        if inside.contains(pid) && name.starts_with("open") && arguments.starts_with("AT_FDCWD") {
            let own = texts(arguments).first().is_some_and(|path| *path == "/" || *path == ".");
            assert!(own, "{what}: {call:?}");
        }
        if let Some((_, flag)) = CLOSE_ON_EXEC.iter().find(|(call, _)| call == name) {
            let no_descriptor = *name == "recvmsg" && !arguments.contains("SCM_RIGHTS");
            assert!(*failed || no_descriptor || arguments.contains(flag), "{what}: {call:?}");
        }
        let loose = (name == "fcntl" && arguments.contains("F_DUPFD,"))
            || name == "dup"
            || name == "pipe"
            || name == "accept"
            || name == "creat";
        assert!(!loose, "{what}: {call:?}");
        // What is put in the place of a stream stays open for the program.
        if name == "dup2" || name == "dup3" {
            let number = arguments.split([',', ')']).nth(1).map_or("", str::trim);
            let stream = ["0", "1", "2"].contains(&number);
            assert!(stream || arguments.contains("O_CLOEXEC"), "{what}: {call:?}");
        }
    }
    let starts = what.starts_with("run") || what.starts_with("create");
    assert!(!starts || (taken && !inside.is_empty()), "{what}: nothing was seen");
}

#[test]
fn nsrun_reaches_the_root_by_descriptors_alone() {
    on_this_host(|world: &World| {
        if !has_strace() {
            return;
        }
        let mut bundle = world.bundle();
        let volume = world.path("volume");
        std::fs::create_dir(&volume).unwrap();
        let bind = |at: &str, options: &[&str]| json!({"destination": at, "type": "bind", "source": volume, "options": options});
        bundle.push("/mounts", bind("/volume/made/here", &["rbind", "ro"]));
        bundle.push("/mounts", bind("/etc/volume", &["bind"]));
        bundle.push("/linux/maskedPaths", "/etc/hostname");
        bundle.push("/linux/readonlyPaths", "/etc");
        bundle.set("/root/readonly", true);
        bundle.set("/process/cwd", "/run/made");
        let annotation = json!({"filesystem": {"restrict": ["write_file"], "rules": [
            {"paths": ["/dev", "/run"], "allow": ["write_file"]}]}});
        bundle.set("/annotations", json!({"org.nsrun.landlock": annotation.to_string()}));
        let root = bundle.rootfs.path.clone();
        bundle.args(["/bin/true"]);
        walk("run", &calls(world, &bundle.run([""; 0])), &root);
        bundle.args(["/probe", "sleep", "1000"]);
        walk("create", &calls(world, &bundle.create([""; 0])), &root);
        walk("start", &calls(world, &bundle.verb("start")), &root);
        walk("exec", &calls(world, &bundle.exec(["true"])), &root);
        let exec =
            bundle.nsrun(["exec", "--user", "1000:1000", "--cwd", "/etc", &bundle.id, "true"]);
        walk("exec as another", &calls(world, &exec), &root);
        walk("delete", &calls(world, &bundle.nsrun(["delete", "--force", &bundle.id])), &root);
    });
}

/// Everything in a configuration that has a path in the container, or goes to one.
#[test]
fn nsrun_does_so_with_all_that_has_a_path() {
    on_this_host(|world: &World| {
        if !has_strace() {
            return;
        }
        let mut bundle = world.bundle();
        let volume = world.path("volume");
        std::fs::write(&volume, "a file").unwrap();
        let root = bundle.rootfs.path.clone();
        std::os::unix::fs::symlink("/etc", root.join("link")).unwrap();
        let mount = |at: &str, kind: &str, source: &Path, options: &[&str]| json!({"destination": at, "type": kind, "source": source, "options": options});
        let tmpfs = Path::new("tmpfs");
        for one in [
            mount("/link/file", "bind", &volume, &["bind"]),
            mount("/root", "tmpfs", tmpfs, &["tmpcopyup"]),
            mount("/bin/../srv/new", "tmpfs", tmpfs, &["mode=700"]),
            mount("/srv/new", "", tmpfs, &["remount", "ro"]),
            mount("/sys", "sysfs", Path::new("sysfs"), &["ro"]),
            mount("/sys/fs/cgroup", "cgroup", Path::new("cgroup"), &["ro"]),
            mount("/image", "bind", &root.join("etc"), &["rbind", "ro"]),
            mount("/dev/mqueue", "mqueue", Path::new("mqueue"), &[]),
        ] {
            bundle.push("/mounts", one);
        }
        for (path, minor) in [("/dev/extra/null", 3), ("/srv/zero", 5)] {
            let device = json!({"path": path, "type": "c", "major": 1, "minor": minor});
            bundle.push("/linux/devices", device);
        }
        for path in ["/etc", "/proc/kcore", "/srv/zero", "/nothing/there"] {
            bundle.push("/linux/maskedPaths", path);
        }
        let hook = |path: &str| json!([{"path": path, "args": ["true"]}]);
        bundle.set(
            "/hooks",
            json!({"createRuntime": hook("/bin/true"), "createContainer": hook("/bin/true"),
                "startContainer": hook("/bin/true"), "poststart": hook("/bin/true"),
                "poststop": hook("/bin/true")}),
        );
        bundle.set("/linux/sysctl", json!({"net.ipv4.ip_forward": "1"}));
        bundle.set("/process/cwd", "/srv/not/yet");
        bundle.set("/process/terminal", true);
        let consoles = world.receiver();
        let console = ["--console-socket", consoles.path.to_str().unwrap()];
        for user_namespace in [false, true] {
            if user_namespace {
                bundle.push("/linux/namespaces", json!({"type": "user"}));
                let map = json!([{"containerID": 0, "hostID": 0, "size": 65536}]);
                bundle.set("/linux/uidMappings", map.clone()).set("/linux/gidMappings", map);
                bundle.set("/annotations", json!({"org.nsrun.rootfs-idmap": "true"}));
                // There nodes are not made: the host's, at the same paths, would be bound.
                bundle.set("/hooks", json!({})).set("/linux/devices", json!([]));
            }
            walk("create with all", &calls(world, &bundle.create(console)), &root);
            // Whose terminal hangs up ends.
            let _terminal = consoles.receive();
            walk("start", &calls(world, &bundle.verb("start")), &root);
            let exec = ["exec", "--detach", "--tty", "--console-socket"];
            let exec = bundle.nsrun(exec).args([consoles.path.to_str().unwrap()]);
            let exec = exec.args(["--cwd", "/link", &bundle.id, "/bin/true"]).leaves_behind();
            walk("exec", &calls(world, &exec), &root);
            let _another = consoles.receive();
            walk("kill", &calls(world, &bundle.nsrun(["kill", &bundle.id, "KILL"])), &root);
            bundle.until_stopped();
            walk("delete", &calls(world, &bundle.verb("delete")), &root);
        }
    });
}

#[test]
fn nsinit_reaches_the_root_by_descriptors_alone() {
    on_this_host(|world: &World| {
        if !has_strace() {
            return;
        }
        let root = world.busybox();
        let volume = world.path("volume");
        std::fs::create_dir(&volume).unwrap();
        let bind = format!("{}:/mnt/made/here:ro", volume.display());
        let user =
            root.exec(["--user", "alice", "--groups", "video", "--cwd", "/etc", "--bind", &bind]);
        let user = user.args(["--tmpfs", "/srv/new", "--cgroup", "--tty", "true"]);
        let path = root.path.clone();
        // Its container.json and its records are files beside and in the root: it looks for those
        // by their paths before the container is there, and removes them when it is gone. Whether
        // the directory is a root file system at all, it tells by a look at names in it.
        let within = |mut calls: Vec<Call>| {
            let own = ["container.json", "config.json", ".nsinit", "state.json", "/pid"];
            let look = |call: &Call| {
                let statx = call.name == "statx" && call.arguments.contains("AT_SYMLINK_NOFOLLOW");
                statx || call.name == "lstat"
            };
            calls.retain(|call| {
                !look(call) && !own.iter().any(|name| call.arguments.contains(name))
            });
            calls
        };
        walk("exec", &within(calls(world, &user)), &path);
        root.detach(["/probe", "sleep", "1000"]);
        walk("exec in it", &within(calls(world, &root.exec(["true"]))), &path);
        walk("delete", &within(calls(world, &root.nsinit(["delete", "--force"]))), &path);
    });
}
