//! Attacks whose scene is the same for both runtimes: what a bundle describes is started by nsrun, and
//! by nsinit, which reads config.json as well. attacks.md, rows 1, 7 to 9, 25 and 28.

use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use e2e::attack::{
    FALSE_PROC, canary, contents, host_settings, link, links, victim, while_swapping,
};
use e2e::{Bundle, Cmd, Receiver, WindowSize, World, data, nsinit, nsrun, on_this_host, seconds};
use serde_json::{Value, json};

fn mount(destination: &str, kind: &str, source: &Path) -> Value {
    let options: &[&str] = if kind == "bind" { &["rbind"] } else { &[] };
    json!({"destination": destination, "type": kind, "source": source, "options": options})
}

fn hook(path: impl AsRef<Path>, args: &[&str], env: &[&str]) -> Value {
    json!([{"path": path.as_ref(), "args": args, "env": env}])
}

/// A program of the image runs while PID 1 is still the runtime, and goes for its file.
#[test]
fn row_1_nor_by_a_hook_of_the_image() {
    on_this_host(|world: &World| {
        let Some(root) = world.debian() else { return };
        std::fs::copy(data("attack-exe.pl"), root.file("attack.pl")).unwrap();
        let mut bundle = world.bundle();
        bundle.set("/root/path", root.path.to_str().unwrap()).args(["/bin/true"]);
        bundle.set("/process/noNewPrivileges", false);
        bundle.set("/linux/maskedPaths", json!([])).set("/linux/readonlyPaths", json!([]));
        let canary = world.path("canary");
        std::fs::write(&canary, "host").unwrap();
        let script = "perl /attack.pl $0 $1 >/tmp/out 2>&1 & \
            until grep -q met /tmp/out; do sleep 0.05; done; sleep 0.2; >/tmp/stop; wait";
        for (capabilities, user, how) in [
            (&["CAP_CHOWN", "CAP_KILL"][..], 0, "plain"),
            (&["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_SYS_PTRACE"], 0, "plain"),
            (&[], 1000, "userns"),
        ] {
            for set in ["bounding", "effective", "permitted"] {
                bundle.set(&format!("/process/capabilities/{set}"), json!(capabilities));
            }
            bundle.set("/process/user", json!({"uid": user, "gid": user}));
            let args = ["sh", "-c", script, how, canary.to_str().unwrap()];
            let hook = hook("/bin/sh", &args, &["PATH=/usr/bin:/bin"]);
            bundle.set("/hooks", json!({"startContainer": hook}));
            for (cmd, program) in bundle.by_each().into_iter().zip([nsrun(), nsinit()]) {
                for owner in [0, 1000] {
                    let victim = victim(world, &program, owner);
                    let before = std::fs::read(&victim).unwrap();
                    cmd.clone().program(&victim).run().code(0);
                    assert!(std::fs::read(&victim).unwrap() == before, "it has changed");
                    let out = std::fs::read_to_string(root.file("tmp/out")).unwrap();
                    assert!(!out.contains("OPENED") && !out.contains("ESCAPED"), "{how}: {out}");
                    assert!(out.contains("\nseen ") && !out.contains("seen 0"), "{how}: {out}");
                    for file in ["tmp/out", "tmp/stop"] {
                        std::fs::remove_file(root.file(file)).unwrap();
                    }
                }
            }
        }
    });
}

/// Of two names that were exchanged, the link is at the other one again.
fn put_back(name: &Path, other: &Path) {
    if name.is_symlink() {
        let link = std::fs::read_link(name).unwrap();
        std::fs::remove_file(name).unwrap();
        std::fs::rename(other, name).unwrap();
        symlink(link, other).unwrap();
    }
}

