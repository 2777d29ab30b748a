//! Each kind of namespace: new, the host's, another container's.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

use libcontainer::config::{
    Clock, Config, IdMap, Mount, Namespace, NamespaceKind, NamespaceKind::*, Network as Interface,
    Rootfs, TimeOffset,
};
use libcontainer::{ErrorKind, Process};
use rustix::mount::{MountFlags, mount_remount};

use crate::common::{HostSnapshot, Place, Test, test, v2_view};
use crate::kit::{self, Running, facts, field, host, join, own, refusal};

pub fn tests() -> Vec<Test> {
    vec![
        test("namespaces::new_and_the_hosts_in_every_combination", every_combination),
        test("namespaces::what_was_made_ahead_for_another_is_given_up", ahead_for_another),
        test("namespaces::joined_in_many_combinations", joined),
        test("namespaces::joined_user_and_new_ones", joined_user),
        test("namespaces::a_joined_mount_namespace_brings_its_root", joined_mount),
        test("namespaces::exec_joins_all", exec_joins_all).in_both_views(),
        test("namespaces::refusals_name_the_field", refusals),
        test("namespaces::a_path_that_is_no_namespace", no_namespace),
        test("namespaces::user_with_id_maps", user_with_maps).in_both_views(),
        test("namespaces::user_below_roots_own_directories", user_below_private),
        test("namespaces::time_offsets", time_offsets),
        test("namespaces::cgroup_shows_the_root", cgroup_root).in_both_views(),
        test("namespaces::cgroup_where_groups_are_delegated", delegated).in_both_views(),
        test("namespaces::uts_names", uts_names),
    ]
}

/// The mapping of the tests: the container's root is nobody of the host.
fn mapped(config: &mut Config) {
    own(config, User);
    let map = IdMap { container_id: 0, host_id: 200_000, size: 65_536 };
    (config.uid_mappings, config.gid_mappings) = (vec![map], vec![map]);
}

/// Nothing but a root file system.
fn bare(place: &Place) -> Config {
    Config { namespaces: Vec::new(), mounts: Vec::new(), ..place.small() }
}

/// The init spawned ahead has made a network namespace for one container, and serves another.
fn ahead_for_another() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    let factory = place.factory();
    let mut own_net = bare(&place);
    own(&mut own_net, Network);
    let other = Running::new(&place, "other", own_net.clone());
    let sleep = || Process::new(["/bin/probe", "sleep", "1000"]).silent();
    let misled = |name: &str| {
        factory.prepare().unwrap();
        factory.create(name, own_net.clone()).unwrap().destroy().unwrap();
    };
    let mut joining = bare(&place);
    join(&mut joining, Network, other.namespace_path(Network));
    let here = kit::namespace_of(std::process::id() as i32, Network);
    for (id, config, wanted) in
        [("hosts", bare(&place), here), ("joined", joining, other.namespace(Network))]
    {
        misled("misleading");
        let container = factory.create(id, config).unwrap();
        let running = Running { init: container.run(sleep()).unwrap(), container };
        assert_eq!(running.namespace(Network), wanted, "{id}");
    }
    misled("misleading");
    let container = factory.load("other").unwrap();
    let mut child = container.exec(sleep()).unwrap();
    assert_eq!(kit::namespace_of(child.pid(), Network), other.namespace(Network));
    child.signal(9).unwrap();
    child.wait().unwrap();
    drop((child, container, other, factory));
    before.assert_restored(std::time::Duration::from_secs(2));
}

