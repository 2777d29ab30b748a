//! As an ordinary user, with one id and no control group.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::Result;
use crate::candidate::{Candidate, Kind};
use crate::figures::Held;
use crate::launch::{self, Case, Plan, Step};
use crate::table::Table;
use crate::world::World;

/// run and exec by a user.
pub fn rootless(world: &World) -> Result<Vec<Table>> {
    let home = prepare(world)?;
    let rootfs = home.join("rootfs");
    let floor = world.floor()?;
    let run = ["-u", "run", &rootfs.to_string_lossy(), "/bin/true"];
    let mut runs = vec![Case::new("floor", Ok(vec![floor.step(&home, &run).by_user(&home)]))];
    let mut execs = Vec::new();
    let mut holds = Vec::new();
    for candidate in world.of(&[Kind::Oci]) {
        let user = User { world, candidate, home: &home };
        runs.push(Case::new(
            &candidate.name,
            user.run("true", &["/bin/true"], &["run"]).map(|s| vec![s]),
        ));
        let held = user.hold();
        execs.push(Case::new(
            &candidate.name,
            held.as_ref().map_err(String::clone).map(|held| vec![held.exec.clone()]),
        ));
        holds.extend(held);
    }
    let plan = |key, title| Plan {
        key,
        title,
        rounds: world.arguments.rounds * 2 / 3,
        paused: false,
        calls: false,
    };
    let mut tables = launch::tables(world, plan("rootless", "run /bin/true, rootless"), &runs)?;
    let plan = plan("rootless-exec", "exec /bin/true, rootless");
    tables.extend(launch::tables(world, plan, &execs)?);
    Ok(tables)
}

/// A home for the user, with an image of his own in it.
fn prepare(world: &World) -> Result<PathBuf> {
    let home = world.dir.join("user");
    let told = |error: std::io::Error| format!("{}: {error}", home.display());
    fs::create_dir_all(&home).map_err(told)?;
    for (program, args) in [("cp", vec!["-a"]), ("chown", vec!["-R", "1000:1000"])] {
        let mut command = Command::new(program);
        command.args(args);
        if program == "cp" {
            command.arg(&world.rootfs).arg(home.join("rootfs"));
        } else {
            command.arg(&home);
        }
        let status = command.status().map_err(told)?;
        if !status.success() {
            return Err(format!("{program}: {status}"));
        }
    }
    fs::set_permissions(&world.dir, fs::Permissions::from_mode(0o755)).map_err(told)?;
    Ok(home)
}

struct User<'a> {
    world: &'a World,
    candidate: &'a Candidate,
    home: &'a std::path::Path,
}

impl User<'_> {
    /// A step of the user's, with the candidate's state in his own directory.
    fn step(&self, dir: &std::path::Path, args: &[&str]) -> Step {
        let mut own = self.candidate.clone();
        let state = self.home.join(format!("state-{}", own.name));
        own.global = vec!["--root".to_owned(), state.to_string_lossy().into_owned()];
        own.step(dir, args).by_user(self.home)
    }

    fn run(&self, what: &str, args: &[&str], verb: &[&str]) -> Result<Step> {
        let mut own = self.candidate.clone();
        own.spec = &["--rootless"];
        let edit = |config: &mut Value| {
            config["root"]["path"] = self.home.join("rootfs").to_string_lossy().into();
            for ids in ["uidMappings", "gidMappings"] {
                config["linux"][ids] = json!([{ "containerID": 0, "hostID": 1000, "size": 1 }]);
            }
        };
        let bundle = self.world.bundle(&own, &format!("rootless-{what}"), args, edit)?;
        let id = own.id(&format!("rootless-{what}"));
        Ok(self.step(&bundle, &[verb, &[&id]].concat()))
    }

    fn hold(&self) -> Result<Held> {
        let start = self.run("sleep", &["/bin/sleep", "1000"], &["run", "--detach"])?;
        let id = self.candidate.id("rootless-sleep");
        let end = self.step(&start.dir, &["delete", "--force", &id]);
        let exec = self.step(&start.dir, &["exec", &id, "/bin/true"]);
        Held::detached(&start, exec, id, end)
    }
}
