//! The root file system: every kind of mount with its options, devices, covers, the way in.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use libcontainer::config::{
    Config, Device, DeviceKind, IdMap, Mount, NamespaceKind, Propagation, Rootfs,
};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::common::{HostSnapshot, Place, Test, test};
use crate::kit::{self, Running, field, refusal};

pub fn tests() -> Vec<Test> {
    vec![
        test("rootfs::the_kernels_file_systems", kernels),
        test("rootfs::tmpfs_options", tmpfs),
        test("rootfs::bind_options", binds),
        test("rootfs::recursive_binds", recursive_binds),
        test("rootfs::bind_targets_are_made", targets),
        test("rootfs::cgroup_mounts", cgroup_mounts).in_both_views(),
        test("rootfs::cgroup_mounts_of_a_user_namespace", cgroup_mounts_user).in_both_views(),
        test("rootfs::device_nodes", device_nodes),
        test("rootfs::devices_without_mknod", devices_bound),
        test("rootfs::links_in_dev", links),
        test("rootfs::masked_and_read_only_paths", covers),
        test("rootfs::read_only_root", read_only_root),
        test("rootfs::propagation", propagation),
        test("rootfs::nothing_of_the_old_root", nothing_old),
        test("rootfs::without_pivot_root", no_pivot),
        test("rootfs::without_a_mount_namespace", chroot),
        test("rootfs::the_hosts_own_view", host_view).in_both_views(),
        test("rootfs::refusals_name_the_field", refusals),
    ]
}

/// One line of `probe mounts`.
#[derive(Debug)]
struct Line {
    kind: String,
    options: Vec<String>,
    superblock: String,
    propagation: String,
}

impl Line {
    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|has| has == option)
    }
}

fn parse(text: &str) -> BTreeMap<String, Line> {
    let line = |line: &str| {
        let mut words = line.split('\t').map(str::to_owned);
        let point = words.next().unwrap();
        let (kind, _source) = (words.next().unwrap(), words.next().unwrap());
        let options = words.next().unwrap().split(',').map(str::to_owned).collect();
        let (superblock, propagation) = (words.next().unwrap(), words.next().unwrap());
        (point, Line { kind, options, superblock, propagation })
    };
    text.lines().map(line).collect()
}

#[track_caller]
fn mounts(place: &Place, config: Config) -> BTreeMap<String, Line> {
    let (text, code) = kit::once(place, "mounts", config, &["/bin/probe", "mounts"]);
    assert_eq!(code, 0, "{text}");
    parse(&text)
}

fn filesystem(destination: &str, fstype: &str, options: &[&str]) -> Mount {
    Mount {
        destination: destination.into(),
        fstype: fstype.into(),
        source: None,
        options: options.iter().map(|&option| option.to_owned()).collect(),
    }
}

fn bind(source: impl AsRef<Path>, destination: &str, options: &[&str]) -> Mount {
    Mount { source: Some(source.as_ref().to_owned()), ..filesystem(destination, "bind", options) }
}

fn kernels() {
    let Some(place) = kit::place() else { return };
    let mut config = place.config("kernels");
    config.networks.clear();
    let running = Running::new(&place, "kernels", config);
    let found = parse(&running.say(&["/bin/probe", "mounts"]));
    for (point, kind, options) in [
        ("/proc", "proc", &["rw", "nosuid", "nodev", "noexec"][..]),
        ("/sys", "sysfs", &["ro", "nosuid", "nodev", "noexec"]),
        ("/dev", "tmpfs", &["rw", "nosuid"]),
        ("/dev/pts", "devpts", &["nosuid", "noexec"]),
        ("/dev/shm", "tmpfs", &["nosuid", "nodev", "noexec"]),
        ("/dev/mqueue", "mqueue", &["nosuid", "nodev", "noexec"]),
    ] {
        let line = found.get(point).unwrap_or_else(|| panic!("{point}: {found:?}"));
        assert_eq!(line.kind, kind, "{point}");
        assert!(options.iter().all(|option| line.has(option)), "{point}: {line:?}");
    }
    assert!(found["/dev/pts"].superblock.contains("gid=5,mode=620,ptmxmode=666"), "{found:?}");
    assert!(found["/dev/shm"].superblock.contains("size=65536k"), "{found:?}");
    // Each shows this container's own: its processes, its interfaces, no terminal of others.
    assert!(
        running.say(&["ls", "/proc"]).lines().filter(|n| n.parse::<u32>().is_ok()).count() <= 2
    );
    assert_eq!(running.say(&["ls", "/sys/class/net"]), "lo\n");
    assert_eq!(running.say(&["ls", "/dev/pts"]), "ptmx\n");
    assert_eq!(running.say(&["ls", "/dev/mqueue"]), "");
    // A process in there is its own.
    assert_eq!(running.say(&["readlink", "/proc/1/exe"]), "/bin/probe\n");
}

