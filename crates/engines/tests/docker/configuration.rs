//! The daemon.json of docs/engines.md.

use engines::{Docker, View};

#[test]
fn the_documented_one_works() {
    if !engines::in_time() {
        return;
    }
    let json = engines::documented("Docker", "json");
    let docker = Docker::configured("docker-json", View::Host, &json).unwrap();
    let info = docker.cli(["info", "--format", "{{.DefaultRuntime}}"]).run().code(0);
    assert_eq!(info.out, "nsrun\n");
    docker.expect("", "echo ran", "ran");
    docker.expect("--runtime nsrun", "echo ran", "ran");
}
