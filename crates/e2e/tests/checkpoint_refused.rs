//! What CRIU cannot do, or not here: refused before anything is frozen; and the container goes on.

use e2e::counting::{COUNT, no_criu};
use e2e::{Bundle, Cmd, World, each_view, on_this_host, until};
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
        // Who executed it has ended: the kernel gives such an orphan to the first process of its
        // father's PID namespace, which is the one outside.
        let status = std::fs::read_to_string(format!("/proc/{executed}/status")).unwrap();
        assert!(status.contains("\nPPid:\t1\n"), "{status}");
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

/// What an executed process has left behind in the container is its first process's then, and comes
/// back with it.
#[test]
fn what_an_executed_process_leaves_behind_survives() {
    if no_criu() {
        return;
    }
    each_view(|world: &World| {
        let bundle = world.counting();
        let script = "exec </dev/null >/dev/null 2>&1; \
                      (i=0; while true; do echo $i >>/other; i=$((i+1)); sleep 0.05; done) &";
        bundle.exec(["/bin/sh", "-c", script]).run().success();
        let other = bundle.path.join("rootfs/other");
        let counted = || -> Vec<usize> {
            let text = std::fs::read_to_string(&other).unwrap_or_default();
            text.lines().map(|line| line.parse().unwrap()).collect()
        };
        until("both count", || counted().len() > 3);
        bundle.checkpoint("images", NONE).run().success();
        let saved = counted().len();
        bundle.restore("images", NONE).run().success();
        bundle.counts_on();
        until("the other, too", || counted().len() > saved + 2);
        assert_eq!(counted(), (0..counted().len()).collect::<Vec<_>>());
        bundle.delete();
    });
}

/// What no CRIU can do is told by its name, before CRIU has begun.
#[test]
fn what_criu_does_not_know_is_told_first() {
    if no_criu() {
        return;
    }
    on_this_host(|world: &World| {
        let refused = |bundle: &Bundle, words: &[&str]| {
            bundle.checkpoint("images", NONE).run().code(1).error(words);
            assert!(!bundle.path.join("images/dump.log").exists());
            assert_eq!(bundle.status(), "running");
            bundle.goes_on();
            bundle.delete();
        };
        // An idmapped mount.
        let mut bundle = world.bundle();
        let data = world.path("data");
        std::fs::create_dir(&data).unwrap();
        let ids = json!([{"containerID": 0, "hostID": 1000, "size": 1}]);
        bundle.push(
            "/mounts",
            json!({"destination": "/data", "type": "bind", "source": data, "options": ["bind"],
                "uidMappings": ids, "gidMappings": ids}),
        );
        bundle.sh(COUNT).detach();
        refused(&bundle, &["idmapped mount"]);
        // An idmapped root.
        let mut bundle = world.bundle();
        bundle.push("/linux/namespaces", json!({"type": "user"}));
        for field in ["/linux/uidMappings", "/linux/gidMappings"] {
            bundle.push(field, json!({"containerID": 0, "hostID": 100_000, "size": 65536}));
        }
        bundle.set("/annotations", json!({"org.nsrun.rootfs-idmap": "true"}));
        bundle.sh(COUNT).detach();
        refused(&bundle, &["idmapped mount"]);
        // A file of the host's that is no standard stream.
        let mut bundle = world.bundle();
        bundle.sh(COUNT);
        let file = world.path("file");
        std::fs::write(&file, "").unwrap();
        let script = format!("exec \"$@\" 3<{}", file.display());
        let run = bundle.run(["--detach", "--preserve-fds", "1"]);
        run.by(["sh", "-c", &script, "sh"]).leaves_behind().run().success();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        refused(&bundle, &["descriptor 3", &name, "outside of the container"]);
        // The host's mount namespace.
        let mut bundle = world.bundle();
        let kinds = ["pid", "network", "ipc", "uts", "cgroup"].map(|kind| json!({"type": kind}));
        bundle.set("/linux/namespaces", json!(kinds)).set("/mounts", json!([]));
        bundle.set("/linux/maskedPaths", json!([])).set("/linux/readonlyPaths", json!([]));
        bundle.sh(COUNT).detach();
        refused(&bundle, &["the host's mount namespace"]);
        // A view of the host.
        let root = world.busybox();
        let run = root.exec(["--host", "--detach", "/bin/sleep", "1000"]).leaves_behind().run();
        let id = run.success().out.trim().to_owned();
        let checkpoint = root.nsinit(["checkpoint", "--image-path", "../saved", "--id", &id]);
        checkpoint.with_criu().run().error(&["a view of the host's"]);
        root.nsinit(["delete", "--force", "--id", &id]).run().success();
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
        // nsinit tells the same.
        let root = world.busybox();
        user.own_all(&root.path);
        let run = user.run(root.exec(["--detach", "/probe", "sleep", "1000"]));
        run.leaves_behind().run().success();
        for verb in ["checkpoint", "restore"] {
            let run = user.run(root.nsinit([verb, "--image-path", "../saved"]).with_criu());
            run.run().error(&[verb.trim_end_matches('e'), "only root of the host"]);
        }
        assert!(!root.path.join("../saved").exists());
        let state = user.run(root.nsinit(["list"])).run().success().out;
        assert!(state.contains("running"), "{state}");
        user.run(root.nsinit(["delete", "--force"])).run().success();
    });
}
