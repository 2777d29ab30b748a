//! Single mounts: options, propagation, the errors' words, and older kernels.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;

use super::child::{
    bind, built, entered, facts, in_thread, isolated, mount, private_host, run, without,
};
use crate::config::{Config, Mount, Propagation, Rootfs};
use crate::plan::mounts::MountFacts;

fn config(scratch: &Path, mounts: Vec<Mount>) -> Config {
    let image = scratch.join("image");
    fs::create_dir_all(&image).unwrap();
    Config { rootfs: Rootfs::Directory(image), mounts, ..Config::default() }
}

/// The line of mountinfo for a mount point: its options, and `shared:1` or `master:1`.
fn line(mountpoint: &str) -> String {
    let text = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
    let found = text.lines().rev().find(|line| line.split(' ').nth(4) == Some(mountpoint));
    found.unwrap_or_else(|| panic!("{mountpoint} in {text}")).to_owned()
}

#[test]
fn a_binds_options_are_in_force() {
    isolated("mounts::a_binds_options_are_in_force", |scratch| {
        options_are_in_force(scratch, true);
    });
}

/// What kernels before 5.12 do, with mount_setattr(2) made ENOSYS.
#[test]
fn a_binds_options_are_in_force_by_remounts() {
    without("mount_setattr", "mounts::a_binds_options_are_in_force_by_remounts", |scratch| {
        options_are_in_force(scratch, false);
        let volume = scratch.join("volume");
        let config = config(scratch, vec![bind(&volume, "/all", &["rbind", "rro"])]);
        let error = in_thread(|| built(&config, &facts()).unwrap_err());
        assert!(error.to_string().contains("need Linux 5.12"), "{error}");
    });
}

fn options_are_in_force(scratch: &Path, recursive: bool) {
    private_host();
    let volume = scratch.join("volume");
    fs::create_dir_all(volume.join("inner")).unwrap();
    run(Command::new("mount")
        .args(["-t", "tmpfs", "-o", "nodev", "none"])
        .arg(volume.join("inner")));
    let mut mounts = vec![
        mount("proc", "/proc", &[]),
        bind(&volume, "/ro", &["bind", "ro", "nosuid", "noexec", "noatime"]),
        bind(&volume, "/top", &["rbind", "ro"]),
        bind(&volume.join("inner"), "/dev-again", &["bind", "dev", "strictatime", "nosymfollow"]),
    ];
    if recursive {
        mounts.push(bind(&volume, "/all", &["rbind", "rro"]));
    }
    let mut config = config(scratch, mounts);
    config.readonly_paths = vec!["/top/inner".into(), "/nowhere".into()];
    config.readonly_rootfs = true;
    in_thread(|| {
        entered(&config, &facts()).unwrap();
        assert!(line("/ro").contains(" ro,nosuid,noexec,noatime "), "{}", line("/ro"));
        assert!(fs::write("/ro/file", "x").is_err());
        assert!(!Path::new("/ro/inner/x").exists());
        assert!(fs::write("/top/file", "x").is_err());
        assert!(fs::write("/top/inner/file", "x").is_err(), "a read-only path");
        let again = line("/dev-again");
        assert!(!again.contains("nodev") && !again.contains("relatime"), "{again}");
        assert!(again.contains("nosymfollow"), "{again}");
        assert!(line("/").contains(" / ro,"), "{}", line("/"));
        if recursive {
            assert!(fs::write("/all/inner/file", "x").is_err());
        }
    });
    run(Command::new("umount").arg(volume.join("inner")));
}

#[test]
fn propagation_is_what_was_asked() {
    isolated("mounts::propagation_is_what_was_asked", |scratch| {
        private_host();
        let volume = scratch.join("volume");
        fs::create_dir_all(&volume).unwrap();
        run(Command::new("mount").args(["-t", "tmpfs", "none"]).arg(&volume));
        run(Command::new("mount").arg("--make-shared").arg(&volume));
        for (option, shared, slave) in [
            ("", false, true),
            ("rprivate", false, false),
            ("rslave", false, true),
            ("rshared", true, false),
        ] {
            let bound = bind(&volume, "/volume", &["rbind", option]);
            let config = config(scratch, vec![mount("proc", "/proc", &[]), bound]);
            in_thread(|| {
                entered(&config, &facts()).unwrap();
                let line = line("/volume");
                assert_eq!(line.contains("shared:"), shared, "{option}: {line}");
                assert_eq!(line.contains("master:"), slave, "{option}: {line}");
            });
        }
        for (kind, words) in [
            (None, [false, false, false]),
            (Some(Propagation::Private), [false, false, false]),
            (Some(Propagation::Shared), [true, false, false]),
            (Some(Propagation::Unbindable), [false, false, true]),
        ] {
            let mut config = config(scratch, vec![mount("proc", "/proc", &[])]);
            config.rootfs_propagation = kind;
            in_thread(|| {
                entered(&config, &facts()).unwrap();
                let line = line("/");
                let found = ["shared:", "master:", "unbindable"].map(|word| line.contains(word));
                assert_eq!(found, words, "{kind:?}: {line}");
            });
        }
        // A shared root is not the host's: what is mounted in it is not seen there.
        run(Command::new("umount").arg(&volume));
    });
}

