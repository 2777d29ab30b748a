//! `docker run`, with a daemon of its own and each runtime in turn.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use engines::{Docker, View};
use serde_json::{Map, json};

use crate::Result;
use crate::candidate::Kind;
use crate::launch::{self, Case, Plan, Step};
use crate::table::Table;
use crate::world::World;

/// `docker run --rm busybox true` from the client's start to its end. Most of it is the engine's:
/// its shim, the image's layers, a network device and its rules.
pub fn docker(world: &World) -> Result<Vec<Table>> {
    let candidates = world.of(&[Kind::Oci]);
    // Docker keeps the name runc for its own.
    let name = |candidate: &str| format!("bench-{candidate}");
    let mut runtimes = Map::new();
    for one in &candidates {
        let path = world.dir.join(format!("docker-{}", one.name));
        script(&path, &one.program).map_err(|error| format!("{}: {error}", path.display()))?;
        runtimes.insert(name(&one.name), json!({ "path": path }));
    }
    let daemon = json!({ "runtimes": runtimes }).to_string();
    // What this process sees is the layout already.
    let docker = Docker::configured(&world.tag, View::Host, &daemon)?;
    let host = format!("unix://{}", docker.socket().display());
    let cases: Vec<Case> = candidates
        .iter()
        .map(|one| {
            let runtime = name(&one.name);
            let argv = ["/usr/bin/docker", "--host", &host, "run", "--rm", "--runtime", &runtime];
            let argv = [argv.as_slice(), &["busybox", "true"]].concat();
            Case::new(&one.name, Ok(vec![Step::new(&world.dir, &argv)]))
        })
        .collect();
    let plan = Plan {
        key: "docker",
        title: "docker run --rm busybox true (CPU and memory are the client's)",
        rounds: world.arguments.rounds / 6,
        paused: false,
        calls: false,
    };
    let tables = launch::tables(world, plan, &cases);
    let work = docker.sandbox.work.clone();
    drop(docker);
    until_gone(&work);
    tables
}

/// Every runtime stands behind a script that strikes out what crun refuses, and Docker always asks
/// for, where the version 2 tree has no io controller: the same for all.
fn script(path: &Path, program: &str) -> std::io::Result<()> {
    let text = format!(
        r#"#!/bin/sh
last=
for word; do
    [ "$last" != --bundle ] || sed -i 's/,"blockIO":{{[^}}]*}}//' "$word/config.json"
    last=$word
done
exec {program} "$@"
"#
    );
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// The daemon's world takes itself apart; it would be killed half-way if this process ended first.
fn until_gone(work: &Path) {
    let end = Instant::now() + Duration::from_secs(30);
    while work.exists() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
}
