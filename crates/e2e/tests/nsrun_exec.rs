//! `exec`: further processes of a container.

use std::path::Path;

use e2e::{
    Bundle, Run, View, WindowSize, World, cell, each_view, hierarchies, on_this_host, until,
};
use rustix::process::Signal;
use serde_json::json;

/// `exec` with flags, of a command.
fn exec(bundle: &Bundle, flags: &[&str], command: &[&str]) -> e2e::Cmd {
    bundle.nsrun(["exec"]).args(flags).args([bundle.id.as_str()]).args(command)
}

/// What the probe tells of itself.
#[track_caller]
fn status(bundle: &Bundle, flags: &[&str]) -> Run {
    exec(bundle, flags, &["/probe", "status"]).run().success()
}

#[test]
fn the_exit_code_is_the_commands() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        let before = world.snapshot();
        bundle.detach();
        assert_eq!(bundle.exec(["echo", "-n", "hello"]).run().success().out, "hello");
        bundle.exec(["sh", "-c", "exit 42"]).run().code(42);
        bundle.exec(["/probe", "kill-self", "KILL"]).run().code(137);
        bundle.exec(["/probe", "kill-self", "TERM"]).run().code(143);
        assert_eq!(bundle.exec(["cat"]).input("typed").run().success().out, "typed");
        // What cannot be started; engines look for these words.
        let not_found = ["executable file not found in $PATH", "no such file or directory"];
        bundle.exec(["no-such-program"]).run().code(255).error(&not_found);
        bundle.exec(["/no/such"]).run().code(255).error(&["no such file or directory"]);
        bundle.exec(["/proc/version"]).run().code(255).error(&["permission denied"]);
        let no_directory = ["chdir", "/no/such/dir", "no such file or directory"];
        exec(&bundle, &["--cwd", "/no/such/dir"], &["true"]).run().code(255).error(&no_directory);
        bundle.delete();
        bundle.exec(["true"]).run().code(255).error(&["container does not exist"]);
        before.assert_restored();
        cell(world.place(), "exec");
    });
}

#[test]
fn what_follows_the_id_is_the_commands() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        bundle.detach();
        let run = bundle.exec(["/probe", "args", "-t", "--user", "--", "--help"]).run().success();
        assert_eq!(run.all("arg"), ["-t", "--user", "--", "--help"]);
        let run = bundle.exec(["--", "/probe", "args", "x"]).run().success();
        assert_eq!(run.all("arg"), ["x"]);
        // Mistakes in the command line are ours, and not the process's.
        let nothing = ["process args cannot be empty"];
        bundle.verb("exec").run().code(1).error(&nothing);
        bundle
            .nsrun(["exec", "--nonsense", &bundle.id, "true"])
            .run()
            .code(1)
            .error(&["--nonsense"]);
        bundle.nsrun(["exec"]).run().code(1).error(&["required arguments"]);
        bundle.delete();
    });
}

#[test]
fn environment_directory_and_identity() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/process/user", json!({"uid": 7, "gid": 8, "additionalGids": [9]}));
        bundle.set("/process/cwd", "/tmp");
        bundle.detach();
        let plain = status(&bundle, &[]);
        assert_eq!((plain.fact("uid"), plain.fact("gid")), ("7 7 7 7", "8 8 8 8"));
        assert_eq!((plain.fact("groups"), plain.fact("cwd")), ("9", "/tmp"));
        assert!(plain.all("env").contains(&"TERM=xterm"));
        let run = status(&bundle, &["--env", "A=1", "-e", "TERM=dumb", "-e", "B=x y=z"]);
        let env = run.all("env");
        for (entry, there) in
            [("A=1", true), ("TERM=dumb", true), ("B=x y=z", true), ("TERM=xterm", false)]
        {
            assert_eq!(env.contains(&entry), there, "{entry}: {env:?}");
        }
        let run = status(&bundle, &["--cwd", "/var", "--user", "1000"]);
        assert_eq!((run.fact("uid"), run.fact("gid")), ("1000 1000 1000 1000", "8 8 8 8"));
        assert_eq!(run.fact("cwd"), "/var");
        let run = status(&bundle, &["-u", "1000:1001", "-g", "5", "--additional-gids", "6"]);
        assert_eq!(
            (run.fact("uid"), run.fact("gid")),
            ("1000 1000 1000 1000", "1001 1001 1001 1001")
        );
        let mut groups: Vec<_> = run.fact("groups").split(' ').collect();
        groups.sort_unstable();
        assert_eq!(groups, ["5", "6", "9"]);
        exec(&bundle, &["--user", "-1"], &["true"]).run().code(255).error(&["--user", "-1"]);
        exec(&bundle, &["--user", "nobody-here"], &["true"])
            .run()
            .code(255)
            .error(&["nobody-here"]);
        exec(&bundle, &["-g", "x"], &["true"]).run().code(1).error(&["--additional-gids"]);
        exec(&bundle, &["--cwd", "relative"], &["true"]).run().code(255).error(&["relative"]);
        exec(&bundle, &["-e", "NOEQUALS"], &["true"]).run().code(255).error(&["NOEQUALS"]);
        bundle.delete();
    });
}

