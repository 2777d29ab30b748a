//! What is said to be recognised is taken by the reader, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::super::super::parse_oci;
use super::features;

/// Whether the reader takes a config.json with this value at this pointer, without a warning.
fn taken(pointer: &str, value: Value) -> bool {
    let mut file = json!({"ociVersion": "1.3.0", "root": {"path": "rootfs"},
        "process": {"cwd": "/"}});
    let mut place = &mut file;
    for step in pointer.split('/').skip(1) {
        place = &mut place[step];
    }
    *place = value;
    parse_oci(file.to_string().as_bytes(), Path::new("config.json"), Path::new("/bundle"))
        .is_ok_and(|parsed| parsed.warnings.is_empty())
}

/// The names listed at this pointer are those of `all` that `is_taken` says the reader takes.
fn agree(pointer: &str, all: &[&str], is_taken: impl Fn(&str) -> bool) {
    let listed = features(&BTreeMap::new());
    let listed: BTreeSet<&str> = listed
        .pointer(pointer)
        .and_then(Value::as_array)
        .unwrap_or_else(|| panic!("{pointer}"))
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    for name in all {
        assert_eq!(listed.contains(name), is_taken(name), "{pointer}: {name}");
    }
    for name in &listed {
        assert!(all.contains(name) || is_taken(name), "{pointer}: {name}");
    }
}

fn switch(pointer: &str, is_taken: bool) {
    let found = features(&BTreeMap::new()).pointer(pointer).and_then(Value::as_bool);
    assert_eq!(found, Some(is_taken), "{pointer}");
}

/// config.md, "Linux mount options".
const MOUNT_OPTIONS: &str = "async atime bind defaults dev diratime dirsync exec iversion lazytime \
    loud mand noatime nodev nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime \
    nosuid nosymfollow private ratime rbind rdev rdiratime relatime remount rexec rnoatime \
    rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro \
    rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime \
    suid symfollow sync tmpcopyup unbindable idmap ridmap rnodev";

#[test]
fn lists_and_reader_agree() {
    let hooks =
        ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
    agree("/hooks", &hooks, |name| {
        taken("/hooks", json!({name: [{"path": "/bin/true", "timeout": 1}]}))
    });
    let options: Vec<&str> = MOUNT_OPTIONS.split_whitespace().collect();
    agree("/mountOptions", &options, |name| {
        let mount = |options| {
            json!([{"destination": "/x", "source": "/x", "options": options,
            "uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}],
            "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}])
        };
        match name {
            "idmap" | "ridmap" => taken("/mounts", mount(json!([name, "rbind"]))),
            _ => taken("/mounts", json!([{"destination": "/x", "options": [name]}])),
        }
    });
    let namespaces = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"];
    agree("/linux/namespaces", &namespaces, |name| {
        taken("/linux/namespaces", json!([{"type": name}]))
    });
    agree("/linux/capabilities", &["CAP_CHOWN", "CAP_BPF", "CAP_FLY"], |name| {
        taken("/process/capabilities", json!({"bounding": [name]}))
    });
    let modes = [
        "MPOL_DEFAULT",
        "MPOL_BIND",
        "MPOL_INTERLEAVE",
        "MPOL_WEIGHTED_INTERLEAVE",
        "MPOL_PREFERRED",
        "MPOL_PREFERRED_MANY",
        "MPOL_LOCAL",
    ];
    agree("/linux/memoryPolicy/modes", &modes, |name| {
        let policy = match name {
            "MPOL_DEFAULT" | "MPOL_LOCAL" => json!({"mode": name}),
            _ => json!({"mode": name, "nodes": "0"}),
        };
        taken("/linux/memoryPolicy", policy)
    });
    let flags = ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"];
    agree("/linux/memoryPolicy/flags", &flags, |name| {
        let policy = json!({"mode": "MPOL_BIND", "nodes": "0", "flags": [name]});
        taken("/linux/memoryPolicy", policy)
    });
}

#[test]
fn seccomp_and_reader_agree() {
    let profile = |change: Value| {
        let mut profile = json!({"defaultAction": "SCMP_ACT_ALLOW"});
        profile.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        taken("/linux/seccomp", profile)
    };
    let actions = [
        "KILL",
        "KILL_PROCESS",
        "KILL_THREAD",
        "TRAP",
        "ERRNO",
        "TRACE",
        "ALLOW",
        "LOG",
        "NOTIFY",
        "JUMP",
    ];
    let actions = actions.map(|name| format!("SCMP_ACT_{name}"));
    let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
    agree("/linux/seccomp/actions", &actions, |name| {
        profile(json!({"syscalls": [{"names": ["getcwd"], "action": name}],
            "listenerPath": "/run/agent"}))
    });
    let operators = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ", "OR"];
    let operators = operators.map(|name| format!("SCMP_CMP_{name}"));
    let operators: Vec<&str> = operators.iter().map(String::as_str).collect();
    agree("/linux/seccomp/operators", &operators, |name| {
        profile(json!({"syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_ERRNO",
            "args": [{"index": 0, "value": 1, "op": name}]}]}))
    });
    let archs = "X86 X86_64 X32 ARM AARCH64 MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC \
        PPC64 PPC64LE S390 S390X PARISC PARISC64 RISCV64 LOONGARCH64 M68K SH SHEB Z80";
    let archs: Vec<String> =
        archs.split_whitespace().map(|name| format!("SCMP_ARCH_{name}")).collect();
    let archs: Vec<&str> = archs.iter().map(String::as_str).collect();
    agree("/linux/seccomp/archs", &archs, |name| profile(json!({"architectures": [name]})));
    let flags = ["TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV", "NEW_LISTENER"];
    let flags = flags.map(|name| format!("SECCOMP_FILTER_FLAG_{name}"));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    agree("/linux/seccomp/knownFlags", &flags, |name| profile(json!({"flags": [name]})));
    agree("/linux/seccomp/supportedFlags", &flags, |name| profile(json!({"flags": [name]})));
}

#[test]
fn switches_and_reader_agree() {
    let rdt = |value| taken("/linux/intelRdt", value);
    switch("/linux/intelRdt/enabled", rdt(json!({"closID": "x"})));
    switch("/linux/intelRdt/schemata", rdt(json!({"schemata": ["MB:0=20"]})));
    switch("/linux/intelRdt/monitoring", rdt(json!({"enableMonitoring": true})));
    switch("/linux/netDevices/enabled", taken("/linux/netDevices", json!({"eth0": {}})));
    let map = json!([{"containerID": 0, "hostID": 1, "size": 1}]);
    let idmapped = json!([{"destination": "/x", "source": "/x", "options": ["bind", "idmap"],
        "uidMappings": map, "gidMappings": map}]);
    switch("/linux/mountExtensions/idmap/enabled", taken("/mounts", idmapped));
    switch(
        "/linux/seccomp/enabled",
        taken("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_LOG"})),
    );
    switch(
        "/linux/cgroup/rdma",
        taken("/linux/resources", json!({"rdma": {"mlx5": {"hcaHandles": 1}}})),
    );
    for version in ["ociVersionMin", "ociVersionMax"] {
        let listed = features(&BTreeMap::new());
        assert!(taken("/ociVersion", listed[version].clone()), "{version}");
    }
}

#[test]
fn annotations_are_the_programs() {
    let annotations = BTreeMap::from([("org.example.version".to_owned(), "7".to_owned())]);
    assert_eq!(features(&annotations)["annotations"], json!({"org.example.version": "7"}));
}
