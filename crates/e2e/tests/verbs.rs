//! Every command but `exec`.

use e2e::{World, each_view, on_this_host, until};
use rustix::process::Signal;

#[test]
fn state_has_the_keys_that_tools_read() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let id = root.detach(["--hostname", "web"]);
            let state = root.nsinit(["state"]).run().success().json();
            assert_eq!(state["id"], id.as_str());
            let pid = state["init_process_pid"].as_i64().unwrap();
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            let start = stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap();
            assert_eq!(state["init_process_start"].as_str().unwrap(), start);
            let groups = state["cgroup_paths"].as_object().unwrap();
            assert!(!groups.is_empty());
            for (subsystem, path) in groups {
                let procs = format!("{}/cgroup.procs", path.as_str().unwrap());
                let procs = std::fs::read_to_string(&procs).unwrap();
                assert!(procs.lines().any(|line| line == pid.to_string()), "{subsystem} {path}");
            }
            let spaces = state["namespace_paths"].as_object().unwrap();
            for (kind, file) in [
                ("NEWNS", "mnt"),
                ("NEWUTS", "uts"),
                ("NEWIPC", "ipc"),
                ("NEWPID", "pid"),
                ("NEWNET", "net"),
            ] {
                assert_eq!(spaces[kind], format!("/proc/{pid}/ns/{file}"));
            }
            assert_eq!(state["config"]["hostname"], "web");
            assert_eq!(state["config"]["rootfs"], root.path.to_str().unwrap());
            assert!(state["external_descriptors"].is_array());
            assert_eq!(
                root.nsinit(["state", "--id", &id]).run().success().json()["id"],
                id.as_str()
            );
            root.delete();
            before.assert_restored();
        }
    });
}

#[test]
fn config_prints_what_exec_would_use() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let template = root.nsinit(["config"]).run().success().json();
            assert_eq!(template["capabilities"].as_array().unwrap().len(), 14);
            assert_eq!(template["namespaces"].as_array().unwrap().len(), 5);
            assert_eq!(template["parent_death_signal"], 9);
            let flags = ["--hostname", "web", "--memory-limit", "64m", "--read-only"];
            let changed = root.nsinit(["config"]).args(flags).run().success().json();
            assert_eq!(changed["hostname"], "web");
            assert_eq!(changed["cgroups"]["memory"], 64 << 20);
            assert_eq!(changed["readonlyfs"], true);
            before.assert_restored();
            // It runs as the same container that it was printed from.
            let status = ["/bin/sh", "-c", "/probe status; /probe mounts"];
            let facts = |run: e2e::Run| {
                let volatile = ["ns ", "fd ", "cgroup ", "clock", "oom", "seccomp-filters"];
                let skip = |line: &&str| {
                    !volatile.iter().any(|v| line.starts_with(v))
                        && !line.contains("container.json")
                };
                // Devices and options of a mount that depend on when it was made.
                let cut = |line: &str| line.split('\t').take(5).collect::<Vec<_>>().join(" ");
                run.out.lines().filter(skip).map(cut).collect::<Vec<_>>()
            };
            let plain = facts(root.exec(status).run().success());
            root.nsinit(["config", "--file", "container.json"]).run().success();
            let read = facts(root.exec(status).run().success());
            assert_eq!(read, plain);
            let again = root.nsinit(["config"]).run().success().json();
            assert_eq!(again, template);
            std::fs::remove_file(root.file("container.json")).unwrap();
            before.assert_restored();
        }
    });
}

/// In short, for kernels that are seen in an emulated machine only.
#[test]
fn a_whole_life() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        let run = root.sh("echo out; echo err >&2; exit 7").run().code(7);
        assert_eq!((&run.out[..], &run.err[..]), ("out\n", "err\n"));
        before.assert_restored();
        let id = root.detach([""; 0]);
        let state = || root.nsinit(["state"]).run().success().json()["status"].clone();
        assert_eq!(state(), "running");
        assert_eq!(root.nsinit(["list", "-q"]).run().success().out.trim(), id);
        // Another one joins it, and sees its first process.
        assert_eq!(
            root.sh("tr '\\000' ' ' </proc/1/cmdline").run().success().out,
            "/probe sleep 1000 "
        );
        assert_eq!(root.nsinit(["ps", "-q"]).run().success().out.lines().count(), 1);
        root.nsinit(["pause"]).run().success();
        assert_eq!(state(), "paused");
        root.nsinit(["unpause"]).run().success();
        assert_eq!(state(), "running");
        root.nsinit(["kill", "KILL"]).run().success();
        until("it is gone", || !root.nsinit(["state"]).run().status.success());
        before.assert_restored();
        root.detach([""; 0]);
        root.delete();
        before.assert_restored();
    });
}

