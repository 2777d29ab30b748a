//! nsinit inside a container as engines make it by default: masked paths, 14 capabilities, Docker's
//! system-call filter, with and without a user namespace. It works where the kernel lets it, and says
//! what the outer container forbids where it does not.

use std::path::Path;

use e2e::{Bundle, Cmd, Run, World, nsinit, on_this_host, probe};
use serde_json::{Value, json};

const PROFILE: &str = "/usr/share/containers/seccomp.json";

/// What Docker gives.
const CAPABILITIES: [&str; 14] =
    include!("../../seccomp/tests/libseccomp/data/docker-capabilities.in");

const MASKED: [&str; 10] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
];

const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Docker's profile as an engine gives it for these capabilities.
fn seccomp(capabilities: &[String]) -> Option<Value> {
    let text = std::fs::read_to_string(PROFILE).ok()?;
    let mut profile: Value = serde_json::from_str(&text).unwrap();
    let lists = |rule: &Value, part: &str, key: &str| -> Vec<String> {
        let list = rule[part][key].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let has = |name: &String| capabilities.contains(name);
    let amd64 = |list: &Vec<String>| list.iter().any(|arch| arch == "amd64");
    let rules = profile["syscalls"].as_array().unwrap().iter().filter(|rule| {
        let (caps, arches) = (lists(rule, "includes", "caps"), lists(rule, "includes", "arches"));
        caps.iter().all(has)
            && (arches.is_empty() || amd64(&arches))
            && !lists(rule, "excludes", "caps").iter().any(has)
            && !amd64(&lists(rule, "excludes", "arches"))
    });
    let rules: Vec<Value> = rules.cloned().collect();
    profile["syscalls"] = json!(rules);
    profile["architectures"] = json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
    Some(profile)
}

/// What an engine's user may change of the default.
#[derive(Debug, Clone, Copy)]
struct Outer {
    user_namespace: bool,
    /// `--cap-add SYS_ADMIN`
    admin: bool,
    /// `--privileged`: all capabilities.
    all: bool,
    /// `--security-opt seccomp=unconfined`
    unfiltered: bool,
    /// `--security-opt systempaths=unconfined`
    unmasked: bool,
}

/// Its container runs; nsinit and a root file system for it are below /b.
fn start(world: &World, outer: Outer) -> Bundle {
    let mut bundle = world.bundle();
    let mut capabilities = CAPABILITIES.map(str::to_owned).to_vec();
    if outer.admin {
        capabilities.push("CAP_SYS_ADMIN".to_owned());
    }
    if outer.all {
        let own = Cmd::new(probe(), ["status"]).run().success();
        capabilities = own.fact("cap-bnd").split(' ').map(|name| format!("CAP_{name}")).collect();
    }
    bundle.set("/process/noNewPrivileges", false);
    for set in ["bounding", "effective", "permitted"] {
        bundle.set(&format!("/process/capabilities/{set}"), json!(capabilities));
    }
    if !outer.unfiltered
        && let Some(profile) = seccomp(&capabilities)
    {
        bundle.set("/linux/seccomp", profile);
    }
    let paths = |list: &[&str]| if outer.unmasked { json!([]) } else { json!(list) };
    bundle.set("/linux/maskedPaths", paths(&MASKED));
    bundle.set("/linux/readonlyPaths", paths(&READ_ONLY));
    let write = if outer.all { "rw" } else { "ro" };
    for (destination, kind) in [("/sys", "sysfs"), ("/sys/fs/cgroup", "cgroup")] {
        let options = ["nosuid", "noexec", "nodev", write];
        bundle.push(
            "/mounts",
            json!({"destination": destination, "type": kind, "source": kind, "options": options}),
        );
    }
    if outer.all {
        bundle.set("/linux/resources/devices", json!([{"allow": true, "access": "rwm"}]));
    }
    let inside = world.path("inside");
    std::fs::create_dir(&inside).unwrap();
    std::fs::copy(nsinit(), inside.join("nsinit")).unwrap();
    let rootfs = &bundle.rootfs.path.clone();
    Cmd::new("cp", ["-a", rootfs.to_str().unwrap(), inside.to_str().unwrap()]).run().success();
    std::fs::create_dir(rootfs.join("b")).unwrap();
    std::fs::create_dir(inside.join("user")).unwrap();
    let mut owner = 0;
    if outer.user_namespace {
        owner = 100_000;
        bundle.push("/linux/namespaces", json!({"type": "user"}));
        let map = json!([{"containerID": 0, "hostID": owner, "size": 65536}]);
        bundle.set("/linux/uidMappings", map.clone()).set("/linux/gidMappings", map);
    }
    let chown = |path: &Path, id: u32| {
        let owner = format!("{id}:{id}");
        Cmd::new("chown", ["-Rh", &owner, path.to_str().unwrap()]).run().success();
    };
    chown(&inside, owner);
    // Another copy is that of an ordinary user in there.
    Cmd::new(
        "cp",
        ["-a", inside.join("rootfs").to_str().unwrap(), inside.join("his").to_str().unwrap()],
    )
    .run()
    .success();
    chown(&inside.join("his"), owner + 1000);
    chown(&inside.join("user"), owner + 1000);
    chown(rootfs, owner);
    bundle.push(
        "/mounts",
        json!({"destination": "/b", "type": "bind", "source": inside, "options": ["rbind", "rw"]}),
    );
    bundle.args(["/probe", "sleep", "1000"]);
    bundle.detach();
    bundle
}

/// nsinit in there, by root or by an ordinary user of the outer container.
fn nested(bundle: &Bundle, uid: u32, flags: &str) -> Run {
    let place = if uid == 0 { "rootfs" } else { "his" };
    let user = format!("{uid}:{uid}");
    let script = format!(
        "export XDG_RUNTIME_DIR=/b/user; cd /b/{place} && exec /b/nsinit exec {flags} -- /bin/sh -c 'echo in $$ $(id -u)'"
    );
    let args = ["exec", "--user", &user, &bundle.id, "sh", "-c", &script];
    bundle.nsrun(args).leaves_behind().run()
}

/// It runs, as PID 1 of its own or as one of the outer container's processes.
const RUNS: &[&str] = &[];
/// What is said where a new /proc is refused.
const COVERED: &[&str] =
    &["mounting proc", "parts of /proc", "systempaths=unconfined", "maskedPaths"];
/// What is said to root without privileges.
const NO_ADMIN: &[&str] = &["clone3", "CAP_SYS_ADMIN", "a user namespace of the container's own"];

/// Who calls nsinit in there, with which flags, and what comes of it.
type Case = (u32, &'static str, &'static [&'static str]);

#[track_caller]
fn check(world: &World, outer: Outer, cases: &[Case]) {
    if !outer.unfiltered && !Path::new(PROFILE).exists() {
        return e2e::skip("Docker's profile is missing: scripts/prepare installs it");
    }
    let bundle = start(world, outer);
    for (uid, flags, wanted) in cases {
        let run = nested(&bundle, *uid, flags);
        let what = format!("{outer:?}: {uid} {flags}: {}{}", run.out, run.err);
        match wanted.is_empty() {
            true => {
                let pid = if flags.contains("--pid host") { "in " } else { "in 1 " };
                assert!(run.status.success() && run.out.starts_with(pid), "{what}");
                assert!(run.out.ends_with(" 0\n"), "{what}");
            }
            false => {
                assert_eq!(run.status.code(), Some(125), "{what}");
                assert!(wanted.iter().all(|word| run.err.contains(word)), "{what}");
                assert_eq!(run.err.lines().count(), 1, "{what}");
            }
        }
    }
    bundle.delete();
}

const PLAIN: Outer =
    Outer { user_namespace: false, admin: false, all: false, unfiltered: false, unmasked: false };

#[test]
fn in_a_container_of_roots() {
    on_this_host(|world: &World| {
        let refused: &[&str] = &["sethostname", "seccomp=unconfined"];
        let read_only: &[&str] = &["making the cgroup", "mounted read-only", "a cgroup namespace"];
        check(
            world,
            PLAIN,
            &[(0, "", NO_ADMIN), (1000, "", COVERED), (1000, "--pid host", refused)],
        );
        let unfiltered = Outer { unfiltered: true, ..PLAIN };
        check(world, unfiltered, &[(1000, "", COVERED), (1000, "--pid host", RUNS)]);
        let open = Outer { unmasked: true, ..unfiltered };
        check(world, open, &[(0, "", NO_ADMIN), (1000, "", RUNS), (1000, "--pid host", RUNS)]);
        check(world, Outer { admin: true, ..PLAIN }, &[(0, "", read_only), (1000, "", COVERED)]);
        let privileged = Outer { all: true, ..open };
        check(world, privileged, &[(0, "", RUNS), (0, "--pid host", RUNS), (1000, "", RUNS)]);
        check(
            world,
            Outer { unmasked: false, ..privileged },
            &[(0, "", RUNS), (1000, "", COVERED)],
        );
    });
}

#[test]
fn in_a_container_with_a_user_namespace() {
    on_this_host(|world: &World| {
        let outer = Outer { user_namespace: true, ..PLAIN };
        let no_network: &[&str] = &["loopback", "CAP_NET_ADMIN", "--net host"];
        check(world, outer, &[(0, "", NO_ADMIN), (1000, "", COVERED)]);
        // Root's own covers are no secret to it.
        let admin = Outer { admin: true, ..outer };
        check(world, admin, &[(0, "", no_network), (0, "--net host", RUNS), (1000, "", COVERED)]);
        let open = Outer { unfiltered: true, unmasked: true, ..outer };
        check(world, open, &[(0, "", NO_ADMIN), (1000, "", RUNS)]);
        check(world, Outer { all: true, ..outer }, &[(0, "", RUNS), (1000, "", COVERED)]);
        check(world, Outer { all: true, ..open }, &[(0, "", RUNS), (1000, "", RUNS)]);
    });
}
