//! CRIU is killed in the middle of its work: a container that was to be saved goes on, with its
//! network; one that was to come back leaves nothing.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use e2e::counting::no_criu;
use e2e::trace::has_strace;
use e2e::{Bundle, Cmd, World, each_view, on_this_host, seconds, until};

/// No flags.
const NONE: [&str; 0] = [];

/// Calls at which nothing of CRIU's own is under way in the processes: what it has them do, by
/// ptrace(2), nobody else could undo.
const BETWEEN: [&str; 6] = ["newfstatat", "getdents64", "kcmp", "lseek", "splice", "unlinkat"];

fn no_tools() -> bool {
    no_criu() || !has_strace()
}

/// A CRIU under strace(1), which has it killed, or only looks.
struct Traced {
    directory: PathBuf,
}

impl Traced {
    /// Not in /tmp, which is covered for a CRIU that is elsewhere; /run is the world's own. With a
    /// copy of the real one, which may be in /tmp.
    fn new() -> Self {
        let directory = PathBuf::from("/run/traced");
        std::fs::create_dir(&directory).unwrap();
        let shown = directory.display();
        let real = directory.join("real");
        let own = e2e::criu().unwrap();
        Cmd::new("cp", [OsStr::new("-a"), own.as_os_str(), real.as_os_str()]).run().success();
        let script = format!(
            "#!/bin/sh\nexec strace -D -qq -e signal=none $(cat {shown}/options) {}/criu \"$@\"\n",
            real.display()
        );
        let program = directory.join("criu");
        std::fs::write(&program, script).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(program, executable).unwrap();
        Self { directory }
    }

    fn by(&self, command: Cmd) -> Cmd {
        let usual = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{usual}", self.directory.display())).seconds(60)
    }

    /// The calls that CRIU makes while it does something from the first one that says `from`.
    fn calls(&self, command: Cmd, from: &str) -> Vec<(String, usize)> {
        let log = self.directory.join("log");
        std::fs::write(self.directory.join("options"), format!("-o {}", log.display())).unwrap();
        self.by(command).run().success();
        let text = || std::fs::read_to_string(&log).unwrap_or_default();
        until("the end of the trace", || text().contains("exit_group("));
        let mut counts = std::collections::BTreeMap::new();
        let (mut all, mut begun) = (Vec::new(), false);
        for line in text().lines() {
            let Some((name, _)) = line.split_once('(') else { continue };
            let count: &mut usize = counts.entry(name.to_owned()).or_default();
            *count += 1;
            begun |= line.contains(from);
            if begun && BETWEEN.contains(&name) {
                all.push((name.to_owned(), *count));
            }
        }
        assert!(!all.is_empty());
        all
    }

    /// CRIU will be killed there.
    fn kill_at(&self, (name, number): &(String, usize)) {
        let options =
            format!("-o /dev/null -e trace={name} -e inject={name}:signal=KILL:when={number}");
        std::fs::write(self.directory.join("options"), options).unwrap();
    }
}

/// About so many of them.
fn some(all: &[(String, usize)], count: usize) -> impl Iterator<Item = &(String, usize)> {
    let step = if e2e::trace::whole() { 1 } else { (all.len() / count).max(1) };
    all.iter().step_by(step)
}

/// A server and a client in the container hear each other.
fn is_heard(bundle: &Bundle) -> bool {
    // Where it is locked, the first knock waits in vain; where nobody listens yet, it comes back.
    let script = "nc -l -p 7001 -e /bin/echo heard & until nc 127.0.0.1 7001; do sleep 0.1; done";
    let heard = bundle.exec(["timeout", "8", "sh", "-c", script]);
    heard.leaves_behind().run().out.contains("heard")
}

#[test]
fn what_was_to_be_saved_goes_on_as_before() {
    if no_tools() {
        return;
    }
    each_view(|world: &World| {
        let mut bundle = world.counting();
        let traced = Traced::new();
        let save = |bundle: &Bundle| bundle.checkpoint("images", ["--leave-running"]);
        let all = traced.calls(save(&bundle), "freeze");
        let mut killed = 0;
        for point in some(&all, 5) {
            traced.kill_at(point);
            let run = traced.by(save(&bundle)).run();
            if !run.status.success() {
                run.code(1).error(&["CRIU ended without an answer", "dump.log"]);
                killed += 1;
            }
            assert_eq!(bundle.status(), "running", "killed at call {} of {}", point.1, point.0);
            bundle.goes_on();
        }
        assert!(killed > 1, "{killed}");
        assert!(is_heard(&bundle), "its network is locked");
        // Another kind of lock, and what was paused stays so.
        let options = world.path("options");
        std::fs::write(&options, "network-lock nftables\n").unwrap();
        bundle.set("/annotations", serde_json::json!({"org.criu.config": options}));
        bundle.delete();
        bundle.detach();
        for point in some(&all[all.len() / 2..], 2) {
            traced.kill_at(point);
            traced.by(save(&bundle)).run();
            assert_eq!(bundle.status(), "running", "killed at call {} of {}", point.1, point.0);
        }
        assert!(is_heard(&bundle), "its network is locked");
        bundle.verb("pause").run().success();
        traced.kill_at(&all[all.len() / 2]);
        traced.by(save(&bundle)).run().code(1);
        assert_eq!(bundle.status(), "paused");
        bundle.verb("resume").run().success();
        save(&bundle).run().success();
        bundle.goes_on();
        bundle.delete();
    });
}

/// The directories that CRIU makes.
fn temporary() -> Vec<String> {
    let names = std::fs::read_dir("/tmp").unwrap().flatten();
    let mut names: Vec<_> = names.map(|one| one.file_name().to_string_lossy().into()).collect();
    names.retain(|name: &String| name.starts_with(".criu."));
    names.sort();
    names
}

#[test]
fn what_was_to_come_back_leaves_nothing() {
    if no_tools() {
        return;
    }
    on_this_host(|world: &World| {
        let bundle = world.counting();
        bundle.checkpoint("images", NONE).run().success();
        bundle.verb("delete").run().success();
        let traced = Traced::new();
        let restore = || bundle.restore("images", NONE);
        let before = world.snapshot();
        let all = traced.calls(restore(), "restore.log");
        bundle.delete();
        let directories = temporary();
        for point in some(&all, 8) {
            traced.kill_at(point);
            let run = traced.by(restore()).run();
            if run.status.success() {
                bundle.delete();
            } else {
                bundle.verb("state").run().code(1);
            }
            bundle.tidy(["images/restore.log", "images/stats-restore"]);
            let left = before.wait_restored(seconds(3).max(Duration::from_secs(3)));
            let left: String = left.lines().filter(|line| !line.contains(" file ")).collect();
            assert!(left.is_empty(), "killed at call {} of {}: {left}", point.1, point.0);
        }
        until("nothing in /tmp", || temporary().iter().all(|name| directories.contains(name)));
        restore().run().success();
        bundle.goes_on();
        bundle.delete();
    });
}
