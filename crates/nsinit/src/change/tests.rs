use std::path::Path;

use libcontainer::config::{Network, Rootfs, template};

use super::*;

fn flag(name: &str) -> &'static Create {
    FLAGS.iter().find(|flag| flag.name == name).unwrap()
}

fn change(name: &str, value: &str) -> Result<Change> {
    Change::of(flag(name), value)
}

/// One good value for each flag.
const VALUES: [(&str, &str); 31] = [
    ("rootfs", "/tmp"),
    ("mnt", "host"),
    ("pid", "host"),
    ("ipc", "/proc/self/ns/ipc"),
    ("net", "host"),
    ("uts", "/proc/self/ns/uts"),
    ("userns-root-uid", "100000"),
    ("security", "low"),
    ("hostname", "web"),
    ("read-only", ""),
    ("bind", "/tmp:/mnt:ro"),
    ("tmpfs", "/scratch"),
    ("cgroup", ""),
    ("memory-limit", "64m"),
    ("memory-swap", "-1"),
    ("memory-swappiness", "10"),
    ("cpushares", "512"),
    ("cpuset-cpus", "0"),
    ("cpuset-mems", "0"),
    ("groups", "audio"),
    ("sysctl", "net.ipv4.ip_forward=1"),
    ("parent-death-signal", "TERM"),
    ("apparmor-profile", "web"),
    ("process-label", "system_u:system_r:x:s0"),
    ("mount-label", "system_u:object_r:x:s0"),
    ("veth-bridge", "br0"),
    ("veth-address", "10.0.0.2/24"),
    ("veth-gateway", "10.0.0.1"),
    ("veth-mtu", "1400"),
    ("init", ""),
    ("seccomp", concat!(env!("CARGO_MANIFEST_DIR"), "/src/change/profile.json")),
];

fn config() -> Config {
    template(Rootfs::Directory("/srv/web".into()))
}

#[test]
fn every_flag_changes_the_template_and_a_second_time_nothing() {
    assert!(FLAGS.iter().all(|flag| VALUES.iter().any(|(name, _)| *name == flag.name)));
    for (name, value) in VALUES {
        let change = change(name, value).unwrap();
        let mut once = config();
        change.apply(&mut once);
        assert_ne!(once, config(), "--{name} does nothing");
        check(&[change], "web", &once).unwrap();
    }
}

#[test]
fn all_flags_together_are_what_each_wants() {
    let changes: Vec<Change> = VALUES
        .iter()
        .filter(|(name, _)| !["mnt", "net", "uts"].contains(name))
        .map(|(name, value)| change(name, value).unwrap())
        .collect();
    let mut all = config();
    changes.iter().for_each(|change| change.apply(&mut all));
    check(&changes, "web", &all).unwrap();
    // A level is a set of filters; one more is none of them.
    for change in changes.into_iter().filter(|change| change.flag != "security") {
        check(&[change], "web", &all).unwrap();
    }
}

#[test]
fn a_join_with_another_value_is_refused_by_the_flags_name() {
    let mut running = config();
    change("hostname", "web").unwrap().apply(&mut running);
    let error = check(&[change("hostname", "db").unwrap()], "x", &running).unwrap_err();
    assert!(error.to_string().starts_with("--hostname: "), "{error}");
    let both = ["hostname", "memory-limit"].map(|flag| match flag {
        "hostname" => change(flag, "web").unwrap(),
        _ => change(flag, "1g").unwrap(),
    });
    let error = check(&both, "x", &running).unwrap_err();
    assert!(error.to_string().starts_with("--memory-limit: "), "{error}");
}

#[test]
fn bad_values_are_refused_with_flag_and_value() {
    for (name, value) in [
        ("mnt", "mine"),
        ("rootfs", "/nowhere/at/all"),
        ("userns-root-uid", "4294967295"),
        ("userns-root-uid", "-1"),
        ("security", "none"),
        ("hostname", ""),
        ("bind", "/tmp"),
        ("bind", "/tmp:mnt"),
        ("bind", "/tmp:/mnt:rx"),
        ("bind", "/tmp:/mnt:ro:rw"),
        ("bind", "/tmp:/mnt:ro,rw"),
        ("bind", "/tmp:/mnt:z,Z"),
        ("bind", "/tmp:/mnt:"),
        ("bind", "/nowhere/at/all:/mnt"),
        ("tmpfs", "scratch"),
        ("memory-limit", "64x"),
        ("memory-limit", "m"),
        ("memory-limit", "9223372036854775807k"),
        ("cpushares", "many"),
        ("groups", ""),
        ("sysctl", "kernel.domainname"),
        ("sysctl", "=1"),
        ("parent-death-signal", "SIGNOTHING"),
        ("veth-address", "10.0.0.2"),
        ("veth-address", "10.0.0.2/33"),
        ("veth-gateway", "gateway"),
    ] {
        let error = change(name, value).unwrap_err().to_string();
        assert!(error.starts_with(&format!("--{name} {value}").trim().to_owned()), "{error}");
    }
}

#[test]
fn sizes_are_in_powers_of_1024() {
    for (text, bytes) in
        [("0", 0), ("5", 5), ("1k", 1024), ("64m", 64 << 20), ("2G", 2 << 30), ("1kb", 1024)]
    {
        let what = parse::parse("memory-limit", text).unwrap();
        assert_eq!(what, What::MemoryLimit(bytes), "{text}");
    }
}

#[test]
fn the_veth_flags_describe_one_interface() {
    let mut config = config();
    for (name, value) in VALUES.iter().filter(|(name, _)| name.starts_with("veth")) {
        change(name, value).unwrap().apply(&mut config);
    }
    let pairs: Vec<_> =
        config.networks.iter().filter(|net| matches!(net, Network::Veth(_))).collect();
    assert_eq!(pairs.len(), 1);
    let Network::Veth(veth) = pairs[0] else { unreachable!() };
    assert_eq!((veth.bridge.as_str(), veth.mtu), ("br0", 1400));
    assert_eq!(veth.addresses, [("10.0.0.2".parse().unwrap(), 24)]);
}

#[test]
fn a_host_namespace_leaves_out_what_would_change_it() {
    let mut config = config();
    change("net", "host").unwrap().apply(&mut config);
    change("uts", "host").unwrap().apply(&mut config);
    change("mnt", "host").unwrap().apply(&mut config);
    assert!(config.networks.is_empty() && config.mounts.is_empty());
    assert_eq!(config.hostname, None);
    assert_eq!(config.rootfs, Rootfs::Directory(Path::new("/srv/web").into()));
}
