use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::ErrorKind;
use crate::config::{Device, DeviceKind};

fn mount(fstype: &str, destination: &str, options: &[&str]) -> Mount {
    Mount {
        destination: destination.into(),
        fstype: fstype.into(),
        source: (fstype == "bind").then(|| "/source".into()),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        ..Mount::default()
    }
}

fn config(mounts: Vec<Mount>) -> Config {
    Config { rootfs: Rootfs::Directory("/image".into()), mounts, ..Config::default() }
}

fn facts() -> MountFacts {
    MountFacts { mknod: true, ..MountFacts::default() }
}

fn planned(mount: Mount) -> MountOp {
    plan(&config(vec![mount]), &facts()).unwrap().ops.remove(0)
}

/// The field and message of the error.
fn refused(config: &Config, facts: &MountFacts) -> String {
    let error = plan(config, facts).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidConfig { .. }), "{error}");
    error.to_string()
}

fn refused_mount(mount: Mount) -> String {
    let config = config(vec![self::mount("tmpfs", "/tmp", &[]), mount]);
    refused(&config, &facts())
}

fn starts(text: &str, start: &str) {
    assert!(text.starts_with(start), "{text:?} does not start with {start:?}");
}

#[test]
fn wrong_mounts_are_named_by_their_field() {
    starts(&refused_mount(mount("tmpfs", "tmp", &[])), "mounts[1].destination: \"tmp\" is not an");
    starts(&refused_mount(mount("tmpfs", "/../", &[])), "mounts[1].destination: is the root");
    starts(&refused_mount(mount("", "/x", &[])), "mounts[1].type: needs a file-system type");
    starts(&refused_mount(mount("tmpfs", "/x", &["move"])), "mounts[1].options[0]: \"move\"");
    starts(&refused_mount(mount("bind", "/x", &["size=1"])), "mounts[1].options: \"size\" is an");
    starts(&refused_mount(mount("proc", "/proc", &["tmpcopyup"])), "mounts[1].options: tmpcopyup");
    let relative = Mount { source: Some("data".into()), ..mount("bind", "/x", &[]) };
    starts(&refused_mount(relative), "mounts[1].source: \"data\" is not an absolute path");
    let missing = Mount { source: None, ..mount("bind", "/x", &[]) };
    starts(&refused_mount(missing), "mounts[1].source: a bind needs a source");
}

#[test]
fn little_can_be_mounted_inside_proc() {
    for target in
        ["/proc/sys", "/proc/self/attr", "/proc/scsi", "/proc/../proc/./acpi", "//proc//1"]
    {
        for fstype in ["bind", "tmpfs", "proc"] {
            let text = refused_mount(mount(fstype, target, &[]));
            starts(&text, "mounts[1].destination: nothing may be mounted at /proc/");
        }
    }
    starts(&refused_mount(mount("tmpfs", "/proc/", &[])), "mounts[1].destination: only a procfs");
    starts(&refused_mount(mount("tmpfs", "/proc/uptime", &[])), "mounts[1].destination: nothing");
    for target in ["/proc/uptime", "/proc/meminfo", "/proc/sys/kernel/ns_last_pid", "/procedures"] {
        assert!(matches!(planned(mount("bind", target, &[])), MountOp::Bind { .. }));
    }
}

#[test]
fn a_bind_is_a_slave_unless_it_says_otherwise() {
    let propagation = |options: &[&str], config: Config, facts: MountFacts| {
        let config = Config { mounts: vec![mount("bind", "/x", options)], ..config };
        match plan(&config, &facts).unwrap().ops.remove(0) {
            MountOp::Bind { attributes, .. } => attributes.propagation,
            other => panic!("{other:?}"),
        }
    };
    let plain = || config(Vec::new());
    let shared = Config { rootfs_propagation: Some(Propagation::Shared), ..plain() };
    let user = MountFacts { user_namespace: true, ..facts() };
    assert_eq!(propagation(&["rbind"], plain(), facts()), [(Propagation::Slave, true)]);
    assert_eq!(propagation(&["bind"], plain(), facts()), [(Propagation::Slave, false)]);
    assert_eq!(propagation(&["rbind"], shared.clone(), facts()), [(Propagation::Shared, true)]);
    assert_eq!(
        propagation(&["rbind", "private"], shared.clone(), facts()),
        [(Propagation::Private, false)]
    );
    assert_eq!(
        propagation(&["rbind"], shared, user),
        [(Propagation::Slave, true), (Propagation::Shared, true)]
    );
}

