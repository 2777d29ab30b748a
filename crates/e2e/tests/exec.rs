//! `nsinit exec`: exit codes, streams, who runs where, and joining what runs.

use e2e::{Background, Rootfs, World, each_view, until};
use rustix::process::Signal;

#[test]
fn the_exit_code_is_the_commands() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            root.exec(["/bin/true"]).run().success();
            for code in [1, 3, 42, 125, 255] {
                root.sh(&format!("exit {code}")).run().code(code);
            }
            before.assert_restored();
        }
    });
}

#[test]
fn a_signal_is_128_and_its_number() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            // PID 1 is immune to what it sends itself, so its child takes the signal, and the
            // shell tells the same way; --init passes on how its child ended.
            root.sh("sh -c 'kill -9 $$'; exit $?").run().code(137);
            let init = ["--init", "/bin/sh", "-c", "kill -TERM $$"];
            root.exec(init).run().code(143);
            // From outside, KILL ends PID 1 too.
            let running = hold(&root);
            root.nsinit(["kill", "KILL"]).run().success();
            running.wait().code(137);
            before.assert_restored();
        }
    });
}

/// What is opened later must not become the command's stream by chance.
#[test]
fn a_stream_that_was_closed_is_null() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        // The shell that closes it becomes nsinit.
        let closed = ["/bin/sh", "-c", "exec \"$@\" <&-", "sh"];
        let run = root.exec(["/bin/readlink", "/proc/self/fd/0"]).by(closed).run().success();
        assert_eq!(run.out, "/dev/null\n");
        before.assert_restored();
    });
}

#[test]
fn streams_are_the_callers() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let run = root.sh("cat; echo to-err >&2").input("a line\n").run().code(0);
            assert_eq!((run.out.as_str(), run.err.as_str()), ("a line\n", "to-err\n"));
            let many = "x".repeat(1 << 20);
            assert_eq!(root.sh("cat").input(&many).run().success().out.len(), 1 << 20);
            let fds = root.exec(["/probe", "status"]).run().success();
            let numbers: Vec<&str> =
                fds.all("fd").iter().map(|fd| fd.split(' ').next().unwrap()).collect();
            assert_eq!(numbers, ["0", "1", "2"]);
            before.assert_restored();
        }
    });
}

#[test]
fn user_cwd_and_environment_are_as_asked_for() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let status = ["/probe", "status"];
            let by_number = root.exec(["-u", "1234:77", "--cwd", "/tmp"]).args(status);
            let run = by_number.run().success();
            assert_eq!(run.fact("uid"), "1234 1234 1234 1234");
            assert_eq!(run.fact("gid"), "77 77 77 77");
            assert_eq!(run.fact("cwd"), "/tmp");
            assert_eq!(run.fact("cap-eff"), "");
            let by_name = root.exec(["--user", "daemon"]).args(status).run().success();
            assert_eq!(by_name.fact("uid"), "1 1 1 1");
            let env = root
                .exec(["--env", "A=1", "--env", "E2E_HERE", "--env", "PATH=/x", "--env", "A=2"])
                .args(status)
                .env("E2E_HERE", "there");
            let run = env.run().success();
            let mut vars = run.all("env");
            vars.sort_unstable();
            let wanted =
                ["A=2", "E2E_HERE=there", "HOME=/root", "HOSTNAME=nsinit", "PATH=/x", "TERM=xterm"];
            assert_eq!(vars, wanted);
            before.assert_restored();
        }
    });
}

#[test]
fn everything_after_the_command_is_the_commands() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        let words = ["/probe", "args", "--id", "x", "-t", "--", "-", "", "a b", "--help"];
        let run = root.exec(words).run().success();
        assert_eq!(run.all("arg"), words[2..]);
        let run = root.exec(["--", "/probe", "args", "-x"]).run().success();
        assert_eq!(run.all("arg"), ["-x"]);
        before.assert_restored();
    });
}