fn tmpfs() {
    let Some(place) = kit::place() else { return };
    let mut config = place.small();
    std::fs::write(place.rootfs().join("srv/file"), "kept").unwrap();
    config.mounts.extend([
        filesystem("/mnt/one", "tmpfs", &["size=1m", "mode=0710", "uid=7", "gid=8", "nr_inodes=9"]),
        filesystem("/mnt/two", "tmpfs", &["ro", "noatime"]),
        filesystem("/srv", "tmpfs", &["tmpcopyup"]),
        filesystem("/mnt/four", "ramfs", &["mode=755", "sync", "dirsync"]),
    ]);
    let running = Running::new(&place, "tmpfs", config);
    let found = parse(&running.say(&["/bin/probe", "mounts"]));
    let text = &found["/mnt/one"].superblock;
    for option in ["size=1024k", "nr_inodes=9", "mode=710", "uid=7", "gid=8"] {
        assert!(text.contains(option), "{text}");
    }
    let (two, four) = (&found["/mnt/two"], &found["/mnt/four"]);
    assert!(two.has("ro") && two.has("noatime"), "{two:?}");
    assert!(four.superblock.contains("sync"), "{four:?}");
    assert_eq!(running.say(&["stat", "-c", "%a %u %g", "/mnt/one"]), "710 7 8\n");
    let (text, _) = running.exec(&["/bin/probe", "open", "/mnt/two/x", "create"]);
    assert!(text.starts_with("error EROFS"), "{text}");
    assert_eq!(running.say(&["cat", "/srv/file"]), "kept");
    let (_, code) = running.exec(&["sh", "-c", "echo new > /srv/file"]);
    assert_eq!(code, 0);
    assert_eq!(std::fs::read_to_string(place.rootfs().join("srv/file")).unwrap(), "kept");
    drop(running);
    // Its size holds.
    let mut config = place.small();
    config.mounts.push(filesystem("/mnt/one", "tmpfs", &["size=1m"]));
    let (text, code) =
        kit::once(&place, "full", config, &["/bin/probe", "fill", "/mnt/one/f", "2"]);
    assert!(code == 1 && text.contains("ENOSPC"), "{text}");
    // What tmpfs does not know is its own to refuse.
    let mut config = place.small();
    config.mounts.push(filesystem("/mnt/one", "tmpfs", &["colour=red"]));
    let text = refusal(&place, config).to_string();
    assert!(text.contains("/mnt/one") && text.contains("colour"), "{text}");
}