#[test]
fn a_single_mount_has_no_recursive_changes() {
    let MountOp::Bind { attributes, .. } =
        planned(mount("bind", "/x", &["bind", "rro", "rnoatime", "nosuid"]))
    else {
        panic!("a bind");
    };
    assert_eq!(attributes.set, attr::RDONLY | attr::NOATIME | attr::NOSUID);
    assert_eq!(attributes.clear, attr::ATIME);
    assert_eq!((attributes.rec_set, attributes.rec_clear), (0, 0));
}

#[test]
fn a_file_system_takes_its_options_apart() {
    let mut options = mount("ext4", "/data/../disk", &["ro", "nosuid", "sync", "commit=5", "acl"]);
    options.source = Some("/dev/sdb1".into());
    let MountOp::Filesystem(filesystem) = planned(options) else { panic!("a file system") };
    assert_eq!(filesystem.target, Path::new("/disk"));
    assert_eq!(filesystem.attributes, attr::RDONLY | attr::NOSUID);
    let flag = |name: &str| (name.to_owned(), None);
    let value = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    let source = value("source", "/dev/sdb1");
    let wanted = [flag("ro"), source, flag("sync"), value("commit", "5"), flag("acl")];
    assert_eq!(filesystem.params, wanted);
}

#[test]
fn only_labelled_file_systems_get_the_label() {
    let label = Some("system_u:object_r:container_file_t:s0".to_owned());
    let mounts = vec![mount("proc", "/proc", &[]), mount("tmpfs", "/tmp", &[])];
    let config = Config { mount_label: label.clone(), ..config(mounts) };
    starts(&refused(&config, &facts()), "mount_label: SELinux is not enabled");
    let labels: Vec<_> = plan(&config, &MountFacts { selinux: true, ..facts() })
        .unwrap()
        .ops
        .into_iter()
        .map(|op| match op {
            MountOp::Filesystem(fs) => fs.params.into_iter().any(|(key, _)| key == "context"),
            _ => false,
        })
        .collect();
    assert_eq!(labels, [false, true]);
}

fn device(path: &str, minor: u32) -> Device {
    let (kind, mode) = (DeviceKind::Char, 0o666);
    Device { path: path.into(), kind, major: 1, minor, mode, uid: 0, gid: 0 }
}

fn names(nodes: &[Node]) -> Vec<&str> {
    let name = |node| match node {
        &Node::Device(DeviceNode { ref name, .. })
        | &Node::Bound { ref name, .. }
        | &Node::Link { ref name, .. } => name.as_str(),
        Node::Core => "core",
    };
    nodes.iter().map(name).collect()
}

#[test]
fn a_fresh_dev_gets_its_links() {
    let devices = vec![device("/dev/null", 3), device("/dev/net/tun", 5), device("/dev/zero", 5)];
    let groups = |mounts| {
        let config = Config { devices: devices.clone(), ..config(mounts) };
        let ops = plan(&config, &facts()).unwrap().ops;
        let nodes = ops.into_iter().filter_map(|op| match op {
            MountOp::Nodes { directory, nodes } => Some((directory, nodes)),
            _ => None,
        });
        nodes.collect::<BTreeMap<PathBuf, Vec<Node>>>()
    };
    let (tmpfs, pts) = (mount("tmpfs", "/dev", &[]), mount("devpts", "/dev/pts", &[]));
    let fresh = groups(vec![tmpfs.clone(), pts.clone()]);
    let all = ["null", "zero", "fd", "stdin", "stdout", "stderr", "ptmx", "core"];
    assert_eq!(names(&fresh[Path::new("/dev")]), all);
    assert_eq!(names(&fresh[Path::new("/dev/net")]), ["tun"]);
    assert!(!names(&groups(vec![tmpfs])[Path::new("/dev")]).contains(&"ptmx"));
    assert_eq!(names(&groups(vec![pts])[Path::new("/dev")]), ["null", "zero"]);
    assert!(groups(vec![mount("bind", "/dev", &["rbind"])]).is_empty(), "the host's own");
}

