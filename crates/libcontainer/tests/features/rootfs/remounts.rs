//! `remount`: what is mounted becomes something else.

use super::{bind, filesystem, parse};
use crate::common::{Test, test};
use crate::kit::{self, Running, field, refusal};

pub fn tests() -> Vec<Test> {
    vec![
        test("rootfs::remounts_change_what_they_name", changed),
        test("rootfs::remounts_of_what_is_not_the_containers", refused),
    ]
}

fn changed() {
    let Some(place) = kit::place() else { return };
    let source = place.dir().join("source");
    std::fs::create_dir(&source).unwrap();
    let mut config = place.small();
    config.mounts.extend([
        filesystem("/mnt/t", "tmpfs", &["nosuid", "size=1m", "mode=700"]),
        filesystem("/mnt/t", "tmpfs", &["remount", "ro", "size=2m"]),
        bind(&source, "/mnt/b", &["bind", "nodev"]),
        filesystem("/mnt/b", "none", &["remount", "bind", "ro", "noexec"]),
        filesystem("/mnt/b", "", &["remount", "dev"]),
        filesystem("/proc", "proc", &["remount", "hidepid=2"]),
        filesystem("/", "", &["remount", "ro"]),
    ]);
    let running = Running::new(&place, "changed", config);
    let found = parse(&running.say(&["/bin/probe", "mounts"]));
    let (tmpfs, bound) = (&found["/mnt/t"], &found["/mnt/b"]);
    assert!(tmpfs.has("ro") && tmpfs.has("nosuid"), "{tmpfs:?}");
    for option in ["size=2048k", "mode=700"] {
        assert!(tmpfs.superblock.contains(option), "{tmpfs:?}");
    }
    assert!(bound.has("ro") && bound.has("noexec") && !bound.has("nodev"), "{bound:?}");
    assert!(found["/proc"].superblock.contains("hidepid"), "{found:?}");
    assert!(found["/"].has("ro"), "{found:?}");
    // The host's own are as they were.
    std::fs::write(source.join("file"), "").unwrap();
}

fn refused() {
    let Some(place) = kit::place() else { return };
    let source = place.dir().join("source");
    std::fs::create_dir(&source).unwrap();
    let cases = [
        ("mounts[2].options", filesystem("/mnt/b", "", &["remount", "size=1m"])),
        ("mounts[2].options", filesystem("/mnt/b", "", &["remount", "sync"])),
        ("mounts[2].options", filesystem("/", "", &["remount", "errors=panic"])),
        ("mounts[2].options", filesystem("/mnt/b", "", &["remount", "bind", "idmap"])),
        ("mounts[2].destination", filesystem("relative", "", &["remount", "ro"])),
    ];
    for (name, mount) in cases {
        let mut config = place.small();
        config.mounts.extend([bind(&source, "/mnt/b", &["bind"]), mount]);
        let error = refusal(&place, config);
        assert_eq!(field(&error), name, "{error}");
    }
    // Nothing is mounted there.
    let mut config = place.small();
    config.mounts.push(filesystem("/srv", "", &["remount", "ro"]));
    let text = refusal(&place, config).to_string();
    assert!(text.contains("changing the mount at /srv") && text.contains("Invalid"), "{text}");
}