fn binds() {
    let Some(place) = kit::place() else { return };
    let source = place.dir().join("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("file"), "of the host").unwrap();
    let options: &[(&str, &[&str], &[&str])] = &[
        ("rw", &["bind"], &["rw"]),
        ("ro", &["bind", "ro"], &["ro"]),
        ("nosuid", &["rbind", "nosuid"], &["rw", "nosuid"]),
        ("nodev", &["bind", "nodev"], &["nodev"]),
        ("noexec", &["bind", "noexec"], &["noexec"]),
        ("noatime", &["bind", "noatime"], &["noatime"]),
        ("nodiratime", &["bind", "nodiratime"], &["nodiratime"]),
        ("relatime", &["bind", "relatime"], &["relatime"]),
        ("nosymfollow", &["bind", "nosymfollow"], &["nosymfollow"]),
        (
            "all",
            &["rbind", "ro", "nosuid", "nodev", "noexec", "noatime"],
            &["ro", "nosuid", "nodev", "noexec", "noatime"],
        ),
        ("rro", &["rbind", "rro"], &["ro"]),
        ("undone", &["bind", "ro", "noexec", "rw", "exec"], &["rw"]),
    ];
    let mut config = place.small();
    for (name, options, _) in options {
        config.mounts.push(bind(&source, &format!("/mnt/{name}"), options));
    }
    // strictatime has no word of its own.
    config.mounts.push(bind(&source, "/mnt/strictatime", &["bind", "strictatime"]));
    let running = Running::new(&place, "binds", config);
    let found = parse(&running.say(&["/bin/probe", "mounts"]));
    for (name, _, expected) in options {
        let line = &found[&format!("/mnt/{name}")];
        assert!(expected.iter().all(|option| line.has(option)), "{name}: {line:?}");
        for option in ["ro", "nosuid", "nodev", "noexec", "nosymfollow"] {
            assert_eq!(line.has(option), expected.contains(&option), "{name}: {option} {line:?}");
        }
    }
    let strict = &found["/mnt/strictatime"];
    assert!(!strict.has("relatime") && !strict.has("noatime"), "{strict:?}");
    let write =
        |name: &str| running.exec(&["/bin/probe", "open", &format!("/mnt/{name}/file"), "w"]).0;
    assert_eq!(write("rw"), "ok\n");
    assert!(write("ro").starts_with("error EROFS"));
    // The host's own mount is as it was.
    std::fs::write(source.join("file"), "still").unwrap();
    assert_eq!(running.say(&["cat", "/mnt/ro/file"]), "still");
}

/// Mounts below the source: left out, taken along, changed with it.
fn recursive_binds() {
    let Some(place) = kit::place() else { return };
    let source = place.dir().join("source");
    let below = source.join("below");
    std::fs::create_dir_all(&below).unwrap();
    mount("t", &below, "tmpfs", MountFlags::NOSUID, None).unwrap();
    std::fs::write(below.join("file"), "deep").unwrap();
    let before = HostSnapshot::take(&place);
    let mut config = place.small();
    for (name, options) in [
        ("plain", &["bind"][..]),
        ("tree", &["rbind"]),
        ("top", &["rbind", "ro"]),
        ("all", &["rbind", "rro"]),
        ("many", &["rbind", "rnodev", "rnoexec", "rnoatime", "rnosymfollow"]),
    ] {
        config.mounts.push(bind(&source, &format!("/mnt/{name}"), options));
    }
    {
        let running = Running::new(&place, "tree", config);
        let found = parse(&running.say(&["/bin/probe", "mounts"]));
        assert!(!found.contains_key("/mnt/plain/below"), "{found:?}");
        assert_eq!(running.say(&["ls", "/mnt/plain/below"]), "");
        assert_eq!(running.say(&["cat", "/mnt/tree/below/file"]), "deep");
        let below = |name: &str| &found[&format!("/mnt/{name}/below")];
        assert!(below("tree").has("rw") && below("tree").has("nosuid"));
        assert!(found["/mnt/top"].has("ro") && below("top").has("rw"));
        assert!(found["/mnt/all"].has("ro") && below("all").has("ro"));
        for option in ["nodev", "noexec", "noatime", "nosymfollow", "nosuid"] {
            assert!(below("many").has(option), "{:?}", below("many"));
        }
    }
    before.assert_restored(Duration::from_secs(2));
    unmount(&below, UnmountFlags::empty()).unwrap();
}

/// A file on a file, a directory on a directory, through links that stay inside the root.
fn targets() {
    let Some(place) = kit::place() else { return };
    let file = place.dir().join("file");
    std::fs::write(&file, "bound").unwrap();
    symlink("/", place.rootfs().join("mnt/root")).unwrap();
    symlink("../../../../../../etc", place.rootfs().join("mnt/up")).unwrap();
    let mut config = place.small();
    config.mounts.extend([
        bind(&file, "/new/deep/file", &["bind"]),
        bind(&file, "/mnt/root/mnt/through", &["bind"]),
        bind(&file, "/mnt/up/inside", &["bind"]),
        bind(place.dir().join("rootfs/bin"), "/new/dir", &["bind"]),
        filesystem("/new/tmp/tmp", "tmpfs", &[]),
    ]);
    let running = Running::new(&place, "targets", config);
    for path in ["/new/deep/file", "/mnt/through", "/etc/inside"] {
        assert_eq!(running.say(&["cat", path]), "bound", "{path}");
    }
    running.say(&["ls", "/new/dir/probe", "/new/tmp/tmp"]);
    assert!(!Path::new("/etc/inside").exists() && !Path::new("/mnt/through").exists());
}

fn cgroup_mounts() {
    let Some(place) = kit::place() else { return };
    for own in [false, true] {
        for read_only in [true, false] {
            let mut config = place.config("shown");
            if own {
                kit::own(&mut config, NamespaceKind::Cgroup);
            }
            let mut mount = libcontainer::config::cgroup_mount();
            if !read_only {
                mount.options.retain(|option| option != "ro");
            }
            config.mounts.push(mount);
            let unified = crate::common::v2_view();
            config.resources.pids = (!unified).then_some(77);
            let running = Running::new(&place, "shown", config);
            let group = if unified { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/freezer" };
            // The container's own group is what is seen, whichever namespace it has.
            let pids = running.say(&["cat", &format!("{group}/cgroup.procs")]);
            assert!(pids.lines().any(|pid| pid == "1"), "{pids:?}");
            if !unified {
                assert_eq!(running.say(&["cat", "/sys/fs/cgroup/pids/pids.max"]), "77\n");
                let found = parse(&running.say(&["/bin/probe", "mounts"]));
                assert!(found["/sys/fs/cgroup/memory"].superblock.contains("memory"));
            }
            let made = running.exec(&["/bin/probe", "mkdir", &format!("{group}/sub")]).0;
            if read_only {
                assert!(made.starts_with("error EROFS"), "{made}");
            } else {
                assert_eq!(made, "ok\n");
                running.say(&["/bin/probe", "rmdir", &format!("{group}/sub")]);
            }
        }
    }
}

fn mapped(config: &mut Config) {
    kit::own(config, NamespaceKind::User);
    let map = IdMap { container_id: 0, host_id: 200_000, size: 65_536 };
    (config.uid_mappings, config.gid_mappings) = (vec![map], vec![map]);
}

fn cgroup_mounts_user() {
    let Some(place) = kit::place() else { return };
    for own in [false, true] {
        let mut config = place.config("shown");
        mapped(&mut config);
        if own {
            kit::own(&mut config, NamespaceKind::Cgroup);
        }
        config.mounts.push(libcontainer::config::cgroup_mount());
        let running = Running::new(&place, "shown", config);
        let file = if crate::common::v2_view() { "cgroup.procs" } else { "freezer/cgroup.procs" };
        let pids = running.say(&["cat", &format!("/sys/fs/cgroup/{file}")]);
        assert!(pids.lines().any(|pid| pid == "1"), "{pids:?}");
    }
}

fn device(path: &str, kind: DeviceKind, major: u32, minor: u32) -> Device {
    Device { path: path.into(), kind, major, minor, mode: 0o640, uid: 3, gid: 4 }
}

fn device_nodes() {
    let Some(place) = kit::place() else { return };
    let mut config = place.config("nodes");
    config.devices.extend([
        device("/dev/one/two/char", DeviceKind::Char, 1, 3),
        device("/dev/block", DeviceKind::Block, 7, 99),
        device("/dev/pipe", DeviceKind::Fifo, 0, 0),
        device("/srv/elsewhere", DeviceKind::Char, 1, 5),
    ]);
    let running = Running::new(&place, "nodes", config);
    let stat = |path: &str| kit::Facts::new(&running.say(&["/bin/probe", "stat", path]));
    for (path, kind, number, mode) in [
        ("/dev/null", "char", "1:3", "0666"),
        ("/dev/zero", "char", "1:5", "0666"),
        ("/dev/full", "char", "1:7", "0666"),
        ("/dev/random", "char", "1:8", "0666"),
        ("/dev/urandom", "char", "1:9", "0666"),
        ("/dev/tty", "char", "5:0", "0666"),
        ("/dev/fuse", "char", "10:229", "0666"),
        ("/dev/one/two/char", "char", "1:3", "0640"),
        ("/dev/block", "block", "7:99", "0640"),
        ("/dev/pipe", "fifo", "0:0", "0640"),
        ("/srv/elsewhere", "char", "1:5", "0640"),
    ] {
        let facts = stat(path);
        let is = (facts.get("type"), facts.get("rdev"), facts.get("mode"));
        assert_eq!(is, (kind, number, mode), "{path}");
    }
    assert_eq!((stat("/dev/block").get("uid"), stat("/dev/block").get("gid")), ("3", "4"));
    let said = running.say(&["sh", "-c", "head -c 3 /dev/zero | wc -c; echo x > /dev/null"]);
    assert_eq!(said, "3\n");
    let said = running.exec(&["/bin/probe", "append", "/dev/full", "x"]).0;
    assert!(said.contains("ENOSPC"), "{said}");
}

/// In a user namespace: the host's own nodes, bound.
fn devices_bound() {
    let Some(place) = kit::place() else { return };
    let mut config = place.config("bound");
    mapped(&mut config);
    let running = Running::new(&place, "bound", config.clone());
    let facts = kit::Facts::new(&running.say(&["/bin/probe", "stat", "/dev/null"]));
    assert_eq!((facts.get("type"), facts.get("rdev")), ("char", "1:3"));
    let said = running.say(&["sh", "-c", "head -c 3 /dev/urandom | wc -c; echo x > /dev/null"]);
    assert_eq!(said, "3\n");
    drop(running);
    // Another device there than the one that is asked for.
    config.devices.push(device("/dev/zero2", DeviceKind::Char, 1, 5));
    let text = refusal(&place, config).to_string();
    assert!(text.contains("/dev/zero2"), "{text}");
}

fn links() {
    let Some(place) = kit::place() else { return };
    let running = Running::new(&place, "links", place.config("links"));
    for (link, target) in [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
        ("/dev/ptmx", "pts/ptmx"),
    ] {
        assert_eq!(running.say(&["readlink", link]).trim(), target);
    }
    assert_eq!(running.say(&["sh", "-c", "echo x | cat /dev/stdin > /dev/stdout"]), "x\n");
    assert_eq!(running.say(&["/bin/probe", "open", "/dev/ptmx", "rw"]), "ok\n");
}

fn covers() {
    let Some(place) = kit::place() else { return };
    let mut config = place.config("covers");
    std::fs::write(place.rootfs().join("srv/file"), "secret").unwrap();
    std::fs::create_dir(place.rootfs().join("srv/dir")).unwrap();
    std::fs::write(place.rootfs().join("srv/dir/inner"), "secret").unwrap();
    config
        .masked_paths
        .extend(["/srv/file", "/srv/dir", "/nowhere", "/etc/passwd/nowhere"].map(Into::into));
    config.readonly_paths.extend(["/tmp", "/nowhere"].map(Into::into));
    let running = Running::new(&place, "covers", config);
    assert_eq!(running.say(&["cat", "/srv/file"]), "");
    assert_eq!(running.say(&["ls", "-a", "/srv/dir"]), ".\n..\n");
    let fails = |args: &[&str], errno: &str| {
        let (text, code) = running.exec(args);
        assert!(code == 1 && text.starts_with(&format!("error {errno} ")), "{args:?}: {text}");
    };
    fails(&["/bin/probe", "open", "/srv/dir/x", "create"], "EROFS");
    fails(&["/bin/probe", "open", "/tmp/x", "create"], "EROFS");
    for path in ["/proc/sys/kernel/core_pattern", "/proc/irq/default_smp_affinity"] {
        fails(&["/bin/probe", "open", path, "w"], "EROFS");
    }
    for path in ["/proc/interrupts", "/proc/keys", "/proc/timer_list"] {
        assert_eq!(running.exec(&["cat", path]).0, "", "{path}");
    }
    let facts = kit::Facts::new(&running.say(&["/bin/probe", "stat", "/proc/keys"]));
    assert_eq!((facts.get("type"), facts.get("rdev")), ("char", "1:3"));
    assert_eq!(running.say(&["ls", "/sys/firmware"]), "");
}

fn read_only_root() {
    let Some(place) = kit::place() else { return };
    let mut config = place.config("read-only");
    config.readonly_rootfs = true;
    config.mounts.push(filesystem("/tmp", "tmpfs", &[]));
    let running = Running::new(&place, "read-only", config);
    let create = |path: &str| running.exec(&["/bin/probe", "open", path, "create"]).0;
    assert!(create("/x").starts_with("error EROFS"));
    assert!(create("/etc/x").starts_with("error EROFS"));
    assert_eq!(create("/tmp/x"), "ok\n");
    assert_eq!(create("/dev/x"), "ok\n");
    std::fs::write(place.rootfs().join("etc/y"), "of the host").unwrap();
    assert_eq!(running.say(&["cat", "/etc/y"]), "of the host");
}

/// Of the root mount, and what passes between the host and a bind.
fn propagation() {
    let Some(place) = kit::place() else { return };
    let source = place.dir().join("source");
    for dir in ["source/out", "source/in"] {
        std::fs::create_dir_all(place.dir().join(dir)).unwrap();
    }
    let cases = [
        (None, "private", None),
        (Some(Propagation::Private), "private", None),
        (Some(Propagation::Slave), "private", Some("master:")),
        (Some(Propagation::Shared), "shared:", None),
        (Some(Propagation::Unbindable), "unbindable", None),
    ];
    // The mount that the source is on is shared in this world; it becomes one of its own.
    mount(&source, &source, "", MountFlags::BIND, None).unwrap();
    for (asked, word, or) in cases {
        let mut config = place.small();
        config.rootfs_propagation = asked;
        let found = mounts(&place, config);
        let is = &found["/"].propagation;
        let fits = is.starts_with(word) || or.is_some_and(|or| is.starts_with(or));
        assert!(fits, "{asked:?}: {is}");
    }
    for (options, reaches) in [(&["rbind", "rslave"], true), (&["rbind", "rprivate"], false)] {
        let mut config = place.small();
        config.mounts.push(bind(&source, "/mnt/p", options));
        let running = Running::new(&place, "propagation", config);
        mount("t", source.join("out"), "tmpfs", MountFlags::empty(), None).unwrap();
        std::fs::write(source.join("out/file"), "mounted later").unwrap();
        let (text, _) = running.exec(&["sh", "-c", "cat /mnt/p/out/file 2>/dev/null"]);
        unmount(source.join("out"), UnmountFlags::empty()).unwrap();
        assert_eq!(text == "mounted later", reaches, "{options:?}");
        let found = parse(&running.say(&["/bin/probe", "mounts"]));
        let word = if reaches { "master:" } else { "private" };
        assert!(found["/mnt/p"].propagation.starts_with(word), "{options:?}");
    }
    // Both ways: what the container mounts there is the host's too.
    let mut config = place.config("shared");
    config.mounts.push(bind(&source, "/mnt/p", &["rbind", "rshared"]));
    let all = libcontainer::config::Security::Low;
    all.apply(&mut config);
    let running = Running::new(&place, "shared", config);
    running.say(&["/bin/probe", "mount", "t", "/mnt/p/in", "tmpfs"]);
    running.say(&["/bin/probe", "write", "/mnt/p/in/file", "x"]);
    assert!(source.join("in/file").exists());
    running.say(&["/bin/probe", "umount", "/mnt/p/in"]);
    drop(running);
    unmount(&source, UnmountFlags::empty()).unwrap();
}

/// Neither a mount nor a directory of the host's is left, nor is the host changed.
fn nothing_old() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    {
        let running = Running::new(&place, "old", place.config("old"));
        assert_eq!(before.difference(&before.again()).matches("mount").count(), 0);
        let found = parse(&running.say(&["/bin/probe", "mounts"]));
        let known = ["/", "/proc", "/dev", "/sys"];
        for point in found.keys() {
            let ours = known.iter().any(|known| {
                point == known || (*known != "/" && point.starts_with(&format!("{known}/")))
            });
            assert!(ours, "{point}");
        }
        let names = running.say(&["ls", "-a", "/"]);
        let expected = std::fs::read_dir(place.rootfs()).unwrap().count() + 2;
        assert_eq!(names.lines().count(), expected, "{names}");
        // The way up ends at the root.
        assert_eq!(
            running.say(&["ls", "-di", "/.."]).replace("/..", "/"),
            running.say(&["ls", "-di", "/"])
        );
    }
    before.assert_restored(Duration::from_secs(2));
}

fn no_pivot() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    {
        let mut config = place.config("moved");
        config.no_pivot_root = true;
        let running = Running::new(&place, "moved", config);
        let found = parse(&running.say(&["/bin/probe", "mounts"]));
        assert_eq!(found["/proc"].kind, "proc");
        running.say(&["ls", "/bin/probe"]);
        assert_eq!(running.say(&["readlink", "/proc/1/root"]), "/\n");
        let up = "cd /; for i in 1 2 3 4 5 6; do cd ..; done; ls bin/probe";
        assert_eq!(running.say(&["sh", "-c", up]), "bin/probe\n");
    }
    before.assert_restored(Duration::from_secs(2));
}