/// 256 of them; what cannot be is refused.
fn every_combination() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    let mut refused = 0;
    for set in 0..1_u32 << NamespaceKind::ALL.len() {
        let mut config = bare(&place);
        let new = |kind: NamespaceKind| set & 1 << kind as u32 != 0;
        for kind in NamespaceKind::ALL.into_iter().filter(|kind| new(*kind)) {
            if kind == User { mapped(&mut config) } else { own(&mut config, kind) }
        }
        let running = match Running::try_new(&place, "combined", config) {
            Ok(running) => running,
            Err(error) => {
                assert!(new(User) && !new(Mount), "{set:08b}: {error}");
                assert_eq!(field(&error), "namespaces");
                refused += 1;
                continue;
            }
        };
        for kind in NamespaceKind::ALL {
            let here = kit::namespace_of(std::process::id() as i32, kind);
            assert_eq!(running.namespace(kind) != here, new(kind), "{set:08b}: {kind:?}");
        }
        if set % 8 == 0 || set == u32::from(u8::MAX) {
            assert_eq!(running.exec(&["/bin/probe", "exit", "3"]).1, 3, "{set:08b}");
        }
    }
    assert_eq!(refused, 64);
    before.assert_restored(std::time::Duration::from_secs(2));
}

/// A container with all namespaces of its own; its user namespace where `user`.
fn donor(place: &Place, user: bool) -> Running {
    let mut config = place.small();
    NamespaceKind::ALL.iter().for_each(|kind| own(&mut config, *kind));
    host(&mut config, User);
    if user {
        mapped(&mut config);
    }
    Running::new(place, "donor", config)
}

fn joined() {
    let Some(place) = kit::place() else { return };
    let donor = donor(&place, false);
    let kinds = [Cgroup, Ipc, Network, Pid, Time, Uts];
    // 0 is the host's, 1 new, 2 joined.
    let mut combinations: Vec<[u8; 6]> = Vec::new();
    for one in 0..6 {
        for others in 0..2 {
            let mut combination = [others; 6];
            combination[one] = 2;
            combinations.push(combination);
            for other in 0..one {
                let mut pair = combination;
                pair[other] = 2;
                combinations.push(pair);
            }
        }
    }
    combinations.push([2; 6]);
    for combination in combinations {
        let mut config = bare(&place);
        own(&mut config, Mount);
        for (kind, how) in kinds.into_iter().zip(combination) {
            match how {
                1 => own(&mut config, kind),
                2 => join(&mut config, kind, donor.namespace_path(kind)),
                _ => {}
            }
        }
        let running = Running::new(&place, "joiner", config);
        for (kind, how) in kinds.into_iter().zip(combination) {
            let (is, theirs) = (running.namespace(kind), donor.namespace(kind));
            let here = kit::namespace_of(std::process::id() as i32, kind);
            match how {
                0 => assert_eq!(is, here, "{combination:?} {kind:?}"),
                2 => assert_eq!(is, theirs, "{combination:?} {kind:?}"),
                _ => assert!(is != here && is != theirs, "{combination:?} {kind:?}"),
            }
        }
    }
}

/// A second container in the user namespace of the first, alone and with its other ones.
fn joined_user() {
    let Some(place) = kit::place() else { return };
    let donor = donor(&place, true);
    for with in [&[][..], &[Network], &[Ipc, Uts], &[Pid], &[Cgroup, Ipc, Network, Pid, Time, Uts]]
    {
        let mut config = bare(&place);
        [Mount, Ipc, Network, Pid, Uts].iter().for_each(|kind| own(&mut config, *kind));
        config.mounts = place.small().mounts;
        join(&mut config, User, donor.namespace_path(User));
        with.iter().for_each(|kind| join(&mut config, *kind, donor.namespace_path(*kind)));
        let running = Running::new(&place, "joiner", config);
        for kind in [User].iter().chain(with) {
            assert_eq!(running.namespace(*kind), donor.namespace(*kind), "{with:?}");
        }
        let facts = running.facts();
        assert_eq!(facts.get("uid"), "0 0 0 0");
        assert_eq!(facts.get("uid-map"), "0 200000 65536");
        assert_eq!(facts.get("gid"), "0 0 0 0");
    }
}

