//! Containers that outlive the daemon (`live-restore`).

use e2e::until;
use engines::{Docker, View};

#[test]
fn containers_outlive_the_daemon() {
    if !engines::in_time() {
        return;
    }
    let json = format!(
        r#"{{"live-restore": true, "runtimes": {{"nsrun": {{"path": {:?}}}}},
            "default-runtime": "nsrun"}}"#,
        engines::runtime().unwrap()
    );
    let mut docker = Docker::configured("docker-live", View::Host, &json).unwrap();
    let script = "trap 'exit 3' TERM; i=0; while :; do i=$((i+1)); echo n$i; sleep 0.1; done";
    let runs = docker.background("", &["sh", "-c", script]);
    let paused = docker.background("", &["sleep", "1000"]);
    docker.cli(["pause", &paused]).run().code(0);
    let pid = docker.inspect(&runs, ".State.Pid");
    for signal in ["TERM", "KILL"] {
        docker.again(signal).unwrap();
        assert_eq!(docker.inspect(&runs, ".State.Status"), "running", "{signal}");
        assert_eq!(docker.inspect(&runs, ".State.Pid"), pid, "{signal}");
        assert_eq!(docker.inspect(&paused, ".State.Status"), "paused", "{signal}");
        let run = docker.exec("", &runs, "echo inside").run().code(0);
        assert_eq!(run.out.trim(), "inside");
        let lines = || docker.cli(["logs", &runs]).run().out.lines().count();
        let before = lines();
        until("further lines in the log", || lines() > before);
    }
    docker.cli(["unpause", &paused]).run().code(0);
    docker.cli(["stop", "--time", "20", &runs]).run().code(0);
    assert_eq!(docker.inspect(&runs, ".State.ExitCode"), "3");
    // One that ends while nobody looks, and one that is born then.
    let short = docker.background("", &["sleep", "2"]);
    docker.again("KILL").unwrap();
    until("its end", || docker.inspect(&short, ".State.Status") == "exited");
    docker.expect("", "echo ran", "ran");
    docker.remove(&[&runs, &paused, &short]);
}