/// In the image's own /dev, with a devpts on a directory that comes and goes.
#[test]
fn row_7_terminals_that_are_exchanged() {
    on_this_host(|world: &World| {
        let canary = canary(world);
        let before = contents(&canary);
        let mut bundle = world.bundle();
        bundle.set("/process/terminal", true);
        let (proc, pts) = (Path::new("proc"), Path::new("devpts"));
        let mounts = json!([mount("/proc", "proc", proc), mount("/dev/pts", "devpts", pts)]);
        bundle.set("/mounts", mounts);
        bundle.sh("echo evil >/dev/console; echo evil >/dev/ptmx; echo evil >/dev/pts/0; echo ran");
        let dev = |name: &str| bundle.rootfs.file(&format!("dev/{name}"));
        std::fs::create_dir_all(dev("pts")).unwrap();
        let mut ran = 0;
        for to in links(&bundle.rootfs, &canary) {
            for (name, other) in [("pts", "pts2"), ("console", "console2")] {
                if name == "console" {
                    std::fs::write(dev(name), "").unwrap();
                }
                link(&bundle.rootfs, &format!("dev/{other}"), to.join(name));
            }
            for cmd in bundle.by_each() {
                while_swapping(&dev("pts"), &dev("pts2"), || {
                    while_swapping(&dev("console"), &dev("console2"), || {
                        for _ in 0..8 {
                            let mut pty = cmd.on_terminal(WindowSize(24, 80));
                            pty.wait();
                            ran += usize::from(pty.screen().contains("ran"));
                        }
                    });
                });
                assert_eq!(contents(&canary), before, "{}", to.display());
                put_back(&dev("pts"), &dev("pts2"));
                put_back(&dev("console"), &dev("console2"));
            }
        }
        assert!(ran > 0, "the race was never lost");
    });
}

/// One container has the other's root file system as its volume, and exchanges /proc and a mount's
/// place in it while that starts.
#[test]
fn row_9_two_containers_and_one_volume() {
    on_this_host(|world: &World| {
        let Some(debian) = world.debian() else { return };
        let canary = canary(world);
        let before = contents(&canary);
        let core_pattern = std::fs::read("/proc/sys/kernel/core_pattern").unwrap();
        let mut bundle = world.bundle();
        let root = &bundle.rootfs;
        // A false /proc: what is written to it, the image would read.
        for name in ["fake/sys/net/ipv4", "fake/self/attr", "fake/thread-self/attr", "volume"] {
            std::fs::create_dir_all(root.file(name)).unwrap();
        }
        std::fs::write(root.file("fake/sys/net/ipv4/ip_forward"), "false\n").unwrap();
        let targets = links(root, &canary);
        let stop = root.file("stop");
        let rootfs = root.path.clone();
        let source = world.path("source");
        std::fs::create_dir(&source).unwrap();
        bundle.set("/linux/sysctl", json!({"net.ipv4.ip_forward": "1"}));
        bundle.push("/mounts", mount("/volume/sub", "bind", &source));
        bundle.args(["/bin/echo", "ran"]);
        let mut attacker = world.bundle();
        attacker.set("/root/path", debian.path.to_str().unwrap());
        attacker.push("/mounts", mount("/vol", "bind", &rootfs));
        // renameat2(2) with RENAME_EXCHANGE
        let swap = "my @names = map { \"/vol/$_\\0\" } qw(proc other volume elsewhere); $| = 1; \
            print \"ready\\n\"; my $swaps = 0; until (-e '/vol/stop') { for my $at (0, 2) { \
            $swaps++ if syscall(316, -100, $names[$at], -100, $names[$at + 1], 2) == 0 } } \
            print \"swapped $swaps\\n\"";
        attacker.args(["perl", "-e", swap]);
        for (number, (victim, attack)) in
            bundle.by_each().into_iter().zip(attacker.by_each()).enumerate()
        {
            let mut told = String::new();
            for target in [Path::new("/fake"), &targets[number], &targets[2]] {
                for (name, other, to) in
                    [("proc", "other", target), ("volume", "elsewhere", &targets[number])]
                {
                    put_back(&rootfs.join(name), &rootfs.join(other));
                    link(&bundle.rootfs, other, to);
                }
                let mut attacking = attack.start();
                attacking.until("ready");
                for _ in 0..12 {
                    // What its program sees under a name that goes on changing, is its own affair.
                    let run = victim.run();
                    told += &(run.out + &run.err);
                }
                std::fs::write(&stop, "").unwrap();
                let run = attacking.wait().code(0);
                assert!(!run.out.contains("swapped 0\n"), "{}", run.out);
                std::fs::remove_file(&stop).unwrap();
            }
            assert!(told.contains("ran\n"), "no container came to run: {told}");
        }
        assert_eq!(contents(&canary), before);
        assert_eq!(std::fs::read(rootfs.join("fake/sys/net/ipv4/ip_forward")).unwrap(), b"false\n");
        assert_eq!(std::fs::read("/proc/sys/kernel/core_pattern").unwrap(), core_pattern);
        let forwards = std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap();
        assert_eq!(forwards, "0\n", "of the world, not of the container");
    });
}