#[test]
fn capabilities_and_privileges() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.set("/process/noNewPrivileges", false);
        bundle.detach();
        let plain = status(&bundle, &[]);
        let known = "AUDIT_WRITE KILL NET_BIND_SERVICE";
        let names = |text: &str| {
            let mut names: Vec<_> = text.split(' ').map(str::to_owned).collect();
            names.sort_unstable();
            names.join(" ")
        };
        assert_eq!(names(plain.fact("cap-eff")), known);
        assert_eq!(plain.fact("no-new-privs"), "0");
        let run = status(&bundle, &["--cap", "CAP_SYS_PTRACE", "--cap", "chown", "--no-new-privs"]);
        let more = "AUDIT_WRITE CHOWN KILL NET_BIND_SERVICE SYS_PTRACE";
        for set in ["cap-bnd", "cap-eff", "cap-prm"] {
            assert_eq!(names(run.fact(set)), more, "{set}");
        }
        assert_eq!(run.fact("no-new-privs"), "1");
        bundle.delete();
    });
}

#[test]
fn a_process_from_a_file() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        bundle.detach();
        let file = world.path("process.json");
        let write =
            |process: serde_json::Value| std::fs::write(&file, process.to_string()).unwrap();
        let process = json!({
            "args": ["/probe", "status"], "cwd": "/var", "env": ["ONLY=this"],
            "user": {"uid": 3, "gid": 4, "additionalGids": [5], "umask": 7},
            "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"],
                "permitted": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]},
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}],
            "noNewPrivileges": true, "oomScoreAdj": 123,
        });
        write(process.clone());
        let path = file.to_str().unwrap();
        let run = exec(&bundle, &["--process", path], &[]).run().success();
        assert_eq!((run.fact("uid"), run.fact("gid")), ("3 3 3 3", "4 4 4 4"));
        assert_eq!((run.fact("cwd"), run.fact("cap-amb")), ("/var", "KILL"));
        let env = run.all("env");
        assert!(env.contains(&"ONLY=this") && !env.iter().any(|entry| entry.starts_with("TERM")));
        assert_eq!(run.fact("no-new-privs"), "1");
        // Flags come on top of it.
        let run = exec(&bundle, &["-p", path, "-e", "MORE=1", "-u", "9"], &[]).run().success();
        assert_eq!((run.fact("uid"), run.fact("gid")), ("9 9 9 9", "4 4 4 4"));
        assert!(run.all("env").contains(&"MORE=1"));
        // What is absent is false, though the container's own is true.
        let mut less = process.clone();
        less.as_object_mut().unwrap().remove("noNewPrivileges");
        write(less);
        let run = exec(&bundle, &["-p", path], &[]).run().success();
        assert_eq!(run.fact("no-new-privs"), "0");
        let run = exec(&bundle, &["-p", path, "--no-new-privs"], &[]).run().success();
        assert_eq!(run.fact("no-new-privs"), "1");
        let both = exec(&bundle, &["-p", path], &["true"]).run().code(1);
        both.error(&["--process"]);
        exec(&bundle, &["-p", "/no/such"], &[]).run().code(255).error(&["/no/such"]);
        write(json!({"args": ["true"]}));
        exec(&bundle, &["-p", path], &[]).run().code(255).error(&[path, "cwd: is required"]);
        std::fs::write(&file, "not json").unwrap();
        exec(&bundle, &["-p", path], &[]).run().code(255).error(&[path, "not JSON"]);
        bundle.delete();
    });
}

