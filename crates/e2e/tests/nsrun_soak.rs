//! Many cycles, after which nothing is left: $SOAK of them, a few where that is not set.

use e2e::{Bundle, Cmd, World, each_view};

/// No flags.
const NONE: [&str; 0] = [];

fn cycles() -> usize {
    std::env::var("SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(25)
}

/// `SCRIPT` as many times, in one shell.
fn repeat(bundle: &Bundle, script: &str, times: usize) {
    let program = e2e::nsrun();
    let program = program.to_str().unwrap();
    let script =
        format!("for i in $(seq {times}); do {} || exit 1; done", script.replace("nsrun", program));
    let seconds = 60 + times as u64;
    let id = bundle.id.as_str();
    Cmd::new("sh", ["-c", &script, "sh", id]).dir(&bundle.path).seconds(seconds).run().success();
}

/// What a process holds: descriptors, memory in KiB.
fn holds(pid: i32) -> (usize, u64) {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    (descriptors, line.trim().trim_end_matches(" kB").parse().unwrap())
}

#[test]
fn runs() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.args(["/bin/true"]);
        bundle.run(NONE).run().success();
        let before = world.snapshot();
        repeat(&bundle, "nsrun run \"$1\"", cycles());
        before.assert_restored();
        let engine = "nsrun create \"$1\" && nsrun start \"$1\" && nsrun delete --force \"$1\"";
        repeat(&bundle, engine, cycles() / 2 + 1);
        before.assert_restored();
    });
}

#[test]
fn execs() {
    each_view(|world: &World| {
        let mut bundle = world.bundle();
        bundle.args(["/bin/true"]);
        bundle.run(NONE).run().success();
        bundle.args(["/probe", "sleep", "1000"]);
        let before = world.snapshot();
        // In the foreground, so that our own memory shows, too.
        let running = bundle.run(NONE).seconds(100_000).leaves_behind().start();
        e2e::until("running", || {
            let state = bundle.verb("state").run();
            state.status.success() && state.json()["status"] == "running"
        });
        repeat(&bundle, "nsrun exec \"$1\" /bin/true", 5);
        let pid = bundle.state()["pid"].as_i64().unwrap() as i32;
        let (inits, ours) = (holds(pid), holds(running.pid()));
        repeat(&bundle, "nsrun exec \"$1\" /bin/true", cycles());
        assert_eq!(holds(pid), inits);
        assert_eq!(holds(running.pid()), ours);
        bundle.delete();
        running.wait().code(137);
        before.assert_restored();
    });
}
