//! What kinds of file systems are mounted, with which options.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use libcontainer::config::NamespaceKind;
use rustix::fs::XattrFlags;

use super::{filesystem, mapped, parse};
use crate::common::{Test, test};
use crate::kit::{self, Running, refusal};

pub fn tests() -> Vec<Test> {
    vec![
        test("rootfs::the_kernels_file_systems", kernels),
        test("rootfs::tmpfs_options", tmpfs),
        test("rootfs::cgroup_mounts", cgroup_mounts).in_both_views(),
        test("rootfs::cgroup_mounts_of_a_user_namespace", cgroup_mounts_user).in_both_views(),
        test("rootfs::a_tmpfs_takes_what_it_covers", tmpfs_over),
        test("rootfs::sysfs_of_another_network", sysfs_bound),
        test("rootfs::cgroup2_beside_version_1", cgroup2),
    ]
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

/// A tmpfs has the mode of what it covers unless it is told another; `tmpcopyup` takes all along.
fn tmpfs_over() {
    let Some(place) = kit::place() else { return };
    let at = |path: &str| place.rootfs().join(path);
    for dir in ["srv/open", "srv/closed"] {
        std::fs::create_dir_all(at(dir)).unwrap();
    }
    let mode = |path: &str, mode| {
        std::fs::set_permissions(at(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::write(at("srv/open/file"), "copied").unwrap();
    let attribute = |path: PathBuf, name: &str, value: &[u8]| {
        rustix::fs::setxattr(path, name, value, XattrFlags::empty()).unwrap();
    };
    attribute(at("srv/open"), "trusted.directory", b"1");
    attribute(at("srv/open/file"), "trusted.file", b"two");
    mode("srv/open", 0o2775);
    mode("srv/closed", 0o700);
    let mut config = place.small();
    config.mounts.extend([
        filesystem("/srv/open", "tmpfs", &["tmpcopyup"]),
        filesystem("/srv/closed", "tmpfs", &[]),
        filesystem("/mnt/missing", "tmpfs", &[]),
    ]);
    let given = ["tmpcopyup", "mode=0711", "uid=5"];
    let other = |config: &mut libcontainer::Config| {
        config.mounts.push(filesystem("/srv/open", "tmpfs", &given));
    };
    let running = Running::new(&place, "over", config);
    let stat = |running: &Running, path: &str| running.say(&["stat", "-c", "%a %u %g", path]);
    assert_eq!(stat(&running, "/srv/open"), "2775 0 0\n");
    assert_eq!(stat(&running, "/srv/closed"), "700 0 0\n");
    assert_eq!(stat(&running, "/mnt/missing"), "1777 0 0\n");
    assert_eq!(running.say(&["cat", "/srv/open/file"]), "copied");
    let seen = |path: &str, name: &str| {
        let path = format!("/proc/{}/root/{path}", running.init.pid());
        let mut value = [0; 16];
        let length = rustix::fs::getxattr(path, name, &mut value[..]).unwrap();
        value[..length].to_vec()
    };
    assert_eq!(seen("srv/open", "trusted.directory"), b"1");
    assert_eq!(seen("srv/open/file", "trusted.file"), b"two");
    drop(running);
    let mut config = place.small();
    other(&mut config);
    let running = Running::new(&place, "given", config);
    assert_eq!(stat(&running, "/srv/open"), "711 5 0\n");
    assert_eq!(running.say(&["cat", "/srv/open/file"]), "copied");
}

/// Who has a user namespace and the host's network may not mount a sysfs: the host's is bound.
fn sysfs_bound() {
    let Some(place) = kit::place() else { return };
    let mut config = place.config("sysfs");
    mapped(&mut config);
    kit::host(&mut config, NamespaceKind::Network);
    config.networks.clear();
    let running = Running::new(&place, "sysfs", config);
    let found = parse(&running.say(&["/bin/probe", "mounts"]));
    let sys = &found["/sys"];
    assert_eq!(sys.kind, "sysfs");
    assert!(["ro", "nosuid", "nodev", "noexec"].iter().all(|option| sys.has(option)), "{sys:?}");
    for (point, line) in found.iter().filter(|(point, _)| point.starts_with("/sys/")) {
        assert!(line.has("ro"), "{point}: {line:?}");
    }
}

/// Where both versions are, `cgroup2` is the container's group on the version 2 tree.
fn cgroup2() {
    let Some(place) = kit::place() else { return };
    if !std::path::Path::new("/sys/fs/cgroup/unified").is_dir() {
        return crate::common::skip("this machine does not have both versions");
    }
    let mut config = place.config("shown");
    config.mounts.push(filesystem("/sys/fs/cgroup", "cgroup2", &["ro"]));
    let running = Running::new(&place, "shown", config);
    let found = parse(&running.say(&["/bin/probe", "mounts"]));
    assert_eq!(found["/sys/fs/cgroup"].kind, "cgroup2");
    assert!(running.say(&["cat", "/sys/fs/cgroup/cgroup.procs"]).contains("1\n"));
}
