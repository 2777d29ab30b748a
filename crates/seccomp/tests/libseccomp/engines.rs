//! The profiles that engines use by default, as they hand them to a runtime.

use seccomp::{Profile, Rule};
use serde_json::Value;

/// Where Debian's golang-github-containers-common keeps Docker's profile.
const DOCKER: &str = "/usr/share/containers/seccomp.json";

/// The capabilities of Docker's and containerd's containers.
pub const CAPABILITIES: [&str; 14] = include!("data/docker-capabilities.in");

/// What containerd 1.6 writes into config.json for `ctr run --seccomp`.
pub fn containerd() -> Profile {
    serde_json::from_str(include_str!("data/containerd.json")).expect("a profile")
}

/// Docker's, for a container with these capabilities on x86-64; None, with a word about it, where
/// it is not installed.
pub fn docker(capabilities: &[&str]) -> Option<Profile> {
    let Ok(text) = std::fs::read_to_string(DOCKER) else {
        println!("SKIP: {DOCKER} is not installed");
        return None;
    };
    let file: Value = serde_json::from_str(&text).expect("JSON");
    let rules = file["syscalls"].as_array().expect("a list").iter();
    let meant = rules.filter(|rule| {
        let any = |list: &Value, has: &dyn Fn(&str) -> bool| {
            list.as_array().is_some_and(|list| list.iter().filter_map(Value::as_str).any(has))
        };
        let granted = |name: &str| capabilities.contains(&name);
        let here = |name: &str| name == "amd64";
        let (included, excluded) = (&rule["includes"], &rule["excludes"]);
        (included["caps"].is_null() || any(&included["caps"], &granted))
            && (included["arches"].is_null() || any(&included["arches"], &here))
            && !any(&excluded["caps"], &granted)
            && !any(&excluded["arches"], &here)
    });
    let syscalls: Vec<Rule> =
        meant.map(|rule| serde_json::from_value(rule.clone()).expect("a rule")).collect();
    let mut profile: Profile = serde_json::from_value(serde_json::json!({
        "defaultAction": file["defaultAction"],
        "defaultErrnoRet": file["defaultErrnoRet"],
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    }))
    .expect("a profile");
    profile.syscalls = syscalls;
    Some(profile)
}