#[test]
fn devices_contradict_nothing() {
    let config = |devices| Config { devices, ..config(Vec::new()) };
    let twice = config(vec![device("/dev/null", 3), device("/dev/./null", 5)]);
    starts(&refused(&twice, &facts()), "devices[1].path: /dev/null is listed before");
    let same = config(vec![device("/dev/null", 3), device("/dev/null", 3)]);
    let MountOp::Nodes { nodes, .. } = plan(&same, &facts()).unwrap().ops.remove(0) else {
        panic!("nodes");
    };
    assert_eq!(nodes.len(), 1);
    let odd = Device { mode: 0o20666, ..device("/dev/null", 3) };
    starts(&refused(&config(vec![odd]), &facts()), "devices[0].mode: 20666 is no mode");
    let bound = plan(&same, &MountFacts { mknod: false, ..facts() }).unwrap();
    assert_eq!(bound.sources.len(), 1);
    assert_eq!(bound.sources[0].device, Some((DeviceKind::Char, 1, 3)));
}

#[test]
fn nothing_is_mounted_in_others_namespaces() {
    let host = MountFacts { mount_namespace: MountNamespace::Host, ..facts() };
    let asked = [
        ("mounts", config(vec![mount("tmpfs", "/tmp", &[])])),
        ("masked_paths", Config { masked_paths: vec!["/x".into()], ..config(Vec::new()) }),
        ("readonly_paths", Config { readonly_paths: vec!["/x".into()], ..config(Vec::new()) }),
        ("readonly_rootfs", Config { readonly_rootfs: true, ..config(Vec::new()) }),
        ("rootfs", Config { rootfs: Rootfs::Host, ..config(Vec::new()) }),
    ];
    for (field, config) in asked {
        let text = refused(&config, &host);
        starts(
            &text,
            &format!("{field}: needs a new mount namespace, and the container has the h"),
        );
        let joined = check_joined(&config).unwrap_err().to_string();
        starts(&joined, &format!("{field}: needs a new mount namespace"));
    }
    assert_eq!(plan(&config(Vec::new()), &host).unwrap().entry, Entry::Chroot);
    assert!(check_joined(&config(Vec::new())).is_ok());
}

#[test]
fn a_terminal_needs_a_devpts() {
    let facts = MountFacts { terminal: true, ..facts() };
    starts(&refused(&config(Vec::new()), &facts), "process.terminal: a terminal needs a devpts");
    assert!(plan(&config(vec![mount("devpts", "/dev/pts", &[])]), &facts).unwrap().terminal);
}

#[test]
fn cgroups_of_version_1_are_directories_and_links() {
    let path = |name: &str, dir: &str| (name.to_owned(), PathBuf::from(dir));
    let cgroup_paths = BTreeMap::from([
        path("cpu", "/cg/cpu,cpuacct/web"),
        path("cpuacct", "/cg/cpu,cpuacct/web"),
        path("memory", "/cg/memory/web"),
        path("name=systemd", "/cg/systemd/web"),
        path("", "/cg/unified/web"),
    ]);
    let facts = MountFacts { cgroup_paths, ..facts() };
    let config = config(vec![mount("cgroup", "/sys/fs/cgroup", &["ro"])]);
    let RootfsPlan { ops, sources, .. } = plan(&config, &facts).unwrap();
    let mut targets = Vec::new();
    for op in &ops {
        match op {
            MountOp::Bind { source, target, attributes } => {
                assert_eq!(attributes.set, attr::RDONLY);
                let source = sources[*source].path.to_str().unwrap();
                targets.push((source, target.to_str().unwrap()));
            }
            MountOp::Nodes { nodes, .. } => assert_eq!(names(nodes), ["cpu", "cpuacct"]),
            MountOp::Filesystem(fs) => {
                assert_eq!((fs.fstype.as_str(), fs.attributes), ("tmpfs", 0))
            }
            MountOp::Change { attributes, .. } => assert_eq!(attributes.set, attr::RDONLY),
            other => panic!("{other:?}"),
        }
    }
    let wanted = [
        ("/cg/unified/web", "/sys/fs/cgroup/unified"),
        ("/cg/cpu,cpuacct/web", "/sys/fs/cgroup/cpu,cpuacct"),
        ("/cg/memory/web", "/sys/fs/cgroup/memory"),
        ("/cg/systemd/web", "/sys/fs/cgroup/systemd"),
    ];
    assert_eq!(targets, wanted);
    assert!(matches!(ops.last(), Some(MountOp::Change { .. })), "read-only at last");
}