fn chroot() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    {
        let mut config = place.small();
        config.mounts.clear();
        kit::host(&mut config, NamespaceKind::Mount);
        let running = Running::new(&place, "chroot", config);
        assert_eq!(running.exec(&["ls", "/bin/probe"]), ("/bin/probe\n".into(), 0));
        assert!(before.difference(&before.again()).matches("mount").count() == 0);
    }
    before.assert_restored(Duration::from_secs(2));
}

/// A copy-on-write view: everything is there, nothing written stays.
fn host_view() {
    let Some(place) = kit::place() else { return };
    let before = HostSnapshot::take(&place);
    let witness = place.dir().join("witness");
    std::fs::write(&witness, "host").unwrap();
    {
        let mut config = place.config("view");
        config.rootfs = Rootfs::Host;
        let probe = place.rootfs().join("bin/probe").display().to_string();
        let process = libcontainer::Process::new([probe.as_str(), "sleep", "1000"]).silent();
        let running = Running::with(&place, "view", config, process);
        let path = witness.display().to_string();
        assert_eq!(running.say(&["cat", &path]), "host");
        running.say(&[&probe, "write", &path, "container"]);
        running.say(&[&probe, "write", "/etc/of-the-container", "x"]);
        assert_eq!(running.say(&["cat", &path]), "container");
    }
    assert_eq!(std::fs::read_to_string(&witness).unwrap(), "host");
    assert!(!Path::new("/etc/of-the-container").exists());
    before.assert_restored(Duration::from_secs(2));
}

