//! Idmapped binds: whose files are whose, on disk and in the container.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use libcontainer::config::{Config, IdMap, Mount, NamespaceKind, Rootfs};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::{bind, filesystem, mapped, parse};
use crate::common::{HostSnapshot, Place, Test, test};
use crate::kit::{self, Running, field, refusal};

pub fn tests() -> Vec<Test> {
    vec![
        test("rootfs::idmapped_by_its_own_mappings", own_mappings),
        test("rootfs::idmapped_as_the_containers_user_namespace", containers_mappings),
        test("rootfs::idmapped_with_what_is_below", recursive),
        test("rootfs::idmapped_on_disk", on_disk),
        test("rootfs::an_idmapped_root", root),
        test("rootfs::an_overlay_of_idmapped_layers", layers),
        test("rootfs::idmaps_that_cannot_be", refused),
    ]
}

/// A tmpfs of the host that goes with the test.
struct Source(PathBuf);

impl Source {
    fn new(place: &Place, fstype: &str) -> Self {
        let path = place.dir().join("source");
        std::fs::create_dir(&path).unwrap();
        mount("t", &path, fstype, MountFlags::empty(), None).unwrap();
        std::fs::write(path.join("roots"), "").unwrap();
        std::fs::write(path.join("users"), "").unwrap();
        for users in [path.join("users"), path.clone()] {
            chown(users, Some(1000), Some(1001)).unwrap();
        }
        Self(path)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}

fn map(container_id: u32, host_id: u32, size: u32) -> IdMap {
    IdMap { container_id, host_id, size }
}

/// Mapped by one to one for users and groups that differ.
fn mapping(mount: Mount, uids: IdMap, gids: IdMap) -> Mount {
    Mount { uid_mappings: vec![uids], gid_mappings: vec![gids], ..mount }
}

#[track_caller]
fn owner(running: &Running, path: &str) -> (String, String) {
    let facts = kit::Facts::new(&running.say(&["/bin/probe", "stat", path]));
    (facts.get("uid").to_owned(), facts.get("gid").to_owned())
}

fn ids(uid: &str, gid: &str) -> (String, String) {
    (uid.to_owned(), gid.to_owned())
}

fn own_mappings() {
    let Some(place) = kit::place() else { return };
    let source = Source::new(&place, "tmpfs");
    let before = HostSnapshot::take(&place);
    {
        let mut config = place.small();
        // What is the user's on disk is root's in here, and the other way round; the second has
        // its mappings and no option, as older engines write it.
        for (target, options) in [("/mnt/one", &["bind", "idmap"][..]), ("/mnt/two", &["bind"])] {
            let mount = bind(&source.0, target, options);
            config.mounts.push(mapping(mount, map(1000, 0, 1), map(1001, 0, 1)));
        }
        let mut both = bind(&source.0, "/mnt/both", &["rbind", "ridmap"]);
        both.uid_mappings = vec![map(0, 7, 1), map(1000, 0, 1)];
        both.gid_mappings = vec![map(0, 8, 2)];
        config.mounts.push(both);
        let running = Running::new(&place, "own", config);
        for dir in ["/mnt/one", "/mnt/two"] {
            assert_eq!(owner(&running, &format!("{dir}/users")), ids("0", "0"));
            assert_eq!(owner(&running, &format!("{dir}/roots")), ids("65534", "65534"));
        }
        assert_eq!(owner(&running, "/mnt/both/users"), ids("0", "65534"));
        assert_eq!(owner(&running, "/mnt/both/roots"), ids("7", "8"));
        running.say(&["/bin/probe", "open", "/mnt/one/new", "create"]);
    }
    let new = std::fs::metadata(source.0.join("new")).unwrap();
    assert_eq!((new.uid(), new.gid()), (1000, 1001));
    // No process and no mount is left of it.
    before.assert_restored(Duration::from_secs(2));
}

fn containers_mappings() {
    let Some(place) = kit::place() else { return };
    let source = Source::new(&place, "tmpfs");
    let mut config = place.small();
    mapped(&mut config);
    for point in ["mnt/mapped", "mnt/plain"] {
        std::fs::create_dir_all(place.rootfs().join(point)).unwrap();
    }
    config.mounts.push(bind(&source.0, "/mnt/mapped", &["bind", "idmap"]));
    config.mounts.push(bind(&source.0, "/mnt/plain", &["bind"]));
    let first = Running::new(&place, "first", config.clone());
    // Another that joins its user namespace.
    kit::join(&mut config, NamespaceKind::User, first.namespace_path(NamespaceKind::User));
    (config.uid_mappings, config.gid_mappings) = (Vec::new(), Vec::new());
    let second = Running::new(&place, "second", config);
    for running in [&first, &second] {
        assert_eq!(owner(running, "/mnt/mapped/users"), ids("1000", "1001"));
        assert_eq!(owner(running, "/mnt/mapped/roots"), ids("0", "0"));
        assert_eq!(owner(running, "/mnt/plain/roots"), ids("65534", "65534"));
    }
    first.say(&["/bin/probe", "open", "/mnt/mapped/new", "create"]);
    assert_eq!(std::fs::metadata(source.0.join("new")).unwrap().uid(), 0);
}

fn recursive() {
    let Some(place) = kit::place() else { return };
    let source = Source::new(&place, "tmpfs");
    let below = source.0.join("below");
    std::fs::create_dir(&below).unwrap();
    mount("t", &below, "tmpfs", MountFlags::empty(), None).unwrap();
    std::fs::write(below.join("file"), "").unwrap();
    let mut config = place.small();
    for (target, options) in [("/mnt/top", &["rbind", "idmap"]), ("/mnt/all", &["rbind", "ridmap"])]
    {
        let mount = bind(&source.0, target, options);
        config.mounts.push(mapping(mount, map(0, 7, 1), map(0, 7, 1)));
    }
    let running = Running::new(&place, "recursive", config);
    assert_eq!(owner(&running, "/mnt/top/roots").0, "7");
    assert_eq!(owner(&running, "/mnt/top/below/file").0, "0");
    assert_eq!(owner(&running, "/mnt/all/roots").0, "7");
    assert_eq!(owner(&running, "/mnt/all/below/file").0, "7");
}

/// The file systems that images lie on, each with what it is mounted at.
fn disks(place: &Place) -> Vec<(&'static str, Source)> {
    let mut disks = vec![("tmpfs", Source::new(place, "tmpfs"))];
    // Each with the size that it needs at least.
    for (fstype, size) in [("ext4", 16 << 20), ("xfs", 320 << 20), ("btrfs", 128 << 20)] {
        let image = place.dir().join(fstype);
        std::fs::File::create(&image).unwrap().set_len(size).unwrap();
        let done = |program: &str, args: &[&str]| {
            let out = Command::new(program).args(args).output();
            out.is_ok_and(|out| out.status.success())
        };
        let disk = place.dir().join(format!("{fstype}.mount"));
        std::fs::create_dir(&disk).unwrap();
        let (path, target) = (image.display().to_string(), disk.display().to_string());
        let made = done(&format!("mkfs.{fstype}"), &["-q", &path]);
        if !made || !done("mount", &["-o", "loop", &path, &target]) {
            crate::common::skip(&format!("a part, for want of {fstype} on a loop device"));
            continue;
        }
        std::fs::write(disk.join("roots"), "").unwrap();
        disks.push((fstype, Source(disk)));
    }
    disks
}

fn on_disk() {
    let Some(place) = kit::place() else { return };
    std::fs::create_dir_all(place.rootfs().join("mnt/disk")).unwrap();
    for (fstype, source) in disks(&place) {
        for option in ["idmap", "ridmap"] {
            let mut config = place.small();
            mapped(&mut config);
            config.mounts.push(bind(&source.0, "/mnt/disk", &["rbind", option]));
            let running = Running::new(&place, fstype, config);
            assert_eq!(owner(&running, "/mnt/disk/roots"), ids("0", "0"), "{fstype}");
            let new = format!("/mnt/disk/{option}");
            running.say(&["/bin/probe", "open", &new, "create"]);
            assert_eq!(std::fs::metadata(source.0.join(option)).unwrap().uid(), 0, "{fstype}");
        }
    }
}

/// A copy of the test's root file system in there.
fn copied(place: &Place, to: &Path) -> PathBuf {
    let root = to.join("rootfs");
    let done = Command::new("cp").arg("-a").args([&place.rootfs(), &root]).status();
    assert!(done.unwrap().success());
    chown(&root, Some(0), Some(0)).unwrap();
    root
}

/// Root's files are those of root in the container, and nobody of the host's is a user there.
fn root() {
    let Some(place) = kit::place() else { return };
    for (fstype, source) in disks(&place) {
        let root = copied(&place, &source.0);
        let mut config = place.config(fstype);
        mapped(&mut config);
        config.rootfs = Rootfs::Directory(root.clone());
        let plain = Running::new(&place, "plain", config.clone());
        assert_eq!(owner(&plain, "/bin/probe"), ids("65534", "65534"), "{fstype}");
        let (_, code) = plain.exec(&["/bin/probe", "open", "/new", "create"]);
        assert_ne!(code, 0, "{fstype}: the host's root directory is nobody's");
        drop(plain);
        config.rootfs_idmap = true;
        let first = Running::new(&place, "first", config.clone());
        assert_eq!(owner(&first, "/bin/probe"), ids("0", "0"), "{fstype}");
        first.say(&["/bin/probe", "open", "/new", "create"]);
        // Another that joins its user namespace.
        kit::join(&mut config, NamespaceKind::User, first.namespace_path(NamespaceKind::User));
        (config.uid_mappings, config.gid_mappings) = (Vec::new(), Vec::new());
        config.cgroup = place.config("second").cgroup;
        let second = Running::new(&place, "second", config);
        assert_eq!(owner(&second, "/new"), ids("0", "0"), "{fstype}");
        drop((first, second));
        assert_eq!(std::fs::metadata(root.join("new")).unwrap().uid(), 0, "{fstype}");
    }
}

/// The overlay itself could not be idmapped.
fn layers() {
    let Some(place) = kit::place() else { return };
    for (fstype, source) in disks(&place) {
        for name in ["one", "two:parts", "up", "work"] {
            std::fs::create_dir(source.0.join(name)).unwrap();
        }
        std::fs::write(source.0.join("one/below"), "").unwrap();
        std::fs::write(source.0.join("two:parts/above"), "").unwrap();
        let before = HostSnapshot::take(&place);
        let path = |name: &str| source.0.join(name).display().to_string();
        let lower = format!("lowerdir={}:{}", path("two\\:parts"), path("one"));
        let (upper, work) =
            (format!("upperdir={}", path("up")), format!("workdir={}", path("work")));
        let mut config = place.config("layers");
        mapped(&mut config);
        std::fs::create_dir_all(place.rootfs().join("mnt/read")).unwrap();
        std::fs::create_dir_all(place.rootfs().join("mnt/write")).unwrap();
        config.mounts.push(filesystem("/mnt/read", "overlay", &["idmap", &lower]));
        config.mounts.push(filesystem("/mnt/write", "overlay", &["idmap", &lower, &upper, &work]));
        let running = Running::new(&place, "layers", config);
        for file in ["/mnt/read/below", "/mnt/read/above", "/mnt/write/above"] {
            assert_eq!(owner(&running, file), ids("0", "0"), "{fstype}: {file}");
        }
        running.say(&["/bin/probe", "open", "/mnt/write/new", "create"]);
        let mounts = parse(&running.say(&["/bin/probe", "mounts"]));
        let below = mounts.keys().filter(|at| at.starts_with("/mnt")).count();
        assert_eq!(below, 2, "no layer stays mounted: {mounts:?}");
        drop(running);
        let new = std::fs::metadata(source.0.join("up/new")).unwrap();
        assert_eq!((new.uid(), new.gid()), (0, 0), "{fstype}");
        std::fs::remove_file(source.0.join("up/new")).unwrap();
        before.assert_restored(Duration::from_secs(2));
    }
}

fn refused() {
    let Some(place) = kit::place() else { return };
    let source = Source::new(&place, "ramfs");
    let one = map(0, 7, 1);
    let mounted = |mount: Mount| {
        let mut config = place.small();
        config.mounts.push(mount);
        refusal(&place, config)
    };
    let with = |options: &[&str]| bind(&source.0, "/mnt/x", options);
    // The kernel's word, with all that helps.
    let text = mounted(mapping(with(&["bind", "idmap"]), one, one)).to_string();
    let path = source.0.display().to_string();
    for word in [&path, "at /mnt/x", "mount_setattr", "Invalid argument", "cannot be idmapped"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(text.contains("ramfs"), "{text}");
    let below = source.0.join("below");
    std::fs::create_dir(&below).unwrap();
    let lower = place.rootfs();
    let data = format!("lowerdir={}:{}", lower.join("etc").display(), lower.join("bin").display());
    let data = std::ffi::CString::new(data).unwrap();
    mount("o", &below, "overlay", MountFlags::empty(), data.as_c_str()).unwrap();
    let _below = Source(below.clone());
    // The first that refuses, of all; and an overlay, with what can be done.
    let all = mounted(mapping(with(&["rbind", "ridmap"]), one, one)).to_string();
    assert!(all.contains("the file system ramfs"), "{all}");
    let mut config = place.small();
    mapped(&mut config);
    (config.rootfs, config.rootfs_idmap) = (Rootfs::Directory(below.clone()), true);
    let text = refusal(&place, config).to_string();
    let words = [
        "mapping the ids of the root",
        "mount_setattr",
        "the file system overlay",
        "its layers can",
    ];
    for word in words.iter().chain([&below.to_str().unwrap()]) {
        assert!(text.contains(word), "{word}: {text}");
    }
    let plain = Config { rootfs_idmap: true, ..place.small() };
    assert_eq!(field(&refusal(&place, plain)), "rootfs_idmap");
    for options in
        [&["idmap"][..], &["idmap", "lowerdir=x"], &["idmap", "lowerdir=/", "upperdir=/x"]]
    {
        let mut config = place.small();
        mapped(&mut config);
        config.mounts.push(filesystem("/mnt/x", "overlay", options));
        assert_eq!(field(&refusal(&place, config)), "mounts[1].options", "{options:?}");
    }
    assert_eq!(field(&mounted(with(&["bind", "idmap"]))), "mounts[1].options");
    let half = Mount { uid_mappings: vec![one], ..with(&["bind", "idmap"]) };
    assert_eq!(field(&mounted(half)), "mounts[1]");
    let twice = Mount { uid_mappings: vec![one, one], ..mapping(with(&["bind"]), one, one) };
    assert_eq!(field(&mounted(twice)), "mounts[1].uid_mappings[1]");
    let fresh = filesystem("/mnt/x", "tmpfs", &["idmap"]);
    assert_eq!(field(&mounted(mapping(fresh, one, one))), "mounts[1].options");
}