#[test]
fn an_engines_container_in_the_hosts_cgroup_namespace_sees_its_tree() {
    let tree = PathBuf::from("/sys/fs/cgroup");
    let own = tree.join("nsrun/web");
    let config = |oci| Config { oci, ..config(vec![mount("cgroup", "/sys/fs/cgroup", &[])]) };
    for (oci, user_namespace, cgroup_namespace, wanted) in [
        (true, false, false, (&tree, 0)),
        (true, true, false, (&tree, attr::RDONLY)),
        (true, false, true, (&own, 0)),
        (false, false, false, (&own, 0)),
    ] {
        let facts = MountFacts {
            cgroup_unified: Some(tree.clone()),
            cgroup_paths: [(String::new(), own.clone())].into(),
            cgroup_namespace,
            user_namespace,
            ..facts()
        };
        let mut plan = plan(&config(oci), &facts).unwrap();
        let MountOp::Bind { source, attributes, .. } = plan.ops.remove(0) else { panic!("a bind") };
        assert_eq!((&plan.sources[source].path, attributes.set), wanted);
    }
}

#[test]
fn a_callers_cgroup_is_read_only_without_a_namespace() {
    let config = config(vec![mount("cgroup", "/sys/fs/cgroup", &[])]);
    let tree = PathBuf::from("/sys/fs/cgroup");
    let first = |cgroup_namespace| {
        let cgroup_unified = Some(tree.clone());
        let facts = MountFacts { cgroup_unified, cgroup_namespace, ..facts() };
        plan(&config, &facts).unwrap()
    };
    let MountOp::Filesystem(fs) = first(true).ops.remove(0) else { panic!("a file system") };
    assert_eq!((fs.fstype.as_str(), fs.attributes), ("cgroup2", 0));
    let mut bound = first(false);
    let MountOp::Bind { source, attributes, .. } = bound.ops.remove(0) else { panic!("a bind") };
    assert_eq!((&bound.sources[source].path, attributes.set), (&tree, attr::RDONLY));
    starts(&refused(&config, &facts()), "mounts[0]: the container has no control group");
}

#[test]
fn a_users_control_groups_are_read_only_below_a_read_only_sys() {
    let at = |source: &str, options: &[&str]| Mount {
        source: Some(source.into()),
        ..mount("bind", "/x", options)
    };
    let deep = |mount: Mount, guard_groups: bool| {
        let facts = MountFacts { guard_groups, ..facts() };
        let MountOp::Bind { attributes, .. } =
            plan(&config(vec![mount]), &facts).unwrap().ops.remove(0)
        else {
            panic!("a bind is planned")
        };
        attributes.rec_set & attr::RDONLY != 0
    };
    for source in ["/", "/sys", "/sys/fs", "/sys/fs/cgroup", "/sys/fs/cgroup/x"] {
        assert!(deep(at(source, &["rbind", "ro"]), true), "{source}");
        assert!(!deep(at(source, &["rbind", "ro"]), false), "{source}");
        assert!(!deep(at(source, &["rbind"]), true), "{source}");
    }
    assert!(!deep(at("/srv", &["rbind", "ro"]), true));
}

#[test]
fn what_shows_a_namespace_of_the_hosts_has_a_stand_in() {
    use crate::config::{Namespace, NamespaceKind};
    let stand_in = |fstype: &str, namespaces: Vec<Namespace>| {
        let config = Config { namespaces, ..config(vec![mount(fstype, "/x", &[])]) };
        match plan(&config, &facts()).unwrap().ops.remove(0) {
            MountOp::Filesystem(filesystem) => filesystem.stand_in,
            other => panic!("{other:?}"),
        }
    };
    let own = |kind| vec![Namespace { kind, path: None }];
    let joined = |kind| vec![Namespace { kind, path: Some("/some/ns".into()) }];
    for (fstype, kind, path) in
        [("sysfs", NamespaceKind::Network, "/sys"), ("mqueue", NamespaceKind::Ipc, "/dev/mqueue")]
    {
        assert_eq!(stand_in(fstype, Vec::new()), Some(path.into()));
        let shown = (fstype == "sysfs").then(|| path.into());
        assert_eq!(stand_in(fstype, own(kind)), shown);
        assert_eq!(stand_in(fstype, joined(kind)), shown);
    }
    assert_eq!(stand_in("tmpfs", Vec::new()), None);
}