#[test]
fn list_and_ps_tell_what_runs() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            assert_eq!(root.nsinit(["list", "-q"]).run().success().out, "");
            let id = root.detach([""; 0]);
            let mut joined = root.sh("echo up; sleep 1000").start();
            joined.until("up");
            let table = root.nsinit(["list"]).run().success().out;
            let lines: Vec<&str> = table.lines().collect();
            assert!(lines[0].starts_with("ID ") && lines[0].ends_with("DIRECTORY"), "{table}");
            let row: Vec<&str> = lines[1].split_whitespace().collect();
            assert_eq!((row[0], row[2]), (id.as_str(), "running"));
            assert_eq!(*row.last().unwrap(), root.path.to_str().unwrap());
            let json = root.nsinit(["list", "--format", "json"]).run().success().json();
            assert_eq!(json[0]["id"], id.as_str());
            assert_eq!(json[0]["pid"].to_string(), row[1]);
            assert_eq!(root.nsinit(["ls", "-q"]).run().success().out.trim(), id);
            let listed = || {
                let json = root.nsinit(["ps", "--format", "json"]).run().success().json();
                json.as_array().unwrap().clone()
            };
            // The shell tells before its child executes.
            e2e::until("sleep", || listed().iter().any(|row| row["command"] == "sleep 1000"));
            let rows = listed();
            let first = rows.iter().find(|row| row["inside"] == 1).unwrap();
            assert_eq!(first["command"], "/probe sleep 1000");
            assert_eq!(first["pid"], json[0]["pid"]);
            let pids = root.nsinit(["ps", "-q"]).run().success().out;
            assert_eq!(pids.lines().count(), rows.len());
            let table = root.nsinit(["ps"]).run().success().out;
            assert!(table.starts_with("PID ") && table.contains("/probe sleep 1000"), "{table}");
            root.delete();
            joined.wait().code(137);
            before.assert_restored();
        }
    });
}

#[test]
fn pause_freezes_and_unpause_lets_go_on() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let script = "echo up; i=0; while :; do i=$((i+1)); echo $i > /tmp/count; done";
            let mut running = root.sh(script).start();
            running.until("up");
            let count = || std::fs::read_to_string(root.file("tmp/count")).unwrap_or_default();
            until("it counts", || !count().is_empty());
            root.nsinit(["pause"]).run().success();
            let frozen = count();
            std::thread::sleep(std::time::Duration::from_millis(200));
            assert_eq!(count(), frozen);
            assert!(root.nsinit(["list"]).run().success().out.contains("paused"));
            assert_eq!(root.nsinit(["state"]).run().success().json()["status"], "paused");
            root.exec(["/bin/true"]).run().code(125).error(&["paused"]);
            root.nsinit(["pause"]).run().code(1).error(&["paused"]);
            root.nsinit(["unpause"]).run().success();
            until("it counts again", || count() != frozen && !count().is_empty());
            root.nsinit(["unpause"]).run().code(1).error(&["not paused"]);
            // A paused one can be ended.
            root.nsinit(["pause"]).run().success();
            root.delete();
            running.wait().code(137);
            std::fs::remove_file(root.file("tmp/count")).unwrap();
            before.assert_restored();
        }
    });
}

