//! What OCI 1.3 says of a process beside who it is: its scheduling, and the agent of its system
//! calls; from config.json and from `exec --process`.

use std::io::Read;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use e2e::{World, each_view, on_this_host};
use serde_json::{Value, json};

/// Nice value, real-time priority and policy, and more in lines of their own.
const LOOK: &str = "cut -d' ' -f19,40,41 /proc/self/stat; ionice; cat /proc/$$/personality; \
    grep -c bind /proc/self/numa_maps >/dev/null && echo bound; umask; cat /proc/self/oom_score_adj; \
    grep -o 'Cpus_allowed_list.*' /proc/self/status | cut -f2";

fn settings() -> Value {
    json!({
        "scheduler": {"policy": "SCHED_BATCH", "nice": 7, "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
        "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 6},
        "execCPUAffinity": {"initial": "0", "final": "0"},
        "oomScoreAdj": 345,
    })
}

#[test]
fn scheduling_of_the_first_process_and_of_further_ones() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        for (key, value) in settings().as_object().unwrap() {
            bundle.set(&format!("/process/{key}"), value.clone());
        }
        bundle.set("/process/user/umask", 0o027);
        bundle.set("/linux/personality", json!({"domain": "LINUX32"}));
        bundle.set("/linux/memoryPolicy", json!({"mode": "MPOL_BIND", "nodes": "0"}));
        bundle.sh(LOOK);
        let all = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
        let rest = "best-effort: prio 6\n00000008\nbound\n0027\n345\n";
        // Its children begin at the usual nice value where that was below; here it was above.
        let run = bundle.run([""; 0]).run().success();
        assert_eq!(run.out, format!("7 0 3\n{rest}{all}"));
        bundle.args(["/probe", "sleep", "1000"]);
        let file = world.path("process.json");
        std::fs::write(&file, "").unwrap();
        let before = world.snapshot();
        bundle.detach();
        let run = bundle.exec(["sh", "-c", LOOK]).run().success();
        assert_eq!(run.out, format!("7 0 3\n{rest}0\n"));
        // A file has it all anew; the container's own is what it does not say.
        let process = json!({"args": ["sh", "-c", LOOK], "cwd": "/",
            "scheduler": {"policy": "SCHED_IDLE"},
            "ioPriority": {"class": "IOPRIO_CLASS_IDLE"}, "execCPUAffinity": {}});
        std::fs::write(&file, process.to_string()).unwrap();
        let run = || bundle.nsrun(["exec", "--process", file.to_str().unwrap(), &bundle.id]).run();
        let rest = "idle\n00000008\nbound\n0027\n345\n";
        assert_eq!(run().success().out, format!("0 0 5\n{rest}{all}"));
        for (key, value, words) in [
            ("scheduler", json!({"policy": "SCHED_FIFO"}), "process.scheduler.priority: 0 is not"),
            ("scheduler", json!({"policy": "SCHED_X"}), "scheduler.policy: unknown variant"),
            ("ioPriority", json!({"class": "IOPRIO_CLASS_BE", "priority": 8}), "ioPriority.prio"),
            ("execCPUAffinity", json!({"initial": "1-0"}), "execCPUAffinity.initial: \"1-0\" is"),
            ("execCPUAffinity", json!({"final": "1000"}), "process.execCPUAffinity.final: sched"),
            ("args", json!([]), "args: is required"),
        ] {
            let mut wrong = process.clone();
            wrong[key] = value;
            std::fs::write(&file, wrong.to_string()).unwrap();
            run().code(255).error(&[words]);
        }
        bundle.delete();
        std::fs::write(&file, "").unwrap();
        before.assert_restored();
    });
}

/// Takes states at this path, and gives up the descriptors that come along.
fn agent(path: &Path) -> Receiver<Value> {
    let listener = UnixListener::bind(path).unwrap();
    let (sender, states) = channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut text = String::new();
            connection.unwrap().read_to_string(&mut text).unwrap();
            if sender.send(serde_json::from_str(&text).unwrap()).is_err() {
                return;
            }
        }
    });
    states
}

#[test]
fn an_agent_is_told_or_nothing_runs() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        let path = world.path("agent.sock");
        bundle.set("/annotations", json!({"org.example": "x"}));
        bundle.set(
            "/linux/seccomp",
            json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path,
                "listenerMetadata": "meta", "flags": ["SECCOMP_FILTER_FLAG_LOG"],
                "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}),
        );
        bundle.args(["/probe", "mkdir", "/made"]);
        // Nobody is there.
        let before = world.snapshot();
        let words = ["failed to connect with the seccomp agent", path.to_str().unwrap()];
        bundle.run([""; 0]).run().code(255).error(&words);
        before.assert_restored();
        bundle.create([""; 0]).run().code(1).error(&words);
        before.assert_restored();
        // Or not any more.
        drop(UnixListener::bind(&path).unwrap());
        bundle.create([""; 0]).run().success();
        bundle.verb("start").run().code(1).error(&words);
        bundle.until_stopped();
        bundle.delete();
        std::fs::remove_file(&path).unwrap();
        before.assert_restored();
        // Somebody is, who gives the calls up.
        let states = agent(&path);
        let state = || states.recv_timeout(Duration::from_secs(20)).unwrap();
        let gone = "error ENOSYS mkdir /made\n";
        assert_eq!(bundle.run([""; 0]).run().code(1).out, gone);
        let told = state();
        assert_eq!(told["fds"], json!(["seccompFd"]));
        assert_eq!((&told["metadata"], &told["pid"]), (&json!("meta"), &told["state"]["pid"]));
        assert_eq!(told["state"]["id"], json!(bundle.id));
        assert_eq!(told["state"]["bundle"], json!(bundle.path));
        assert_eq!(told["state"]["annotations"], json!({"org.example": "x"}));
        bundle.args(["/probe", "sleep", "1000"]);
        bundle.create([""; 0]).run().success();
        bundle.verb("start").run().success();
        let pid = &bundle.state()["pid"];
        assert_eq!(&state()["pid"], pid);
        assert_eq!(bundle.exec(["/probe", "mkdir", "/made"]).run().code(1).out, gone);
        let told = state();
        assert_eq!((&told["state"]["pid"], &told["state"]["status"]), (pid, &json!("running")));
        assert_ne!(&told["pid"], pid);
        bundle.delete();
        std::fs::remove_file(&path).unwrap();
    });
}