#[test]
fn a_slave_root_sees_what_the_host_mounts_in_it() {
    isolated("mounts::a_slave_root_sees_what_the_host_mounts_in_it", |scratch| {
        private_host();
        let image = scratch.join("image");
        fs::create_dir_all(&image).unwrap();
        run(Command::new("mount").args(["-t", "tmpfs", "none"]).arg(&image));
        run(Command::new("mount").arg("--make-shared").arg(&image));
        fs::create_dir(image.join("later")).unwrap();
        let mut config = config(scratch, vec![mount("proc", "/proc", &[])]);
        config.rootfs_propagation = Some(Propagation::Slave);
        let (entered_now, mounted) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                entered(&config, &facts()).unwrap();
                entered_now.wait();
                mounted.wait();
                assert!(line("/later").contains("tmpfs"));
            });
            entered_now.wait();
            run(Command::new("mount").args(["-t", "tmpfs", "none"]).arg(image.join("later")));
            mounted.wait();
        });
        assert!(fs::read_dir(image.join("proc")).unwrap().next().is_none(), "not in the host");
        run(Command::new("umount").arg("-R").arg(&image));
    });
}

#[test]
fn a_tmpfs_takes_what_the_image_has() {
    isolated("mounts::a_tmpfs_takes_what_the_image_has", |scratch| {
        let config = config(scratch, vec![mount("tmpfs", "/var/lib", &["tmpcopyup", "ro"])]);
        let place = scratch.join("image/var/lib");
        fs::create_dir_all(place.join("a/b")).unwrap();
        fs::write(place.join("a/b/file"), "text").unwrap();
        fs::set_permissions(place.join("a/b/file"), fs::Permissions::from_mode(0o4751)).unwrap();
        fs::set_permissions(place.join("a"), fs::Permissions::from_mode(0o500)).unwrap();
        std::os::unix::fs::chown(place.join("a/b/file"), Some(7), Some(8)).unwrap();
        fs::set_permissions(place.join("a/b/file"), fs::Permissions::from_mode(0o4751)).unwrap();
        symlink("/etc/passwd", place.join("link")).unwrap();
        let old = fs::metadata(place.join("a/b/file")).unwrap();
        in_thread(|| {
            entered(&config, &facts()).unwrap();
            let new = fs::metadata("/var/lib/a/b/file").unwrap();
            assert_ne!(new.dev(), old.dev());
            assert_eq!(fs::read_to_string("/var/lib/a/b/file").unwrap(), "text");
            let of = |m: &fs::Metadata| (m.mode(), m.uid(), m.gid(), m.mtime(), m.mtime_nsec());
            assert_eq!(of(&new), of(&old));
            assert_eq!(fs::metadata("/var/lib/a").unwrap().mode() & 0o7777, 0o500);
            assert_eq!(fs::read_link("/var/lib/link").unwrap(), Path::new("/etc/passwd"));
            assert!(fs::write("/var/lib/new", "x").is_err(), "read-only");
        });
    });
}