#[test]
fn kill_sends_a_signal_to_pid_1_or_to_all() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let mut first = root.exec(["/probe", "catch"]).start();
            first.until("ready");
            let mut joined = root.exec(["/probe", "catch"]).start();
            joined.until("ready");
            root.nsinit(["kill"]).run().success();
            first.until("got TERM");
            for (typed, told) in [
                (&["hup"][..], "got HUP"),
                (&["SIGUSR1"], "got USR1"),
                (&["12"], "got USR2"),
                (&["-WINCH"], "got WINCH"),
                (&["--signal", "CONT"], "got CONT"),
            ] {
                root.nsinit(["kill"]).args(typed).run().success();
                first.until(told);
            }
            assert_eq!(joined.out(), "ready\n");
            root.nsinit(["kill", "--all", "ALRM"]).run().success();
            first.until("got ALRM");
            joined.until("got ALRM");
            root.nsinit(["kill", "NONSENSE"]).run().code(1).error(&["unknown signal", "NONSENSE"]);
            root.nsinit(["kill", "--all", "9"]).run().success();
            first.wait().code(137);
            joined.wait().code(137);
            root.nsinit(["kill"]).run().code(1).error(&["no container of"]);
            before.assert_restored();
        }
    });
}

#[test]
fn wait_ends_with_the_containers_exit_code() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let id = root.exec(["--detach", "/bin/sh", "-c", "read x < /tmp/go; exit 23"]);
            e2e::Cmd::new("mkfifo", [root.file("tmp/go")]).run().success();
            let id = id.run().success().out.trim().to_owned();
            let waiting =
                [root.nsinit(["wait"]).start(), root.nsinit(["wait", "--id", &id]).start()];
            std::thread::sleep(std::time::Duration::from_millis(100));
            std::fs::write(root.file("tmp/go"), "go\n").unwrap();
            for run in waiting {
                assert_eq!(run.wait().code(23).out, "23\n");
            }
            std::fs::remove_file(root.file("tmp/go")).unwrap();
            before.assert_restored();
            // One that is ended by a signal, and one that nobody knows.
            root.detach([""; 0]);
            let waiting = root.nsinit(["wait"]).start();
            std::thread::sleep(std::time::Duration::from_millis(50));
            root.nsinit(["kill", "9"]).run().success();
            waiting.wait().code(137);
            root.nsinit(["wait"]).run().code(1);
            before.assert_restored();
        }
    });
}

#[test]
fn delete_removes_what_has_ended_and_ends_by_force() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let id = root.detach([""; 0]);
            root.nsinit(["delete"]).run().code(1).error(&["runs", "--force"]);
            root.nsinit(["rm", "-f"]).run().success();
            before.assert_restored();
            root.nsinit(["delete"]).run().code(1).error(&["no container of"]);
            root.nsinit(["delete", "--force"]).run().success();
            root.nsinit(["delete", &id]).run().code(1).error(&[&id]);
            // What its supervisor's death left.
            let mut running = root.exec(["/probe", "catch"]).start();
            running.until("ready").signal(Signal::KILL);
            running.wait().signalled(Signal::KILL);
            until("its end", || root.nsinit(["ps", "-q"]).run().out.is_empty());
            assert!(root.nsinit(["list"]).run().success().out.contains("stopped"));
            root.nsinit(["delete"]).run().success();
            before.assert_restored();
        }
    });
}

#[test]
fn a_detached_command_runs_on_and_logs() {
    each_view(|world: &World| {
        for root in world.roots() {
            let log = world.path("log");
            let before = world.snapshot();
            let option = ["--detach", "--log", log.to_str().unwrap(), "/bin/sh", "-c"];
            let script = "echo out; echo err >&2; cat; tty; sleep 1000";
            let run = root.exec(option).args([script]).input("not for it").run().success();
            let id = run.out.trim().to_owned();
            let text = || std::fs::read_to_string(&log).unwrap_or_default();
            until("the log", || text() == "out\nerr\nnot a tty\n");
            assert_eq!(root.nsinit(["list", "-q"]).run().success().out.trim(), id);
            // A detached join belongs to the container, and ends with it.
            let join = root.exec(["-d", "--log", log.to_str().unwrap(), "/bin/sh", "-c"]);
            assert_eq!(join.args(["echo join; sleep 999"]).run().success().out.trim(), id);
            until("the log", || text().ends_with("not a tty\njoin\n"));
            root.delete();
            std::fs::remove_file(&log).unwrap();
            before.assert_restored();
            // It goes by itself when it ends; one that cannot start says so here.
            root.exec(["--detach", "/bin/true"]).run().success();
            // The next would join it while it is there.
            before.assert_restored();
            root.exec(["--detach", "/nowhere"]).run().code(127).error(&["/nowhere"]);
            before.assert_restored();
        }
    });
}

