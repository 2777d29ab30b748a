//! What the kernel makes of filters, in containers of both runtimes: each action, as a rule's and as
//! the default, and each operator around the halves of 64-bit arguments.

use e2e::{World, containerds_profile_without_mkdir, on_this_host};
use serde_json::json;

/// What `/probe mkdir /run/x` does where mkdir has this action: its exit code, and what it says.
const ACTIONS: [(&str, i32, &str); 8] = [
    ("SCMP_ACT_ALLOW", 0, "ok\n"),
    ("SCMP_ACT_LOG", 0, "ok\n"),
    ("SCMP_ACT_ERRNO", 1, "error EPERM mkdir /run/x\n"),
    // Nobody traces.
    ("SCMP_ACT_TRACE", 1, "error ENOSYS mkdir /run/x\n"),
    // SIGSYS
    ("SCMP_ACT_TRAP", 128 + 31, ""),
    ("SCMP_ACT_KILL", 128 + 31, ""),
    ("SCMP_ACT_KILL_THREAD", 128 + 31, ""),
    ("SCMP_ACT_KILL_PROCESS", 128 + 31, ""),
];

#[test]
fn each_action() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.args(["/probe", "mkdir", "/run/x"]);
        for (action, code, said) in ACTIONS {
            let rule = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls":
                [{"names": ["mkdir", "mkdirat"], "action": action}]});
            let mut default = containerds_profile_without_mkdir();
            default["defaultAction"] = json!(action);
            for (what, profile) in [("rule", rule), ("default", default)] {
                bundle.set("/linux/seccomp", profile);
                for cmd in bundle.by_each() {
                    let run = cmd.run().code(code);
                    assert_eq!((run.out.as_str(), run.err.as_str()), (said, ""), "{what} {action}");
                }
            }
        }
        // By the way of a shell its child is ended, and nobody else.
        bundle.sh("/probe mkdir /run/x; echo $?");
        for action in ["SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"] {
            bundle.set(
                "/linux/seccomp",
                json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls":
                [{"names": ["mkdir", "mkdirat"], "action": action}]}),
            );
            for cmd in bundle.by_each() {
                let run = cmd.run().code(0);
                assert!(run.out.ends_with("159\n"), "{action}: {}", run.out);
            }
        }
    });
}

/// The first and the last of each half, and their neighbours.
const VALUES: [u64; 11] = [
    0,
    1,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x1_0000_0001,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_0000_0000,
    u64::MAX,
];

/// Whether a condition holds, of what is given and what the rule names.
type Holds = fn(u64, u64) -> bool;

#[test]
fn each_operator() {
    if cfg!(not(target_arch = "x86_64")) {
        return e2e::skip("the number is x86-64's");
    }
    on_this_host(|world: &World| {
        let Some(root) = world.debian() else { return };
        let mut bundle = world.bundle();
        bundle.set("/root/path", root.path.to_str().unwrap());
        // lseek(2) of what is not open: EBADF is 9, and 95 is the filter's. Its second argument counts.
        let values = VALUES.map(|value| format!("0x{value:x}")).join(", ");
        let script = format!(
            "no warnings; print join(' ', map {{ $! = 0; syscall(8, 99, $_, 0); $! + 0 }} ({values}))"
        );
        bundle.args(["perl", "-e", &script]);
        let two = 0xffff_ffff_0000_0001_u64;
        let operators: [(&str, Holds); 7] = [
            ("SCMP_CMP_EQ", |given, wanted| given == wanted),
            ("SCMP_CMP_NE", |given, wanted| given != wanted),
            ("SCMP_CMP_LT", |given, wanted| given < wanted),
            ("SCMP_CMP_LE", |given, wanted| given <= wanted),
            ("SCMP_CMP_GT", |given, wanted| given > wanted),
            ("SCMP_CMP_GE", |given, wanted| given >= wanted),
            // The value is the mask.
            ("SCMP_CMP_MASKED_EQ", |given, wanted| {
                given & wanted == 0xffff_ffff_0000_0001 & wanted
            }),
        ];
        for (op, holds) in operators {
            for wanted in [0x8000_0000, 0x1_0000_0000, 0x7fff_ffff_ffff_ffff, 0xffff_ffff_0000_0000]
            {
                bundle.set(
                    "/linux/seccomp",
                    json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{
                    "names": ["lseek"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95,
                    "args": [{"index": 1, "value": wanted, "valueTwo": two & wanted, "op": op}]}]}),
                );
                let expected = VALUES.map(|given| if holds(given, wanted) { "95" } else { "9" });
                for cmd in bundle.by_each() {
                    let run = cmd.run().success();
                    assert_eq!(run.out, expected.join(" "), "{op} {wanted:#x}");
                }
            }
        }
    });
}
