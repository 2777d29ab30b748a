//! Parts of the host's tree, with their options, and where they are put.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::{bind, filesystem, parse};
use crate::common::{HostSnapshot, Test, test};
use crate::kit::{self, Running};

pub fn tests() -> Vec<Test> {
    vec![
        test("rootfs::bind_options", binds),
        test("rootfs::recursive_binds", recursive_binds),
        test("rootfs::bind_targets_are_made", targets),
    ]
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
        ("after", &["rbind", "rro", "rw"]),
        ("undone", &["rbind", "ro", "rnosuid", "rrw", "rsuid"]),
        ("times", &["rbind", "noatime", "rstrictatime", "rnodiratime", "sync", "async"]),
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
        // Recursive options come after the others, wherever they stand.
        assert!(found["/mnt/after"].has("ro") && below("after").has("ro"));
        for line in [&found["/mnt/undone"], below("undone")] {
            assert!(line.has("rw") && !line.has("nosuid"), "{line:?}");
        }
        for line in [&found["/mnt/times"], below("times")] {
            assert!(line.has("nodiratime") && !line.has("noatime"), "{line:?}");
            assert!(!line.has("relatime"), "{line:?}");
        }
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