/// The root and the mounts are those of the container whose namespace it is.
fn joined_mount() {
    let Some(place) = kit::place() else { return };
    for user in [false, true] {
        let root = if user { 200_000 } else { 0 };
        chown(place.rootfs().join("run"), Some(root), Some(root)).unwrap();
        let donor = donor(&place, user);
        donor.say(&["sh", "-c", "rm -f /run/witness; echo here > /run/witness"]);
        let mut config = bare(&place);
        config.rootfs = Rootfs::Directory(PathBuf::new());
        let mut kinds = vec![Mount, Pid];
        kinds.extend(user.then_some(User));
        kinds.iter().for_each(|kind| join(&mut config, *kind, donor.namespace_path(*kind)));
        let running = Running::new(&place, "joiner", config.clone());
        assert_eq!(running.namespace(Mount), donor.namespace(Mount));
        assert_eq!(running.say(&["cat", "/run/witness"]), "here\n");
        drop(running);

        config.mounts = place.small().mounts;
        assert_eq!(field(&refusal_beside(&place, config.clone())), "mounts");
        config.mounts.clear();
        config.rootfs = Rootfs::Directory(place.rootfs());
        assert_eq!(field(&refusal_beside(&place, config)), "rootfs");
    }
}

fn refusal_beside(place: &Place, config: Config) -> libcontainer::Error {
    match Running::try_new(place, "refused", config) {
        Ok(_) => panic!("it was started"),
        Err(error) => error,
    }
}

fn exec_joins_all() {
    let Some(place) = kit::place() else { return };
    for user in [false, true] {
        let mut config = place.config("exec");
        NamespaceKind::ALL.iter().for_each(|kind| own(&mut config, *kind));
        host(&mut config, User);
        if user {
            mapped(&mut config);
        }
        let running = Running::new(&place, "exec", config);
        let facts = running.facts();
        for kind in NamespaceKind::ALL {
            let name = kind.proc_name();
            let inode = facts
                .all("ns")
                .into_iter()
                .find_map(|ns| ns.strip_prefix(name)?.strip_prefix(' '))
                .unwrap();
            assert_eq!(running.namespace(kind), format!("{name}:[{inode}]"));
        }
        assert_eq!(facts.get("uid"), "0 0 0 0");
        // And it is in the container's group: the root of its namespace.
        for group in facts.all("cgroup") {
            let path = group.splitn(3, ':').nth(2).unwrap();
            assert!(path == "/" || !group.contains(&crate::common::prefix()), "{group}");
        }
        let pid: i32 = facts.get("pid").parse().unwrap();
        assert!(pid > 1 && pid < 100, "{pid}");
    }
}

type Change = fn(&mut Config);

