//! From nothing to exit.

use std::fs;

use serde_json::{Value, json};

use crate::Result;
use crate::arguments::Verb;
use crate::candidate::Kind;
use crate::launch::{self, Case, Plan};
use crate::table::Table;
use crate::world::World;

/// Docker's default profile, as Debian's golang-github-containers-common has it.
const PROFILE: &str = "/usr/share/containers/seccomp.json";
/// Those that Docker grants.
const CAPABILITIES: [&str; 14] =
    include!("../../../crates/seccomp/tests/libseccomp/data/docker-capabilities.in");

/// /bin/true with each candidate's default config.
pub fn plain(world: &World) -> Result<Vec<Table>> {
    let cases: Vec<Case> = world
        .candidates
        .iter()
        .map(|c| Case::new(&c.name, c.run(world).map(|step| vec![step])))
        .collect();
    let plan = Plan {
        key: "run",
        title: "run /bin/true to exit",
        rounds: world.arguments.rounds,
        paused: world.arguments.verb != Verb::Check,
        calls: true,
    };
    launch::tables(world, plan, &cases)
}

/// The same with Docker's default filter, beside itself without.
pub fn seccomp(world: &World) -> Result<Vec<Table>> {
    let filter = docker_profile()?;
    let floor = world.floor()?;
    let mut cases = vec![Case::new("floor", floor.run(world).map(|step| vec![step]))];
    for candidate in world.of(&[Kind::Oci]) {
        let with = world
            .bundle(candidate, "seccomp", &["/bin/true"], |c| {
                c["linux"]["seccomp"] = filter.clone()
            })
            .map(|dir| vec![candidate.step(&dir, &["run", &candidate.id("seccomp")])]);
        let without = candidate.run(world).map(|step| vec![step]);
        cases.push(Case::new(&candidate.name, with));
        cases.push(Case::new(&format!("{} without", candidate.name), without));
    }
    let plan = Plan {
        key: "seccomp",
        title: "run /bin/true to exit with Docker's default seccomp profile (the floor loads none)",
        rounds: world.arguments.rounds * 2 / 3,
        paused: false,
        calls: false,
    };
    launch::tables(world, plan, &cases)
}

/// The profile as Docker hands it to a runtime on x86-64.
pub fn docker_profile() -> Result<Value> {
    let text = fs::read(PROFILE).map_err(|error| format!("{PROFILE}: {error}"))?;
    let file: Value =
        serde_json::from_slice(&text).map_err(|error| format!("{PROFILE}: {error}"))?;
    let rules = file["syscalls"].as_array().ok_or(format!("{PROFILE}: no syscalls"))?;
    let plain: Vec<Value> = rules
        .iter()
        .filter(|rule| meant(rule))
        .map(|rule| {
            let mut plain = rule.clone();
            if let Some(fields) = plain.as_object_mut() {
                fields.retain(|key, _| {
                    ["names", "action", "args", "errnoRet"].contains(&key.as_str())
                });
                fields.retain(|_, value| !value.is_null());
            }
            plain
        })
        .collect();
    Ok(json!({
        "defaultAction": file["defaultAction"],
        "defaultErrnoRet": file["defaultErrnoRet"],
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": plain,
    }))
}

/// Whether a rule is for a container with Docker's capabilities on this architecture.
fn meant(rule: &Value) -> bool {
    let names = |when: &str, what: &str| -> Vec<String> {
        let list = rule[when][what].as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let granted =
        |names: Vec<String>| names.iter().any(|name| CAPABILITIES.contains(&name.as_str()));
    let here = |names: Vec<String>| names.iter().any(|name| name == "amd64");
    let (caps, arches) = (names("includes", "caps"), names("includes", "arches"));
    (caps.is_empty() || granted(caps))
        && (arches.is_empty() || here(arches))
        && !granted(names("excludes", "caps"))
        && !here(names("excludes", "arches"))
}
