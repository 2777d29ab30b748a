//! System-call filters.

use serde_json::{Value, json};

use super::devices::with;
use super::{Curve, one};
use crate::Result;
use crate::scenarios::run;
use crate::table::Table;
use crate::world::World;

/// Called between the filter's load and the end of /bin/true by one of those compared.
const NEEDED: [&str; 66] = [
    "access",
    "arch_prctl",
    "brk",
    "capget",
    "capset",
    "chdir",
    "clock_gettime",
    "clone",
    "clone3",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "epoll_ctl",
    "epoll_wait",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fchdir",
    "fcntl",
    "fstat",
    "fstatfs",
    "futex",
    "getcwd",
    "getdents64",
    "getpid",
    "getppid",
    "getrandom",
    "gettid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "ioctl",
    "lseek",
    "madvise",
    "mmap",
    "mprotect",
    "munmap",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "poll",
    "ppoll",
    "prctl",
    "prlimit64",
    "read",
    "readlink",
    "readlinkat",
    "recvmsg",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sendmsg",
    "set_robust_list",
    "set_tid_address",
    "setgroups",
    "sigaltstack",
    "stat",
    "write",
];

/// 10 to nearly 400 calls that are refused, others allowed.
pub fn calls(world: &World) -> Result<Vec<Table>> {
    let profile = run::docker_profile()?;
    let rules = profile["syscalls"].as_array().ok_or("no syscalls")?;
    let mut names: Vec<&str> = rules
        .iter()
        .filter_map(|rule| rule["names"].as_array())
        .flatten()
        .filter_map(Value::as_str)
        .filter(|name| !NEEDED.contains(name))
        .collect();
    names.sort_unstable();
    names.dedup();
    let floor = world.floor()?;
    let mut curve = Curve::new("filter", "run with a filter of so many calls (the floor has none)");
    for count in [10, 50, 100, 200, 300, names.len()] {
        let Some(names) = names.get(..count) else { continue };
        let mut cases = vec![one("floor", floor.run(world))];
        cases.extend(with(world, &format!("filter-{count}"), |config| {
            config["linux"]["seccomp"] = json!({
                "defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [{ "names": names, "action": "SCMP_ACT_ERRNO" }],
            });
        }));
        curve.measure(world, &count.to_string(), 20, &cases)?;
    }
    Ok(vec![curve.table(world)])
}

/// 0 to 64 rules on an argument of one call.
pub fn arguments(world: &World) -> Result<Vec<Table>> {
    let floor = world.floor()?;
    let mut curve = Curve::new(
        "arguments",
        "run with a filter of so many argument rules on one call (the floor has none)",
    );
    for count in [0_u32, 4, 16, 64] {
        let mut cases = vec![one("floor", floor.run(world))];
        cases.extend(with(world, &format!("arguments-{count}"), |config| {
            let rule = |number: u32| {
                json!({ "names": ["personality"], "action": "SCMP_ACT_ERRNO",
                        "args": [{ "index": 0, "value": number * 3 + 1, "op": "SCMP_CMP_EQ" }] })
            };
            config["linux"]["seccomp"] = json!({
                "defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": (0..count).map(rule).collect::<Vec<_>>(),
            });
        }));
        curve.measure(world, &count.to_string(), 20, &cases)?;
    }
    Ok(vec![curve.table(world)])
}