fn refusals() {
    let Some(place) = kit::place() else { return };
    let file = place.rootfs().join("etc/passwd");
    let cases = [
        ("mounts[1].source", bind("relative", "/mnt/x", &[])),
        ("mounts[1].destination", filesystem("relative", "tmpfs", &[])),
        ("mounts[1].destination", filesystem("/", "tmpfs", &[])),
        ("mounts[1].destination", filesystem("/mnt/..", "tmpfs", &[])),
        ("mounts[1].type", filesystem("/mnt/x", "", &[])),
        ("mounts[1].destination", filesystem("/proc", "tmpfs", &[])),
        ("mounts[1].destination", filesystem("/proc/sys", "tmpfs", &[])),
        ("mounts[1].destination", bind(&file, "/proc/1/attr", &[])),
        ("mounts[1].options[0]", filesystem("/mnt/x", "tmpfs", &["remount"])),
        ("mounts[1].options[0]", filesystem("/mnt/x", "tmpfs", &["idmap"])),
        ("mounts[1].options", filesystem("/mnt/x", "proc", &["tmpcopyup"])),
        ("mounts[1].options", bind(&file, "/mnt/x", &["size=1m"])),
    ];
    for (name, mount) in cases {
        let mut config = place.small();
        config.mounts.push(mount);
        let error = refusal(&place, config);
        assert_eq!(field(&error), name, "{error}");
    }
    let missing: [(Mount, &str); 4] = [
        (bind("/no/such/source", "/mnt/x", &[]), "/no/such/source"),
        (filesystem("/mnt/x", "nosuchfs", &[]), "nosuchfs"),
        (bind("/etc", "/etc/passwd", &[]), "/etc/passwd"),
        (filesystem("/etc/passwd/x", "tmpfs", &[]), "/etc/passwd"),
    ];
    for (mount, word) in missing {
        let mut config = place.small();
        config.mounts.push(mount);
        let text = refusal(&place, config).to_string();
        assert!(text.contains(word), "{text}");
    }
    for path in ["/no/such/root", "/etc/passwd"] {
        let config = Config { rootfs: Rootfs::Directory(path.into()), ..place.small() };
        let text = refusal(&place, config).to_string();
        assert!(text.contains(path), "{text}");
    }
    for rootfs in ["", "relative"] {
        let config = Config { rootfs: Rootfs::Directory(rootfs.into()), ..place.small() };
        assert_eq!(field(&refusal(&place, config)), "rootfs");
    }
}
