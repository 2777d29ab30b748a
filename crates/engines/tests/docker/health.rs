//! docker run --health-cmd.

use std::time::{Duration, Instant};

use crate::docker;

#[test]
fn health_follows_the_command() {
    let Some(docker) = docker() else { return };
    let options = "--health-interval 0.5s --health-retries 2 --health-timeout 5s --tty";
    let name = docker.sandbox.name("health");
    let run = docker.cli(["run", "--detach", "--name", &name, "--health-cmd", "test -e /well"]);
    let run = run.args(options.split(' ')).args(["busybox", "sleep", "1000"]).run();
    run.code(0);
    let until = |wanted: &str| {
        let end = Instant::now() + Duration::from_secs(40);
        while docker.inspect(&name, ".State.Health.Status") != wanted {
            let log = docker.inspect(&name, "json .State.Health");
            assert!(Instant::now() < end, "not {wanted}: {log}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    until("unhealthy");
    docker.exec("", &name, "echo > /well").run().code(0);
    until("healthy");
    docker.exec("", &name, "rm /well").run().code(0);
    until("unhealthy");
    docker.remove(&[&name]);
}