/// A container of `root` whose PID 1 waits for signals.
fn hold(root: &Rootfs) -> Background {
    let mut running = root.exec(["/probe", "catch"]).start();
    running.until("ready");
    running
}

/// Ends it; of two signals that are pending at once, one would be lost.
fn end(mut running: Background) {
    running.signal(Signal::INT);
    running.until("got INT").signal(Signal::INT);
    running.wait().code(0);
}

#[test]
fn the_same_command_again_joins() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let first = hold(&root);
            let pid = std::fs::read_to_string(root.file("pid"));
            let run = root.exec(["/probe", "status"]).run().success();
            assert_ne!(run.fact("pid"), "1");
            // Each namespace is the running container's.
            until("pid", || root.file("pid").exists());
            let pid = pid.or_else(|_| std::fs::read_to_string(root.file("pid"))).unwrap();
            for ns in ["mnt", "uts", "ipc", "net", "pid"] {
                let link = std::fs::read_link(format!("/proc/{}/ns/{ns}", pid.trim())).unwrap();
                let joined = run.all("ns");
                let inode = joined.iter().find_map(|line| line.strip_prefix(&format!("{ns} ")));
                assert_eq!(format!("{ns}:[{}]", inode.unwrap()), link.to_string_lossy());
            }
            // So are its control groups, capabilities and environment.
            let own = std::fs::read_to_string(format!("/proc/{}/cgroup", pid.trim())).unwrap();
            let own: Vec<&str> = own.lines().collect();
            assert_eq!(run.all("cgroup"), own);
            assert_eq!(run.fact("cap-eff").split(' ').count(), 14);
            assert!(run.all("env").contains(&"HOSTNAME=nsinit"));
            // A join's exit code is its own, and its end not the container's.
            root.sh("exit 9").run().code(9);
            assert!(root.nsinit(["list", "-q"]).run().success().out.contains(root.name()));
            end(first);
            before.assert_restored();
        }
    });
}

#[test]
fn the_end_of_pid_1_ends_all() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let first = hold(&root);
            let mut joined = root.sh("echo here; sleep 1000 & sleep 1000").start();
            joined.until("here");
            end(first);
            joined.wait().code(137);
            // And what PID 1 itself has left behind.
            root.sh("sleep 1000 & sleep 1000 & exit 4").run().code(4);
            before.assert_restored();
        }
    });
}

#[test]
fn two_directories_are_two_containers() {
    each_view(|world: &World| {
        let parents = [world.path("a"), world.path("b")];
        let mut roots = Vec::new();
        for parent in &parents {
            // The same name in both.
            std::fs::create_dir(parent).unwrap();
            let path = parent.join(format!("root-{}", world.tag));
            std::fs::rename(world.busybox().path, &path).unwrap();
            roots.push(Rootfs { path });
        }
        let before = world.snapshot();
        let ids: Vec<String> = roots.iter().map(|root| root.detach([""; 0])).collect();
        assert_ne!(ids[0], ids[1]);
        for (root, id) in roots.iter().zip(&ids) {
            let name = root.name();
            assert!(id.starts_with(&format!("{name}-")), "{id} is not {name} and a short hash");
            root.sh(&format!("echo {id} > /tmp/mark; ps | grep -c 'sleep 1000'")).run().success();
            let state = root.nsinit(["state"]).run().success().json();
            assert_eq!(state["id"], id.as_str());
        }
        for (root, id) in roots.iter().zip(&ids) {
            assert_eq!(std::fs::read_to_string(root.file("tmp/mark")).unwrap().trim(), id);
            std::fs::remove_file(root.file("tmp/mark")).unwrap();
            root.delete();
        }
        before.assert_restored();
    });
}

