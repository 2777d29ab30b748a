//! Mounts, in the container and on the host.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::{Curve, compared, one};
use crate::Result;
use crate::table::Table;
use crate::world::World;

/// 1 to 1,000 binds of a file.
pub fn inside(world: &World) -> Result<Vec<Table>> {
    let tmp = world.rootfs.join("tmp");
    let told = |error: std::io::Error| format!("{}: {error}", tmp.display());
    fs::create_dir_all(&tmp).map_err(told)?;
    for number in 0..1000 {
        fs::write(tmp.join(format!("t{number}")), "").map_err(told)?;
    }
    let source = world.rootfs.join("bin/busybox");
    let rootfs = world.rootfs.to_string_lossy();
    let floor = world.floor()?;
    let mut curve = Curve::new("mounts", "run with so many bind mounts of the config's");
    for count in [1, 10, 100, 1000] {
        let bind = |number| {
            json!({ "destination": format!("/tmp/t{number}"), "type": "bind", "source": source,
                    "options": ["bind"] })
        };
        let size = count.to_string();
        let args = ["-b", &size, "run", &rootfs, "/bin/true"];
        let mut cases = vec![one("floor", Ok(floor.step(&world.dir, &args)))];
        for candidate in compared(world) {
            let edit = |config: &mut Value| {
                if let Some(mounts) = config["mounts"].as_array_mut() {
                    mounts.extend((0..count).map(bind));
                }
            };
            let bundle = world.bundle(candidate, &format!("binds-{count}"), &["/bin/true"], edit);
            let id = candidate.id("binds");
            cases.push(one(&candidate.name, bundle.map(|dir| candidate.step(&dir, &["run", &id]))));
        }
        curve.measure(world, &size, 12, &cases)?;
    }
    Ok(vec![curve.table(world)])
}

/// Up to 10,000 mounts on the host, which the kernel copies into each mount namespace.
pub fn on_the_host(world: &World) -> Result<Vec<Table>> {
    // Ten mounts; ten copies of those; ... : each level has ten times as many.
    let script = "set -e; mkdir -p \"$1\"; cd \"$1\"; mkdir -p $2/0 $2/1 $2/2 $2/3 $2/4 $2/5 $2/6 $2/7 $2/8; \
                  for to in 0 1 2 3 4 5 6 7 8; do mount --rbind $(($2 - 1)) $2/$to; done";
    let place = world.dir.join("many");
    fs::create_dir_all(place.join("0")).map_err(|error| format!("{}: {error}", place.display()))?;
    let floor = world.floor()?;
    let mut curve = Curve::new("host-mounts", "beside so many mounts on the host");
    for level in 0..=4 {
        if level > 0 {
            let status = Command::new("sh")
                .args(["-c", script, "sh"])
                .arg(&place)
                .arg(level.to_string())
                .status()
                .map_err(|error| format!("sh: {error}"))?;
            if !status.success() {
                return Err(format!("mounts: {status}"));
            }
        }
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mut cases = vec![one("floor", floor.run(world))];
        cases.extend(compared(world).iter().map(|c| one(&c.name, c.run(world))));
        curve.measure(world, &table.lines().count().to_string(), 12, &cases)?;
    }
    for level in 1..=4 {
        for copy in 0..9 {
            let mount = place.join(level.to_string()).join(copy.to_string());
            let _ = Command::new("umount").arg("-l").arg(mount).status();
        }
    }
    Ok(vec![curve.table(world)])
}
