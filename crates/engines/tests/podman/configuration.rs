//! The containers.conf of docs/engines.md.

use engines::Json;

use crate::podman;

#[test]
fn the_documented_one_works() {
    let Some(podman) = podman() else { return };
    let conf = engines::documented("Podman", "toml");
    let path = podman.sandbox.work.join("documented.conf");
    let limits = "default_ulimits = [\"nofile=1024:2048\", \"nproc=2048:4096\"]";
    // Beside it, what this machine and the other tests need.
    std::fs::write(&path, format!("[containers]\n{limits}\n\n{conf}")).unwrap();
    let cli = |args: &[&str]| {
        let cmd = podman.cli_with(Json::Told, ["--cgroup-manager", "cgroupfs"]).args(args);
        cmd.env("CONTAINERS_CONF", &path)
    };
    let info = cli(&["info", "--format", "{{.Host.OCIRuntime.Name}}"]).run().code(0);
    assert_eq!(info.out, "nsrun\n");
    let run = cli(&["run", "--rm", "--pull=never", "--network", "none"]).args(podman.parent());
    run.args([engines::Podman::IMAGE, "nosuch"]).run().code(127);
}