#[test]
fn id_overrides_the_directorys() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        let (one, two) = (format!("one-{}", world.tag), format!("two-{}", world.tag));
        for id in [&one, &two] {
            root.detach(["--id", id]);
        }
        let listed = root.nsinit(["list", "-q"]).run().success().out;
        assert_eq!(listed, format!("{one}\n{two}\n"));
        let namespace = |id: &str| {
            let run = root.exec(["--id", id, "/probe", "status"]).run().success();
            run.all("ns").iter().find(|ns| ns.starts_with("pid ")).unwrap().to_string()
        };
        assert_ne!(namespace(&one), namespace(&two));
        assert_eq!(namespace(&one), namespace(&one));
        // Without --id it is the directory's, and that is not there.
        root.nsinit(["state"]).run().code(1).error(&["no container of", root.name()]);
        root.nsinit(["delete", "--force", &one, &two]).run().success();
        before.assert_restored();
    });
}

#[test]
fn create_flags_of_a_join_must_be_as_they_were() {
    each_view(|world: &World| {
        let root = world.busybox();
        let source = world.path("source");
        std::fs::create_dir(&source).unwrap();
        let before = world.snapshot();
        let bind = format!("{}:/mnt:ro", source.display());
        let flags: [[&str; 2]; 12] = [
            ["--hostname", "web"],
            ["--groups", "33"],
            ["--sysctl", "net.ipv4.ip_forward=1"],
            ["--tmpfs", "/opt"],
            ["--bind", &bind],
            ["--parent-death-signal", "none"],
            ["--security", "high"],
            ["--uts", "private"],
            ["--ipc", "private"],
            ["--pid", "private"],
            ["--net", "private"],
            ["--mnt", "private"],
        ];
        let all: Vec<&str> = flags.iter().flatten().copied().chain(["--read-only"]).collect();
        root.detach(&all);
        for words in flags {
            root.exec(words).args(["/bin/true"]).run().success();
        }
        root.exec(&all).args(["/bin/true"]).run().success();
        root.exec(["/bin/true"]).run().success();
        let different: [[&str; 2]; 17] = [
            ["--hostname", "db"],
            ["--groups", "34"],
            ["--sysctl", "net.ipv4.ip_forward=0"],
            ["--tmpfs", "/srv"],
            ["--bind", "/etc:/mnt"],
            ["--parent-death-signal", "KILL"],
            ["--security", "low"],
            ["--uts", "host"],
            ["--ipc", "host"],
            ["--pid", "host"],
            ["--net", "host"],
            ["--mnt", "host"],
            ["--userns-root-uid", "100000"],
            ["--rootfs", "/etc"],
            ["--veth-bridge", "br0"],
            ["--memory-limit", "64m"],
            ["--cpushares", "77"],
        ];
        for words in different {
            let run = root.exec(words).args(["/bin/true"]).run().code(125);
            run.error(&[words[0], "runs already"]);
        }
        root.exec(["--cgroup", "/bin/true"]).run().code(125).error(&["--cgroup"]);
        root.exec(["--init", "/bin/true"]).run().code(125).error(&["--init"]);
        root.exec(["--rm=false", "/bin/true"]).run().code(125).error(&["--rm"]);
        root.delete();
        before.assert_restored();
    });
}

#[test]
fn of_two_first_starts_one_makes_it_and_one_joins() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        for round in 0..20 {
            // Each tells its PID inside, and stays until both are there.
            let script = "echo $$ > /tmp/here.$$; echo pid $$; \
                          while [ $(ls /tmp | grep -c here) -lt 2 ]; do sleep 0.01; done; \
                          [ $$ != 1 ] || sleep 0.2";
            let started = [root.sh(script).start(), root.sh(script).start()];
            let mut pids: Vec<String> =
                started.map(|run| run.wait().success().fact("pid").to_owned()).into();
            pids.sort_unstable();
            assert_eq!(pids[0], "1", "round {round}: {pids:?}");
            assert_ne!(pids[1], "1", "round {round}: {pids:?}");
            for entry in std::fs::read_dir(root.file("tmp")).unwrap().flatten() {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
        before.assert_restored();
    });
}