/// Hooks have the environment that is configured and no descriptor but their streams; those of the
/// host are in the bundle, those of the container in the root of its mount namespace.
#[test]
fn row_25_hooks_get_nothing_of_the_image() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let script = "#!/bin/sh\n(env; pwd; ls -l /proc/self/fd) > $2.$1\n";
        for path in [bundle.path.join("hook.sh"), bundle.rootfs.file("hook.sh")] {
            std::fs::write(&path, script).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        let outside = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];
        let (out, inside) = (world.path("hook"), bundle.rootfs.file("said.startContainer"));
        let path = bundle.path.join("hook.sh");
        let of = |name| hook(&path, &["hook", name, out.to_str().unwrap()], &["ONLY=this"]);
        for name in outside {
            bundle.set(&format!("/hooks/{name}"), of(name));
        }
        let start = hook("/hook.sh", &["hook", "startContainer", "/said"], &["ONLY=this"]);
        bundle.set("/hooks/startContainer", start);
        let evil = ["LD_PRELOAD=/evil.so", "BASH_ENV=/evil", "ENV=/evil", "PATH=/evil:/bin"];
        bundle.set("/process/env", json!(evil)).args(["/bin/true"]);
        for cmd in bundle.by_each() {
            // The caller leaves a directory open, too.
            let by = ["bash", "-c", "exec 7</ 9</etc; exec \"$@\"", "bash"];
            cmd.env("LD_LIBRARY_PATH", "/evil").by(by).run().success();
            for name in outside.into_iter().chain(["startContainer"]) {
                let contained = ["createContainer", "startContainer"].contains(&name);
                let file = out.with_extension(name);
                let file = if name == "startContainer" { &inside } else { &file };
                let text = std::fs::read_to_string(file).unwrap();
                std::fs::remove_file(file).unwrap();
                assert!(text.contains("ONLY=this\n") && !text.contains("evil"), "{name}: {text}");
                let cwd = if contained { "/" } else { bundle.path.to_str().unwrap() };
                assert!(text.lines().any(|line| line == cwd), "{name}: {text}");
                // Its streams, what it writes to, and the directory that is listed.
                let fds: Vec<_> = text.lines().filter(|line| line.contains(" -> ")).collect();
                assert!(fds.len() <= 4, "{name}: {text}");
                assert!(
                    !fds.iter().any(|fd| fd.ends_with("/etc") || fd.ends_with("-> /")),
                    "{text}"
                );
            }
        }
    });
}

/// A bundle that asks an agent about mkdir.
fn with_agent(world: &World, path: &Path) -> Bundle {
    let mut bundle = world.bundle();
    bundle.set(
        "/linux/seccomp",
        json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path,
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}),
    );
    bundle.sh("echo ran; ls -l /proc/self/fd /proc/1/fd; mkdir /tmp/x; echo went on");
    bundle
}

/// Who is not the named agent gets nothing, and without one nothing runs.
#[test]
fn row_28_the_listener_goes_to_the_agent_or_nowhere() {
    on_this_host(|world: &World| {
        let socket = world.path("agent");
        let bundle = with_agent(world, &socket);
        // Where the image says that the agent is, it is not looked for.
        let shipped = bundle.rootfs.file(socket.to_str().unwrap());
        std::fs::create_dir_all(shipped.parent().unwrap()).unwrap();
        let impostor = listen(&shipped);
        for cmd in bundle.by_each() {
            let nobody = |what: &str| {
                let before = world.snapshot();
                let run = cmd.clone().seconds(20).run();
                assert!(!run.status.success() && run.out.is_empty(), "{what}: {}", run.out);
                run.error(&["seccomp agent", socket.to_str().unwrap()]);
                before.assert_restored();
            };
            nobody("no socket");
            std::fs::write(&socket, "").unwrap();
            nobody("a file");
            std::fs::remove_file(&socket).unwrap();
            drop(listen(&socket));
            nobody("nobody listens");
            std::fs::remove_file(&socket).unwrap();
        }
        assert!(impostor.is_left_alone());
    });
}

