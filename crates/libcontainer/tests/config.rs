//! Files as their times wrote them, and the examples that we give, all read.
// A test's helper fails the test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use libcontainer::ErrorKind;
use libcontainer::config::{
    Form, Id, NamespaceKind, Network, Parsed, Rootfs, mount_flags, parse, print,
};
use serde_json::{Value, json};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn read(path: &Path) -> libcontainer::Result<Parsed> {
    parse(&fs::read(path).unwrap(), path, Path::new("/bundle"))
}

fn files(directory: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    files.sort();
    assert!(!files.is_empty(), "{}", directory.display());
    files
}

fn kinds(parsed: &Parsed) -> Vec<NamespaceKind> {
    let mut kinds: Vec<_> = parsed.config.namespaces.iter().map(|one| one.kind).collect();
    kinds.sort();
    kinds
}

const FIVE: [NamespaceKind; 5] = [
    NamespaceKind::Ipc,
    NamespaceKind::Network,
    NamespaceKind::Mount,
    NamespaceKind::Pid,
    NamespaceKind::Uts,
];

#[test]
fn the_file_of_may_2014() {
    let parsed = read(&data("container_json/container-2014-05.json")).unwrap();
    assert_eq!((parsed.form, &parsed.rootfs_fallback), (Form::May2014, &None));
    let config = &parsed.config;
    assert_eq!(config.rootfs, Rootfs::Directory("/bundle".into()));
    assert_eq!(config.hostname.as_deref(), Some("koye"));
    assert_eq!(config.cgroup.as_deref(), Some(Path::new("docker/docker-koye")));
    assert_eq!(kinds(&parsed), FIVE);
    let env = config.process.env.as_ref().unwrap();
    assert_eq!(env[1], "PATH=PATH=$PATH:/bin:/usr/bin:/sbin:/usr/sbin");
    assert!(config.process.terminal);
    let Network::Veth(veth) = &config.networks[1] else { panic!("no veth") };
    assert_eq!((veth.bridge.as_str(), veth.host_prefix.as_str()), ("docker0", "veth"));
    assert_eq!(veth.addresses, [("172.17.42.2".parse().unwrap(), 16)]);
    assert_eq!(veth.gateways, ["172.17.42.1".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!(veth.mtu, 1500);
    let kept = &config.process.capabilities.as_ref().unwrap().bounding;
    let has = |name: &str| kept.iter().any(|kept| kept == name);
    assert!(has("MKNOD") && has("CHOWN") && has("SYS_CHROOT") && has("DAC_READ_SEARCH"));
    assert!(!has("SYS_ADMIN") && !has("NET_ADMIN") && !has("SETPCAP"));
    // The mask drops SYS_ADMIN, of which these were part.
    assert!(!has("BPF") && !has("PERFMON") && !has("CHECKPOINT_RESTORE"));
    let places: Vec<_> = config.mounts.iter().map(|mount| mount.destination.to_str()).collect();
    let system = ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"];
    assert_eq!(places, system.map(Some));
    assert_eq!(config.mounts[1].fstype, "tmpfs");
}

#[test]
fn the_file_of_june_2014() {
    let parsed = read(&data("container_json/container-2014-06.json")).unwrap();
    assert_eq!(parsed.form, Form::June2014);
    let config = &parsed.config;
    assert_eq!(config.process.user.as_ref().unwrap().user, Id::Name("daemon".into()));
    assert_eq!(config.process.capabilities.as_ref().unwrap().bounding.len(), 12);
    assert_eq!(config.devices.len(), 6);
    let tty = config.devices.iter().find(|one| one.path == Path::new("/dev/tty")).unwrap();
    assert_eq!((tty.major, tty.minor, tty.mode), (5, 0, 0o666));
    let rules = &config.resources.devices;
    assert_eq!(rules.len(), 1 + 14);
    assert!(!rules[0].allow && rules[1..].iter().all(|rule| rule.allow));
    assert_eq!((rules[1].major, rules[1].minor), (None, None));
    assert_eq!((rules[4].major, rules[4].minor), (Some(4), Some(0)));
    assert_eq!(config.networks, [Network::Loopback]);
    assert!(config.masked_paths.contains(&"/proc/kcore".into()));
}

#[test]
fn the_file_of_2015() {
    let mut parsed = read(&data("container_json/container-2015.json")).unwrap();
    assert_eq!(parsed.form, Form::Json2015);
    assert_eq!(kinds(&parsed), FIVE);
    let config = &parsed.config;
    let options = |index: usize| config.mounts[index].options.join(",");
    // proc, /dev and /dev/pts are implied, the others listed.
    assert_eq!(config.mounts.len(), 6);
    assert_eq!(options(3), "nosuid,nodev,noexec,mode=1777,size=65536k");
    assert_eq!(options(5), "ro,nosuid,nodev,noexec");
    assert_eq!(config.process.parent_death_signal, Some(0));
    assert_eq!(config.process.rlimits.as_ref().unwrap()[0].resource, 7);
    assert_eq!(config.masked_paths, [Path::new("/proc/kcore")]);
    assert_eq!(config.readonly_paths.len(), 4);
    assert_eq!(config.resources.memory, Default::default());
    assert_eq!(config.cgroup.as_deref(), Some(Path::new("nsinit/libcontainer")));
    // The file names another person's home directory.
    let line = parsed.fall_back(|_| false).unwrap();
    assert!(line.starts_with("rootfs /home/") && line.ends_with("using /bundle"), "{line}");
    assert_eq!(parsed.config.rootfs, Rootfs::Directory("/bundle".into()));
    assert_eq!(parsed.fall_back(|_| false), None);
}

#[test]
fn each_sample_prints_as_what_it_is() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample_configs");
    for path in files(samples).into_iter().chain(files(data("container_json"))) {
        let parsed = read(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parsed.warnings, Vec::<String>::new());
        for mount in &parsed.config.mounts {
            mount_flags::parse(&mount.options).unwrap();
        }
        let text = print(&parsed.config).unwrap();
        let again = parse(text.as_bytes(), &path, Path::new("/elsewhere")).unwrap();
        assert_eq!(again.config, parsed.config, "{}", path.display());
    }
}

#[test]
fn good_oci_configs_are_read() {
    for path in files(data("oci/good")) {
        let parsed = read(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((parsed.form, parsed.warnings), (Form::Oci, Vec::new()));
    }
}

#[test]
fn bad_oci_configs_are_refused_at_the_field() {
    for path in files(data("oci/bad")) {
        let expected = match path.file_stem().unwrap().to_str().unwrap() {
            "invalid-json" => "not JSON: key must be a string at line 1 column 2",
            "linux-hugepage" => "linux.resources.hugepageLimits[0].pageSize: \"64kB\" is not",
            "linux-netdevice" => "linux.netDevices.eth0.name: expected a text, found the number 23",
            "linux-rdma" => "linux.resources.rdma.mlx5_1.hcaHandles: expected a number",
            other => panic!("no expectation for {other}"),
        };
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.starts_with(path.to_str().unwrap()), "{error}");
    }
}

/// Every place in a document: its path as errors write it, and as JSON pointers do (RFC 6901).
fn places(value: &Value, path: &str, pointer: &str, all: &mut Vec<(String, String)>) {
    all.push((path.to_owned(), pointer.to_owned()));
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = match key.contains('.') {
                    true => format!("{path}[{key:?}]"),
                    false => format!("{path}.{key}"),
                };
                places(value, path.trim_start_matches('.'), &format!("{pointer}/{key}"), all);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                places(value, &format!("{path}[{index}]"), &format!("{pointer}/{index}"), all);
            }
        }
        _ => {}
    }
}

