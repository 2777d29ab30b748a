//! What CRIU cannot do, or not here: refused before anything is frozen; and the container goes on.

use e2e::counting::no_criu;
use e2e::{Cmd, World, each_view, on_this_host, until};
use serde_json::json;

/// No flags.
const NONE: [&str; 0] = [];

/// A shell that counts into /count, a line a number, and has nothing of the host's open.
const QUIET: &str = "exec </dev/null >/dev/null 2>&1; \
                     i=0; while true; do echo $i >>/count; i=$((i+1)); sleep 0.05; done";

/// The pid in the innermost PID namespace.
fn inner_pid(pid: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap();
    line.split_ascii_whitespace().last().unwrap().to_owned()
}

/// CRIU itself, asked to save a container with a process that was executed in it, saves it without
/// that process, and says nothing: so we refuse it.
#[test]
fn an_executed_process_would_be_lost_by_criu() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh(QUIET);
        let init = bundle.detach().to_string();
        let script = "exec </dev/null >/dev/null 2>&1; exec sleep 1000";
        let pid_file = world.path("pid");
        bundle
            .nsrun(["exec", "--detach", "--pid-file", pid_file.to_str().unwrap(), &bundle.id])
            .args(["/bin/sh", "-c", script])
            .leaves_behind()
            .run()
            .success();
        let executed = std::fs::read_to_string(pid_file).unwrap();
        until("it sleeps", || {
            std::fs::read(format!("/proc/{executed}/comm")).unwrap() == b"sleep\n"
        });
        bundle.counts_on();
        let images = world.path("images");
        std::fs::create_dir(&images).unwrap();
        let criu = e2e::criu().unwrap().join("criu");
        Cmd::new(criu, ["dump", "--leave-running", "--manage-cgroups=ignore", "--root", "/"])
            .args(["--tree", &init, "--images-dir", images.to_str().unwrap()])
            .args(["--external", "mnt[]:m"])
            .run()
            .code(0);
        let is_saved = |pid: &str| images.join(format!("core-{}.img", inner_pid(pid))).exists();
        assert!(is_saved(&init));
        assert!(!is_saved(&executed), "CRIU saves it by now: so can we");
        let run = bundle.checkpoint("images", NONE).run().code(1);
        run.error(&["sleep", "executed in it from outside"]);
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(executed.parse().unwrap()).unwrap(),
            rustix::process::Signal::KILL,
        )
        .ok();
        until("its end", || {
            let stat = std::fs::read_to_string(format!("/proc/{executed}/stat"));
            stat.map_or(true, |stat| stat.contains(") Z"))
        });
        bundle.checkpoint("images", NONE).run().success();
        bundle.restore("images", NONE).run().success();
        bundle.counts_on();
        bundle.delete();
    });
}

/// Without privileges CRIU saves nothing that has namespaces of its own.
#[test]
fn an_ordinary_user_is_told_so() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let user = world.user();
        let mut bundle = world.bundle();
        bundle.push("/linux/namespaces", json!({"type": "user"}));
        let own = json!([{"containerID": 0, "hostID": user.id, "size": 1}]);
        bundle.set("/linux/uidMappings", own.clone());
        bundle.set("/linux/gidMappings", own);
        bundle.set("/linux/cgroupsPath", json!(null));
        bundle.sh(QUIET);
        user.own_all(&bundle.path);
        let state = user.runtime_dir.join("nsrun");
        std::fs::create_dir_all(&state).unwrap();
        user.own(&state);
        user.run(bundle.run(["--detach"])).leaves_behind().run().success();
        bundle.counts_on();
        let run = user.run(bundle.checkpoint("images", NONE)).run().code(1);
        run.error(&["checkpoint", "root"]);
        assert!(!bundle.path.join("images").exists());
        bundle.counts_on();
        let run = user.run(bundle.restore("images", NONE)).run().code(1);
        run.error(&["restor", "root"]);
        bundle.counts_on();
        user.run(bundle.nsrun(["delete", "--force", &bundle.id])).run().success();
    });
}