#[test]
fn detached_and_its_pid() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        let before = world.snapshot();
        bundle.detach();
        let file = world.path("pid");
        let flags = ["--detach", "--pid-file", file.to_str().unwrap()];
        exec(&bundle, &flags, &["/probe", "sleep", "1000"]).leaves_behind().run().success();
        let pid = std::fs::read_to_string(&file).unwrap();
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        assert_eq!(line, "/probe\0sleep\x001000\0");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        assert!(status.contains("NSpid:\t"), "{status}");
        // A failure leaves no file, and no process.
        std::fs::remove_file(&file).unwrap();
        exec(&bundle, &flags, &["/no/such"]).run().code(255);
        assert!(!file.exists());
        let flags = ["--detach", "--pid-file", "/no/such/directory/pid"];
        let run = exec(&bundle, &flags, &["/probe", "sleep", "1000"]).run().code(255);
        run.error(&["--pid-file", "no such file or directory"]);
        bundle.delete();
        before.assert_restored();
    });
}

#[test]
fn on_a_terminal() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        let before = world.snapshot();
        bundle.detach();
        let command = exec(&bundle, &["-t"], &["sh", "-c", "tty; stty size; read x; echo got $x"]);
        let mut pty = command.on_terminal(WindowSize(33, 77));
        pty.until("/dev/pts/").until("33 77").type_in("word\n").until("got word");
        assert_eq!(pty.wait().code(), Some(0));
        assert!(pty.is_cooked());
        // Without -t it is none, even where we have one.
        let mut pty =
            exec(&bundle, &[], &["sh", "-c", "tty; exit 3"]).on_terminal(WindowSize(9, 9));
        assert_eq!(pty.wait().code(), Some(3));
        pty.until("not a tty");
        let run = exec(&bundle, &["-d", "-t"], &["true"]).run().code(255);
        run.error(&["cannot allocate tty", "console socket"]);
        for flags in [["--console-socket", "/x", ""], ["--console-socket", "/x", "-t"]] {
            let flags: Vec<_> = flags.into_iter().filter(|flag| !flag.is_empty()).collect();
            let run = exec(&bundle, &flags, &["true"]).run().code(255);
            run.error(&["cannot use console socket"]);
        }
        bundle.delete();
        before.assert_restored();
    });
}

#[test]
fn signals_go_to_the_command() {
    on_this_host(|world: &World| {
        let bundle = world.bundle();
        bundle.detach();
        let mut running = bundle.exec(["/probe", "catch", "TERM", "USR1", "INT"]).start();
        running.until("ready").signal(Signal::TERM);
        running.until("got TERM").signal(Signal::USR1);
        running.until("got USR1").signal(Signal::INT);
        running.until("got INT").signal(Signal::INT);
        running.wait().code(0);
        bundle.delete();
    });
}

#[test]
fn into_a_created_a_paused_and_a_stopped_container() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        let before = world.snapshot();
        bundle.create([] as [&str; 0]).run().success();
        assert_eq!(bundle.exec(["hostname"]).run().success().out, "nsrun\n");
        bundle.verb("start").run().success();
        bundle.verb("pause").run().success();
        bundle.exec(["true"]).run().code(255).error(&["paused"]);
        let mut waiting = exec(&bundle, &["--ignore-paused"], &["echo", "late"]).start();
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(!waiting.ended());
        assert_eq!(bundle.status(), "paused");
        bundle.verb("resume").run().success();
        assert_eq!(waiting.wait().success().out, "late\n");
        bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
        bundle.until_stopped();
        bundle.exec(["true"]).run().code(255).error(&["container not running"]);
        bundle.verb("delete").run().success();
        before.assert_restored();
    });
}

#[test]
fn in_a_group_below_the_containers() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        let before = world.snapshot();
        bundle.detach();
        let groups: Vec<_> =
            hierarchies().into_iter().filter(|one| one.path.join(&bundle.id).is_dir()).collect();
        for hierarchy in &groups {
            let below = hierarchy.path.join(&bundle.id).join("below");
            std::fs::create_dir(&below).unwrap();
            if hierarchy.controllers.iter().any(|one| one == "cpuset") {
                for file in ["cpuset.cpus", "cpuset.mems"] {
                    let own = std::fs::read_to_string(below.parent().unwrap().join(file)).unwrap();
                    std::fs::write(below.join(file), own).unwrap();
                }
            }
        }
        let read = ["cat", "/proc/self/cgroup"];
        let lines = |flags: &[&str]| exec(&bundle, flags, &read).run().success().out;
        let all = lines(&["--cgroup", "below"]);
        let count = all.lines().filter(|line| line.ends_with("/below")).count();
        assert_eq!(count, groups.len(), "{all}");
        assert!(!lines(&[]).contains("below"));
        if world.view == View::Host {
            let some = lines(&["--cgroup", "memory,pids:/below"]);
            let below: Vec<_> = some.lines().filter(|line| line.ends_with("/below")).collect();
            assert_eq!(below.len(), 2, "{some}");
            let unknown = exec(&bundle, &["--cgroup", "nonsense:below"], &read).run().code(255);
            unknown.error(&["nonsense"]);
        }
        exec(&bundle, &["--cgroup", "missing"], &read).run().code(255).error(&["missing"]);
        exec(&bundle, &["--cgroup", "../.."], &read).run().code(255).error(&["\"..\""]);
        bundle.delete();
        before.assert_restored();
    });
}