#[test]
fn rm_false_keeps_the_container_and_its_exit_code() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            root.exec(["--rm=false", "/bin/sh", "-c", "exit 6"]).run().code(6);
            assert!(root.nsinit(["list"]).run().success().out.contains("stopped"));
            assert_eq!(root.nsinit(["wait"]).run().code(6).out, "6\n");
            assert_eq!(root.nsinit(["state"]).run().success().json()["status"], "stopped");
            root.nsinit(["delete"]).run().success();
            before.assert_restored();
            root.exec(["--rm=false", "--detach", "/bin/sh", "-c", "exit 8"]).run().success();
            root.nsinit(["wait"]).run().code(8);
            root.nsinit(["wait"]).run().code(8);
            // The next start takes its place.
            root.exec(["/bin/true"]).run().success();
            before.assert_restored();
        }
    });
}

#[test]
fn init_reaps_and_passes_on() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            root.exec(["--init", "/bin/sh", "-c", "exit 9"]).run().code(9);
            let status = root.exec(["--init", "/probe", "status"]).run().success();
            assert_eq!(status.fact("ppid"), "1");
            assert_ne!(status.fact("pid"), "1");
            // Orphans that end are no zombies for long.
            let script = "for i in 1 2 3 4 5; do (sleep 0.05 &); done; sleep 0.4; \
                          grep -l 'State:.Z' /proc/[0-9]*/status | wc -l";
            let run = root.exec(["--init", "/bin/sh", "-c", script]).run().success();
            assert_eq!(run.out.trim(), "0");
            // It forwards, so a plain sleep can be ended.
            let mut running =
                root.exec(["--init", "/bin/sh", "-c", "echo up; exec sleep 99"]).start();
            running.until("up").signal(Signal::INT);
            running.wait().code(130);
            before.assert_restored();
        }
    });
}

#[test]
fn a_log_file_and_debug_tell_what_happens() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        let log = world.path("log");
        let options = ["--debug", "--log-file", log.to_str().unwrap(), "exec", "/nowhere"];
        let run = root.nsinit(options).run().code(127);
        assert!(run.err.lines().count() > 3 && run.err.contains("debug: "), "{}", run.err);
        assert_eq!(std::fs::read_to_string(&log).unwrap(), run.err);
        std::fs::remove_file(log).unwrap();
        before.assert_restored();
    });
}

#[test]
fn update_changes_what_is_named_and_nothing_else() {
    on_this_host(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        root.detach(["--cpushares", "512"]);
        let pid = root.nsinit(["state"]).run().success().json()["init_process_pid"].as_i64();
        let groups = e2e::resources::Groups::of(pid.unwrap() as i32);
        let files = [
            ("memory", "memory.limit_in_bytes"),
            ("memory", "memory.swappiness"),
            ("cpu", "cpu.shares"),
            ("cpuset", "cpuset.cpus"),
            ("devices", "devices.list"),
            ("", "memory.max"),
            ("", "cpu.weight"),
            ("", "cpuset.cpus"),
        ];
        let all = || files.map(|(hierarchy, file)| groups.read(hierarchy, file));
        let mut shown = all();
        let update = |flags: &[&str]| root.nsinit(["update"]).args(flags).run();
        for (flags, at, value) in [
            (&["--memory-limit", "96m"][..], [0, 5], ["100663296"; 2]),
            (&["--cpushares", "1024"], [2, 6], ["1024", "100"]),
            (&["--cpuset-cpus", "0"], [3, 7], ["0"; 2]),
            (&["--memory-limit=64m"], [0, 5], ["67108864"; 2]),
        ] {
            update(flags).success();
            for (at, value) in at.into_iter().zip(value) {
                if shown[at].is_some() {
                    shown[at] = Some(format!("{value}\n"));
                }
            }
            assert_eq!(all(), shown, "{flags:?}");
        }
        update(&[]).code(2).error(&["--memory-limit"]);
        update(&["--memory-limit", "much"]).code(1).error(&["--memory-limit much"]);
        update(&["--cpuset-cpus", "4000"]).code(1).error(&["cpuset.cpus"]);
        root.delete();
        update(&["--cpushares", "100"]).code(1);
        before.assert_restored();
    });
}
