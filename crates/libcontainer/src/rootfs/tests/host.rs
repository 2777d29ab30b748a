//! Copy-on-write views of the host.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::thread;

use super::child::{entered, facts, isolated, private_host, run, template};
use crate::config::{Config, Rootfs};
use crate::plan::mounts::{MountFacts, host_mounts};

fn mountinfo() -> Vec<u8> {
    fs::read("/proc/thread-self/mountinfo").unwrap()
}

/// Runs `inside` in a view of the host, in a thread with its own mount namespace.
fn in_view(inside: impl FnOnce() + Send) {
    let config = Config { rootfs: Rootfs::Host, ..template(Path::new("/")) };
    let facts = MountFacts { host_mounts: host_mounts(&mountinfo()), ..facts() };
    thread::scope(|scope| {
        let view = scope.spawn(move || {
            entered(&config, &facts).unwrap();
            inside();
        });
        view.join().unwrap();
    });
}

#[test]
fn every_real_file_system_is_copied_on_write() {
    isolated("host::every_real_file_system_is_copied_on_write", |scratch| {
        private_host();
        let (disk, memory) = (scratch.join("an odd: disk,\\"), scratch.join("memory"));
        fs::create_dir(&disk).unwrap();
        fs::create_dir(&memory).unwrap();
        let image = scratch.join("image");
        fs::File::create(&image).unwrap().set_len(8 << 20).unwrap();
        run(Command::new("mkfs.ext4").arg("-q").arg(&image));
        run(Command::new("mount").args(["-o", "loop,nosuid"]).arg(&image).arg(&disk));
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "mode=1777", "none"]).arg(&memory));
        for place in [scratch, &disk, &memory] {
            fs::write(place.join("old"), "host").unwrap();
        }
        let places = [scratch.to_owned(), disk.clone(), memory.clone()];
        let inside = places.clone();
        in_view(move || {
            for place in inside {
                assert_eq!(fs::read_to_string(place.join("old")).unwrap(), "host", "{place:?}");
                fs::write(place.join("old"), "container").unwrap();
                fs::write(place.join("new"), "container").unwrap();
                assert_eq!(fs::read_to_string(place.join("old")).unwrap(), "container");
            }
            assert_eq!(fs::metadata(&memory).unwrap().permissions().mode() & 0o7777, 0o1777);
            assert_eq!(fs::read_dir("/run").unwrap().count(), 0, "a fresh /run");
            let text = String::from_utf8(mountinfo()).unwrap();
            let of_disk = text.lines().find(|line| line.contains("disk")).unwrap();
            assert!(of_disk.contains("nosuid") && of_disk.contains(" overlay "), "{of_disk}");
            assert!(!text.contains("/sys/fs/cgroup"), "{text}");
        });
        for place in places {
            assert_eq!(fs::read_to_string(place.join("old")).unwrap(), "host", "{place:?}");
            assert!(!place.join("new").exists(), "{place:?}");
        }
        run(Command::new("umount").arg(scratch.join("an odd: disk,\\")));
        run(Command::new("umount").arg(scratch.join("memory")));
    });
}

#[test]
fn a_bound_file_and_a_covered_mount_are_shown_as_they_are() {
    isolated("host::a_bound_file_and_a_covered_mount_are_shown_as_they_are", |scratch| {
        private_host();
        let place = scratch.join("place");
        fs::create_dir(&place).unwrap();
        for text in ["below", "above"] {
            run(Command::new("mount").args(["-t", "tmpfs", "none"]).arg(&place));
            fs::write(place.join("which"), text).unwrap();
        }
        let (file, name) = (scratch.join("file"), scratch.join("name"));
        fs::write(&file, "bound").unwrap();
        fs::write(&name, "").unwrap();
        run(Command::new("mount").arg("--bind").arg(&file).arg(&name));
        let root = fs::metadata("/").unwrap();
        in_view(move || {
            assert_eq!(fs::read_to_string(place.join("which")).unwrap(), "above");
            assert_eq!(fs::read_to_string(&name).unwrap(), "bound");
            assert!(fs::write(&name, "x").is_err(), "one file cannot be copied on write");
            let view = fs::metadata("/").unwrap();
            assert_eq!((view.mode(), view.uid()), (root.mode(), root.uid()));
        });
        assert_eq!(fs::read_to_string(file).unwrap(), "bound");
        run(Command::new("umount").arg(scratch.join("name")));
        run(Command::new("umount").arg(scratch.join("place")));
        run(Command::new("umount").arg(scratch.join("place")));
    });
}