#[test]
fn any_value_anywhere_is_taken_or_refused_at_its_place() {
    let values = [
        json!(-1),
        json!(true),
        json!("\0"),
        json!([null]),
        json!({"x": {}}),
        json!("é".repeat(9999)),
    ];
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample_configs");
    let all = [files(samples), files(data("container_json")), files(data("oci/good"))].concat();
    for file in all {
        let good: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let mut all = Vec::new();
        places(&good, "", "", &mut all);
        for (path, pointer) in all {
            for value in &values {
                let mut changed = good.clone();
                *changed.pointer_mut(&pointer).unwrap() = value.clone();
                let text = changed.to_string();
                let Err(error) = parse(text.as_bytes(), &file, Path::new("/")) else { continue };
                let ErrorKind::InvalidConfig { field } = error.kind() else { panic!("{error}") };
                // An object for a list of namespaces makes another era of the file.
                // Two fields of one object may contradict each other.
                let object =
                    |path: &str| path.rsplit_once('.').map(|(object, _)| object.to_owned());
                let near = field.starts_with(&path)
                    || path.starts_with(field.as_str())
                    || object(field) == object(&path);
                assert!(near || path == "namespaces", "{path} := {value}: {error}");
                assert!(error.to_string().len() < 1500, "{error}");
            }
        }
    }
}

/// Takes the last step of a JSON pointer away.
fn without(value: &Value, pointer: &str) -> Value {
    let mut value = value.clone();
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Object(map) => drop(map.remove(last)),
        Value::Array(list) => drop(list.remove(last.parse().unwrap())),
        other => panic!("{pointer}: {other}"),
    }
    value
}

#[test]
fn no_field_is_read_and_forgotten() {
    let file = data("oci/good/everything.json");
    let good: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let whole = read(&file).unwrap().config;
    let mut all = Vec::new();
    places(&good, "", "", &mut all);
    // The document itself, and what asks for nothing.
    all.retain(|(path, pointer)| !pointer.is_empty() && path != "linux.personality.flags");
    assert!(all.len() > 250, "{}", all.len());
    for (path, pointer) in all {
        let text = without(&good, &pointer).to_string();
        if let Ok(parsed) = parse(text.as_bytes(), &file, Path::new("/bundle")) {
            assert_ne!(parsed.config, whole, "without {path} it is the same");
        }
    }
}