/// What the kernel does not allow is refused before anything is done.
fn refusals() {
    let Some(place) = kit::place() else { return };
    let cases: [(&str, &str, Change); 11] = [
        ("namespaces[5]", "NEWUTS is listed twice", |config| {
            config.namespaces.push(Namespace { kind: Uts, path: None });
        }),
        ("hostname", "uts namespace of the container's own", |config| {
            host(config, Uts);
            config.hostname = Some("name".into());
        }),
        ("domainname", "uts namespace", |config| {
            host(config, Uts);
            config.domainname = Some("name".into());
        }),
        ("networks", "net namespace", |config| {
            host(config, Network);
            config.networks = vec![Interface::Loopback];
        }),
        ("time_offsets", "time namespace", |config| {
            config.time_offsets.insert(Clock::Boottime, TimeOffset { secs: 1, nanosecs: 0 });
        }),
        ("uid_mappings", "user namespace", |config| {
            config.uid_mappings = vec![IdMap { container_id: 0, host_id: 0, size: 1 }];
        }),
        ("uid_mappings", "at least one mapping", |config| own(config, User)),
        ("gid_mappings[0].size", "is 0", |config| {
            mapped(config);
            config.gid_mappings[0].size = 0;
        }),
        ("uid_mappings[1]", "overlaps with the one at 0", |config| {
            mapped(config);
            config.uid_mappings.push(IdMap { container_id: 65_535, host_id: 1, size: 1 });
        }),
        ("namespaces", "new mount namespace", |config| {
            config.mounts.clear();
            host(config, Mount);
            mapped(config);
        }),
        ("mounts", "new mount namespace", |config| host(config, Mount)),
    ];
    for (name, reason, change) in cases {
        let mut config = place.small();
        change(&mut config);
        let error = refusal(&place, config);
        assert_eq!(field(&error), name, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

/// A path that is missing, no namespace, one of another kind.
fn no_namespace() {
    let Some(place) = kit::place() else { return };
    let cases = [
        ("/nowhere/netns", "No such file or directory"),
        ("/etc/passwd", "is it a net namespace?"),
        ("/proc/self/ns/uts", "is it a net namespace?"),
    ];
    for (path, reason) in cases {
        let mut config = place.small();
        join(&mut config, Network, path);
        let text = refusal(&place, config).to_string();
        assert!(text.contains(&format!("joining the net namespace {path}")), "{text}");
        assert!(text.contains(reason), "{text}");
    }
}

fn user_with_maps() {
    let Some(place) = kit::place() else { return };
    let mut config = place.config("mapped");
    mapped(&mut config);
    config.gid_mappings[0].host_id = 300_000;
    let running = Running::new(&place, "mapped", config);
    let facts = running.facts();
    assert_eq!(facts.get("uid-map"), "0 200000 65536");
    assert_eq!(facts.get("gid-map"), "0 300000 65536");
    assert_eq!(facts.get("uid"), "0 0 0 0");
    assert_eq!(facts.get("groups"), "0");
    let text = std::fs::read_to_string(format!("/proc/{}/status", running.init.pid())).unwrap();
    assert!(text.contains("\nUid:\t200000\t"), "{text}");
    assert!(text.contains("\nGid:\t300000\t"), "{text}");
    // The image's files are the host's root's, who is nobody here: even root may not write.
    assert_eq!(running.say(&["stat", "-c", "%u:%g", "/etc/passwd"]), "65534:65534\n");
    assert_eq!(running.exec(&["/bin/probe", "write", "/etc/passwd", "x"]).1, 1);
    // Devices are the host's own, and can be used all the same; none can be made.
    assert_eq!(
        running.say(&["sh", "-c", "echo x > /dev/null; head -c 2 /dev/zero | wc -c"]),
        "2\n"
    );
    let made = running.exec(&["/bin/probe", "mknod", "/tmp/null", "c", "1", "3"]).0;
    assert!(made.starts_with("error EPERM"), "{made}");
    // tmpfs, devpts and mqueue belong to its root.
    assert_eq!(running.say(&["stat", "-c", "%u", "/dev", "/dev/shm", "/dev/mqueue"]), "0\n0\n0\n");
}

/// Nobody but the host's root may go there; the root file system is opened before.
fn user_below_private() {
    let Some(place) = kit::place() else { return };
    let above = place.dir().join("private/deep");
    std::fs::create_dir_all(&above).unwrap();
    let moved = above.join("root");
    std::fs::rename(place.rootfs(), &moved).unwrap();
    std::fs::write(place.dir().join("private/source"), "bound").unwrap();
    for dir in ["private", "private/deep"] {
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(place.dir().join(dir), mode).unwrap();
    }
    let source = place.dir().join("private/source");
    std::fs::set_permissions(&source, std::fs::Permissions::from_mode(0o644)).unwrap();
    let mut config = place.small();
    config.rootfs = Rootfs::Directory(moved.clone());
    mapped(&mut config);
    config.mounts.push(Mount {
        destination: "/mnt/bound".into(),
        source: Some(source),
        options: vec!["bind".into()],
        ..Mount::default()
    });
    // Its root may make the mount point.
    chown(moved.join("mnt"), Some(200_000), Some(200_000)).unwrap();
    assert_eq!(kit::once(&place, "deep", config, &["cat", "/mnt/bound"]), ("bound".into(), 0));
}

fn time_offsets() {
    let Some(place) = kit::place() else { return };
    let mut config = place.small();
    own(&mut config, Time);
    config.time_offsets.insert(Clock::Boottime, TimeOffset { secs: 1_000_000, nanosecs: 0 });
    config.time_offsets.insert(Clock::Monotonic, TimeOffset { secs: 2_000_000, nanosecs: 5 });
    let running = Running::new(&place, "time", config);
    let seconds = |text: &str| text.split(['.', ' ']).next().unwrap().parse::<i64>().unwrap();
    let here = seconds(&std::fs::read_to_string("/proc/uptime").unwrap());
    let there = seconds(&running.say(&["cat", "/proc/uptime"]));
    assert!((1_000_000..1_000_030).contains(&(there - here)), "{here} {there}");
    let facts = running.facts();
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic).tv_sec;
    let shift = facts.get("clock-monotonic").parse::<i64>().unwrap() - now;
    assert!((1_999_990..2_000_010).contains(&shift), "{shift}");
    drop(running);

    // The clock may not begin before the boot.
    let mut config = place.small();
    own(&mut config, Time);
    config.time_offsets.insert(Clock::Boottime, TimeOffset { secs: -1_000_000_000, nanosecs: 0 });
    let text = refusal(&place, config).to_string();
    assert!(text.contains("timens_offsets"), "{text}");
}

fn cgroup_root() {
    let Some(place) = kit::place() else { return };
    for own_namespace in [true, false] {
        let mut config = place.config("root");
        if own_namespace {
            own(&mut config, Cgroup);
        }
        let running = Running::new(&place, "root", config);
        for facts in [
            running.facts(),
            kit::facts(&place, "first", {
                let mut config = place.config("first");
                if own_namespace {
                    own(&mut config, Cgroup);
                }
                config
            }),
        ] {
            let groups = facts.all("cgroup");
            let of_its_own = |group: &&str| group.contains(&crate::common::prefix());
            if own_namespace {
                // Named hierarchies and those without its group show the host's.
                assert!(!groups.iter().any(of_its_own), "{groups:?}");
            } else {
                assert!(groups.iter().any(of_its_own), "{groups:?}");
            }
        }
    }
}

fn uts_names() {
    let Some(place) = kit::place() else { return };
    let mut config = place.small();
    config.hostname = Some("a-host".into());
    config.domainname = Some("a-domain".into());
    let donor = Running::new(&place, "donor", config.clone());
    let facts = donor.facts();
    assert_eq!((facts.get("hostname"), facts.get("domainname")), ("a-host", "a-domain"));
    // A joined one is renamed for both.
    join(&mut config, Uts, donor.namespace_path(Uts));
    config.hostname = Some("another".into());
    let said = facts_beside(&place, config);
    assert_eq!((said.get("hostname"), said.get("domainname")), ("another", "a-domain"));
    assert_eq!(donor.facts().get("hostname"), "another");
    assert_ne!(rustix::system::uname().nodename().to_string_lossy(), "another");

    // The kernel takes 64 bytes.
    let mut config = place.small();
    config.hostname = Some("x".repeat(65));
    let error = refusal_beside(&place, config);
    assert!(matches!(error.kind(), ErrorKind::InvalidConfig { .. } | ErrorKind::System));
    assert!(error.to_string().contains("hostname"), "{error}");
}

fn facts_beside(place: &Place, config: Config) -> kit::Facts {
    facts(place, "beside", config)
}

/// systemd mounts version 2 with `nsdelegate`: nobody comes from a group outside a cgroup
/// namespace into one inside, who is in that namespace already (cgroup_namespaces(7)).
fn delegated() {
    if !v2_view() {
        return;
    }
    let Some(place) = kit::place() else { return };
    let mounted = std::fs::read_to_string("/proc/mounts").unwrap();
    let before = mounted.lines().any(|mount| mount.contains(",nsdelegate"));
    let set = |options: &std::ffi::CStr| {
        mount_remount("/sys/fs/cgroup", MountFlags::empty(), options).unwrap();
    };
    let mut config = place.config("delegated");
    own(&mut config, Cgroup);
    let running = Running::new(&place, "delegated", config);
    let mut config = place.config("mapped");
    own(&mut config, Cgroup);
    mapped(&mut config);
    let mapped = Running::new(&place, "mapped", config);
    set(c"nsdelegate");
    let say = |running: &Running| {
        let process = |process| running.container.exec(process);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            crate::common::output(&["cat", "/proc/self/cgroup"], process)
        }))
    };
    let said = [say(&running), say(&mapped)];
    if !before {
        set(c"");
    }
    for said in said {
        let (text, code) = said.unwrap();
        assert_eq!(code, 0);
        assert!(text.ends_with("0::/\n"), "{text}");
    }
}