/// As systemd does in a container: it moves into a group of its own, and gives the controllers of
/// the container's on, so that no process can be there any more.
#[test]
fn where_init_has_made_groups_of_its_own() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.push(
            "/mounts",
            json!({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}),
        );
        let offered = std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers");
        let offered = offered.unwrap_or_default();
        let mut offered = offered.split_whitespace();
        let first = offered.next();
        let Some(given) = offered.find(|one| *one == "pids").or(first) else {
            return e2e::skip("the version 2 tree has no controllers here");
        };
        bundle.sh(&format!(
            "cd /sys/fs/cgroup; mkdir init && echo 1 > init/cgroup.procs && \
             echo +{given} > cgroup.subtree_control && touch /given; exec sleep 1000"
        ));
        bundle.detach();
        until("init's groups", || bundle.rootfs.file("given").exists());
        let read = exec(&bundle, &[], &["cat", "/proc/self/cgroup"]).run().success();
        assert!(read.out.trim_end().ends_with("0::/init"), "{}", read.out);
        let named = exec(&bundle, &["--cgroup", "init"], &["cat", "/proc/self/cgroup"]);
        assert!(named.run().success().out.trim_end().ends_with("0::/init"));
        cell(world.place(), "exec where init has given its controllers on");
        bundle.delete();
    });
}

#[test]
fn where_init_has_moved_to_another_group() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        let before = world.snapshot();
        let pid = bundle.detach().to_string();
        let mut moved = Vec::new();
        for hierarchy in hierarchies() {
            let (old, new) = (hierarchy.path.join(&bundle.id), format!("{}-moved", bundle.id));
            let new = hierarchy.path.join(new);
            if !old.is_dir() {
                continue;
            }
            std::fs::create_dir(&new).unwrap();
            if hierarchy.controllers.iter().any(|one| one == "cpuset") {
                for file in ["cpuset.cpus", "cpuset.mems"] {
                    let own = std::fs::read_to_string(old.join(file)).unwrap();
                    std::fs::write(new.join(file), own).unwrap();
                }
            }
            std::fs::write(new.join("cgroup.procs"), &pid).unwrap();
            std::fs::remove_dir(&old).unwrap();
            moved.push(new);
        }
        let file = world.path("pid");
        let flags = ["--detach", "--pid-file", file.to_str().unwrap()];
        exec(&bundle, &flags, &["/probe", "sleep", "1000"]).leaves_behind().run().success();
        let executed = std::fs::read_to_string(&file).unwrap();
        for group in &moved {
            let pids = std::fs::read_to_string(group.join("cgroup.procs")).unwrap();
            let in_it = |pid: &str| pids.lines().any(|line| line == pid);
            assert!(in_it(&pid) && in_it(&executed), "{}: {pids}", group.display());
        }
        bundle.delete();
        std::fs::remove_file(&file).unwrap();
        for group in &moved {
            until("the group is empty", || std::fs::remove_dir(group).is_ok());
        }
        before.assert_restored();
    });
}

#[test]
fn while_the_container_ends() {
    each_view(|world: &World| {
        let bundle = world.bundle();
        let before = world.snapshot();
        for round in 0..10 {
            bundle.detach();
            let executed: Vec<_> =
                (0..4).map(|_| bundle.exec(["/probe", "sleep", "1000"]).start()).collect();
            std::thread::sleep(std::time::Duration::from_millis(round * 3));
            bundle.nsrun(["kill", &bundle.id, "KILL"]).run().success();
            for executed in executed {
                let run = executed.wait();
                match run.status.code() {
                    Some(137) => {}
                    Some(255) => drop(run.error(&[])),
                    _ => panic!("{run:?}"),
                }
            }
            bundle.until_stopped();
            bundle.verb("delete").run().success();
        }
        assert!(!Path::new("/run/nsrun").join(&bundle.id).exists());
        before.assert_restored();
    });
}