#[test]
fn errors_say_what_where_and_why() {
    isolated("mounts::errors_say_what_where_and_why", |scratch| {
        let told = |mount: Mount| {
            let config = config(scratch, vec![mount]);
            in_thread(|| built(&config, &facts()).unwrap_err()).to_string()
        };
        let size = told(mount("tmpfs", "/tmp", &["size=lots"]));
        assert!(
            size.starts_with("mounting tmpfs (tmpfs) at /tmp: fsconfig size=lots: Inv"),
            "{size}"
        );
        assert!(size.contains("Bad value for 'size'"), "{size}");
        let fstype = told(mount("nofs", "/x", &[]));
        assert!(fstype.ends_with("(this kernel has no file system \"nofs\")"), "{fstype}");
        let source = told(bind(Path::new("/no/such/source"), "/x", &["bind"]));
        assert_eq!(
            source,
            "mounting /no/such/source (bind) at /x: open_tree /no/such/source: \
             No such file or directory"
        );
        fs::write(scratch.join("image/file"), "").unwrap();
        let file = told(mount("tmpfs", "/file/below", &[]));
        assert!(file.contains("mounting tmpfs (tmpfs) at /file/below: "), "{file}");
        assert!(file.ends_with("Not a directory"), "{file}");
        for (path, words) in [("none", "there is no directory"), ("image/file", "not a directory")]
        {
            let rootfs = Rootfs::Directory(scratch.join(path));
            let config = Config { rootfs, ..Config::default() };
            let error = in_thread(|| built(&config, &facts()).unwrap_err()).to_string();
            assert!(error.starts_with("rootfs: ") && error.contains(words), "{error}");
        }
    });
}

/// The container's own groups, and nothing above them, on whatever hierarchies there are.
#[test]
fn cgroups_show_the_containers_own() {
    isolated("mounts::cgroups_show_the_containers_own", cgroups_are_its_own);
}

/// The same in a view with version 2 only, where this machine has it.
#[test]
fn cgroups_of_version_2_show_the_containers_own() {
    isolated("mounts::cgroups_of_version_2_show_the_containers_own", |scratch| {
        private_host();
        run(Command::new("mount").args(["-t", "cgroup2", "none", "/sys/fs/cgroup"]));
        cgroups_are_its_own(scratch);
    });
}

fn cgroups_are_its_own(scratch: &Path) {
    let host = cgroups::Host::detect().unwrap();
    let name = format!("rootfs-test-{}", std::process::id());
    let manager = cgroups::Manager::new(&host, Path::new(&name)).unwrap();
    manager.create().unwrap();
    let mounts =
        vec![mount("proc", "/proc", &[]), mount("cgroup", "/sys/fs/cgroup", &["ro", "nosuid"])];
    let config = config(scratch, mounts);
    let unified = host.mode == cgroups::Mode::V2;
    let cgroup_paths = manager.paths().clone();
    let cgroup_unified = unified.then(|| std::path::PathBuf::from("/sys/fs/cgroup"));
    let facts = MountFacts { cgroup_unified, cgroup_paths, ..facts() };
    let inside = || {
        entered(&config, &facts).unwrap();
        let top = Path::new("/sys/fs/cgroup");
        assert!(fs::create_dir(top.join("new")).is_err(), "read-only");
        let groups: Vec<_> = match unified {
            true => vec![top.to_owned()],
            false => fs::read_dir(top).unwrap().map(|e| e.unwrap().path()).collect(),
        };
        assert!(!groups.is_empty());
        for group in groups {
            assert_eq!(fs::read_to_string(group.join("cgroup.procs")).unwrap(), "");
            assert!(fs::write(group.join("cgroup.procs"), "0").is_err());
        }
    };
    let outcome = thread::scope(|scope| scope.spawn(inside).join());
    manager.destroy().unwrap();
    outcome.unwrap();
}

#[test]
fn an_overlay_may_have_longer_layers_than_fsconfig_takes() {
    let name = "mounts::an_overlay_may_have_longer_layers_than_fsconfig_takes";
    isolated(name, |scratch| {
        private_host();
        // So deep that two paths are more than 255 bytes.
        let deep = scratch.join("d".repeat(60)).join("e".repeat(60));
        let layers = ["one", "two"].map(|layer| deep.join(layer));
        for layer in &layers {
            fs::create_dir_all(layer).unwrap();
            fs::write(layer.join(layer.file_name().unwrap()), "here").unwrap();
        }
        let lower = format!("lowerdir={}:{}", layers[0].display(), layers[1].display());
        assert!(lower.len() > 265, "{lower}");
        let overlay = Mount {
            source: Some("layers".into()),
            ..mount("overlay", "/overlay", &[&lower, "ro", "nosuid", "noatime"])
        };
        let config = config(scratch, vec![mount("proc", "/proc", &[]), overlay]);
        in_thread(|| {
            entered(&config, &facts()).unwrap();
            assert!(Path::new("/overlay/one").exists() && Path::new("/overlay/two").exists());
            let line = line("/overlay");
            assert!(line.contains(" ro,nosuid,noatime ") && line.contains(" layers "), "{line}");
        });
    });
}