/// An agent that takes the listener and ends, before or amid a call: the call fails, and the program
/// goes on. It has no listener itself.
#[test]
fn row_28_without_its_agent_a_call_fails() {
    on_this_host(|world: &World| {
        for long in [false, true] {
            // A socket's address has room for 107 bytes; a path may be longer.
            let directory =
                world.path(if long { "a-long-name".repeat(15) } else { "d".into() }.as_str());
            std::fs::create_dir(&directory).unwrap();
            let socket = directory.join("agent");
            let bundle = with_agent(world, &socket);
            for (cmd, waits) in
                bundle.by_each().into_iter().flat_map(|cmd| [(cmd.clone(), false), (cmd, true)])
            {
                let (agent, other) = (listen(&socket), listen(&directory.join("other")));
                let mut running = cmd.start();
                let (state, listener) = agent.receive();
                assert!(state.contains("\"fds\":[\"seccompFd\"]"), "{state}");
                if waits {
                    running.until("ran");
                    // It has come to the call and waits in it.
                    let mut fds =
                        [rustix::event::PollFd::new(&listener, rustix::event::PollFlags::IN)];
                    let limit = seconds(10).try_into().unwrap();
                    assert_eq!(rustix::event::poll(&mut fds, Some(&limit)).unwrap(), 1);
                }
                drop(listener);
                let run = running.wait().code(0);
                assert!(run.out.contains("ran") && run.out.contains("went on"), "{}", run.out);
                assert!(
                    run.err.contains("mkdir") && run.err.contains("not implemented"),
                    "{}",
                    run.err
                );
                assert!(!run.out.contains("seccomp"), "{}", run.out);
                assert!(other.is_left_alone());
                for file in [&socket, &directory.join("other")] {
                    std::fs::remove_file(file).unwrap();
                }
            }
        }
    });
}

/// Listens, by way of a descriptor: the path may be long.
fn listen(path: &Path) -> Receiver {
    let directory = std::fs::File::open(path.parent().unwrap()).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    Receiver::at(format!("/proc/self/fd/{}/{name}", directory.as_raw_fd()).into())
}

/// The container's root has put a false /proc over the true one when commands join: nothing of what
/// they are is written there, and they have it all the same.
#[test]
fn row_8_joining_by_a_false_proc() {
    on_this_host(|world: &World| {
        let before = host_settings();
        let mut bundle = world.bundle();
        for set in ["bounding", "effective", "permitted"] {
            bundle.push(&format!("/process/capabilities/{set}"), "CAP_SYS_ADMIN");
        }
        bundle.set("/process/noNewPrivileges", false).set("/linux/readonlyPaths", json!([]));
        bundle.set("/linux/maskedPaths", json!([])).sh(FALSE_PROC);
        bundle.set("/process/oomScoreAdj", 77);
        let nsinit = |args: &[&str]| Cmd::nsinit(args).dir(&bundle.path);
        for (cmd, is_nsrun) in bundle.by_each().into_iter().zip([true, false]) {
            let join = |flags: &[&str], command: &[&str]| match is_nsrun {
                true => bundle.nsrun(["exec"]).args(flags).args([&bundle.id]).args(command),
                false => nsinit(&["exec"]).args(flags).args(["--"]).args(command),
            };
            // It reads from a FIFO that is kept open.
            let fifo = world.path("fifo");
            Cmd::new("mkfifo", [&fifo]).run().success();
            let open = "exec \"$@\" <>\"$0\"";
            let mut running = cmd.by(["sh", "-c", open, fifo.to_str().unwrap()]).start();
            running.until("ready");
            for flags in [&[][..], &["--user", "1000:1000"], &["--tty"], &["--cwd", "/etc"]] {
                let run = join(flags, &["/probe", "open", "/canary"]).run().code(0);
                assert!(run.out.starts_with("ok"), "{flags:?}: {}{}", run.out, run.err);
            }
            std::fs::write(&fifo, "look\n").unwrap();
            running.until("untouched");
            // It reads its end of file when nobody holds the FIFO: it is made to end.
            let kill = [bundle.nsrun(["kill", &bundle.id, "KILL"]), nsinit(&["kill", "KILL"])];
            assert!(kill.iter().any(|kill| kill.run().status.success()));
            running.wait();
        }
        assert_eq!(host_settings(), before);
    });
}
