//! Attacks on nsrun by way of its caller's terminal, of a user namespace, and of a filter that is not
//! there: attacks.md, rows 20, 23 and 27. Each is carried out.

use e2e::attack::{TYPE_IN, typed_by};
use e2e::{Cmd, World, on_this_host, probe};
use serde_json::{Value, json};

/// No flags.
const NONE: [&str; 0] = [];

#[test]
fn row_20_nobody_types_into_the_callers_terminal() {
    on_this_host(|world: &World| {
        // What it is worth: who has that terminal types into it.
        let own = TYPE_IN.replace("/probe", probe().to_str().unwrap());
        assert_eq!(typed_by(&Cmd::new("sh", ["-c", &own])).1, "evil");
        let mut bundle = world.bundle();
        for (uid, terminal) in [(0, false), (1000, false), (0, true), (1000, true)] {
            bundle.set("/process/user", json!({"uid": uid, "gid": uid}));
            bundle.set("/process/terminal", terminal);
            bundle.sh(TYPE_IN);
            let (screen, typed) = typed_by(&bundle.run(NONE));
            assert!(screen.contains("done"), "{uid} {terminal}: {screen}");
            // nsrun adds no filter of its own: into its own terminal it may type.
            assert_eq!(typed, "", "{uid} {terminal}: {screen}");
            if !terminal {
                assert!(!screen.contains("ok"), "{uid}: {screen}");
            }
            // Nor does one that joins.
            bundle.args(["/probe", "sleep", "1000"]).set("/process/terminal", false);
            bundle.detach();
            let tty: &[&str] = if terminal { &["--tty"] } else { &[] };
            let exec = bundle.nsrun(["exec"]).args(tty).args([&bundle.id, "sh", "-c", TYPE_IN]);
            let (screen, typed) = typed_by(&exec);
            assert!(screen.contains("done"), "{uid} {terminal}: {screen}");
            assert_eq!(typed, "", "{uid} {terminal}: {screen}");
            bundle.delete();
        }
    });
}

#[test]
fn row_23_limits_hold_in_a_user_namespace() {
    on_this_host(|world: &World| {
        if !std::path::Path::new("/sys/fs/cgroup/memory").is_dir() {
            return e2e::skip("no memory controller of cgroup version 1");
        }
        let mut bundle = world.bundle();
        bundle.push("/linux/namespaces", json!({"type": "user"}));
        let map = json!([{"containerID": 0, "hostID": 0, "size": 65536}]);
        bundle.set("/linux/uidMappings", map.clone());
        bundle.set("/linux/gidMappings", map);
        bundle.set("/linux/resources/memory", json!({"limit": 32 << 20, "swap": 32 << 20}));
        bundle.args(["/probe", "eat-memory", "16"]);
        bundle.run(NONE).run().success();
        bundle.args(["/probe", "eat-memory", "64"]);
        assert_eq!(bundle.run(NONE).run().status.code(), Some(137));
        bundle.args(["unshare", "-Ur", "/probe", "eat-memory", "64"]);
        let run = bundle.run(NONE).run();
        assert!(!run.status.success() && !run.out.contains("ate 64"), "{}", run.out);
        // Nor by whoever is executed in it.
        bundle.args(["/probe", "sleep", "1000"]);
        bundle.detach();
        let run = bundle.exec(["/probe", "eat-memory", "64"]).run();
        assert!(!run.status.success() && !run.out.contains("ate 64"), "{}", run.out);
        bundle.delete();
    });
}

#[test]
fn row_27_never_without_its_filter() {
    on_this_host(|world: &World| {
        let mut bundle = world.bundle();
        bundle.sh("echo ran");
        let rule = |rule: Value| json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]});
        for (profile, part) in [
            (json!({"defaultAction": "SCMP_ACT_FOO"}), "SCMP_ACT_FOO"),
            (json!({}), "defaultAction"),
            (
                json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_FOO"]}),
                "SCMP_ARCH_FOO",
            ),
            (
                json!({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_FOO"]}),
                "FLAG_FOO",
            ),
            (rule(json!({"names": ["mkdir"], "action": "SCMP_ACT_FOO"})), "SCMP_ACT_FOO"),
            (
                rule(json!({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO",
                    "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]})),
                "index",
            ),
            (
                rule(json!({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO",
                    "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_FOO"}]})),
                "SCMP_CMP_FOO",
            ),
        ] {
            bundle.set("/linux/seccomp", profile.clone());
            let before = world.snapshot();
            let run = bundle.run(NONE).run();
            assert!(!run.status.success() && run.out.is_empty(), "{profile}: {}", run.out);
            run.error(&[part]);
            before.assert_restored();
        }
    });
}
