//! Parts of the host's tree, with their options, and where they are put.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use serde_json::json;

use super::{bind, bundle, filesystem, parse};
use crate::common::{HostSnapshot, Test, test};
use crate::kit::{self, Running, refusal};

pub fn tests() -> Vec<Test> {
    vec![
        test("rootfs::bind_options", binds),
        test("rootfs::recursive_binds", recursive_binds),
        test("rootfs::bind_targets_are_made", targets),
        test("rootfs::mounts_as_engines_write_them", engines),
        test("rootfs::a_source_in_the_image_stays_in_it", in_the_image),
    ]
}

/// Whoever wrote the image wrote the links in it: they lead to nothing of the host.
fn in_the_image() {
    let Some(place) = kit::place() else { return };
    std::fs::write(place.dir().join("secret"), "of the host").unwrap();
    let root = place.rootfs();
    std::fs::create_dir(root.join("real")).unwrap();
    std::fs::write(root.join("real/file"), "of the image").unwrap();
    for (target, link) in [
        ("real", "link"),
        ("../secret", "up"),
        (place.dir().join("secret").to_str().unwrap(), "absolute"),
        ("/real/file", "absolute-inside"),
        ("/proc/self/root", "magic"),
    ] {
        symlink(target, root.join(link)).unwrap();
    }
    let with = |name: &str, at: &str| {
        let mut config = place.small();
        config.mounts.push(bind(root.join(name), at, &["bind", "ro"]));
        config
    };
    for (name, file) in [("real", "/mnt/it/file"), ("link", "/mnt/it/file")] {
        let (text, _) =
            kit::once(&place, "in-image", with(name, "/mnt/it"), &["/bin/probe", "read", file]);
        assert_eq!(text, "of the image", "{name}");
    }
    let read = ["/bin/probe", "read", "/mnt/file"];
    let (text, _) = kit::once(&place, "in-image", with("absolute-inside", "/mnt/file"), &read);
    assert_eq!(text, "of the image");
    for (name, errno) in [("up", 2), ("absolute", 2), ("magic", 2), ("missing", 2)] {
        assert_eq!(refusal(&place, with(name, "/mnt/it")).errno(), Some(errno), "{name}");
    }
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

/// The forms of config.json: any type beside `bind`, sources from the bundle, destinations without
/// a slash, options twice, options that no bind has.
fn engines() {
    let Some(place) = kit::place() else { return };
    std::fs::create_dir(place.dir().join("data")).unwrap();
    std::fs::write(place.dir().join("data/file"), "of the bundle").unwrap();
    let mounts = json!([
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "mnt/none", "type": "none", "source": "data", "options": ["rbind", "ro", "rw"]},
        {"destination": "/mnt/empty", "source": "./data", "options": ["bind", "rprivate"]},
        {"destination": "/mnt/other", "type": "ext4", "source": "data", "options": ["rbind"]},
        {"destination": "/mnt/bind", "type": "bind", "source": "data", "options": ["ro"]},
        {"destination": "/mnt/extra", "source": "data",
            "options": ["bind", "size=1m", "sync", "nosuid", "nosuid", "x-systemd.thing"]},
        {"destination": "/mnt/a/../file", "source": "data/file", "options": ["bind"]},
        {"destination": "/mnt/twice", "type": "tmpfs", "source": "one",
            "options": ["size=1m", "mode=700", "size=2m", "mode=711", "noexec", "exec"]},
        {"destination": "/mnt/twice", "type": "tmpfs", "options": ["size=3m"]},
    ]);
    let parsed = bundle(&place, mounts, json!([]));
    assert_eq!(parsed.warnings.len(), 1, "{:?}", parsed.warnings);
    assert!(parsed.warnings[0].contains("mounts[5].options: \"size=1m\""), "{:?}", parsed.warnings);
    let running = Running::new(&place, "engines", parsed.config);
    let found = parse(&running.say(&["/bin/probe", "mounts"]));
    for name in ["none", "empty", "other", "bind", "extra"] {
        assert_eq!(running.say(&["cat", &format!("/mnt/{name}/file")]), "of the bundle", "{name}");
        assert_eq!(found[&format!("/mnt/{name}")].has("ro"), name == "bind", "{name}");
    }
    assert!(found["/mnt/extra"].has("nosuid"));
    assert_eq!(running.say(&["cat", "/mnt/file"]), "of the bundle");
    // The later mount covers the earlier one, and has its mode.
    assert!(found["/mnt/twice"].superblock.contains("size=3072k"), "{found:?}");
    assert_eq!(running.say(&["stat", "-c", "%a", "/mnt/twice"]), "711\n");
    drop(running);
    // What does not fit is said with its source, its place and the kernel's words.
    std::fs::write(place.rootfs().join("srv/file"), "").unwrap();
    for (mount, words) in [
        (
            json!({"destination": "/x", "source": "none", "options": ["bind"]}),
            ["/none (bind) at /x", "No such file or directory"],
        ),
        (
            json!({"destination": "/srv/file", "source": "data", "options": ["bind"]}),
            ["/data (bind) at /srv/file", "Not a directory"],
        ),
        (
            json!({"destination": "/srv", "source": "data/file", "options": ["bind"]}),
            ["/data/file (bind) at /srv", "Not a directory"],
        ),
        (
            json!({"destination": "/srv/file", "type": "tmpfs", "source": "mine"}),
            ["mounting mine (tmpfs) at /srv/file", "Not a directory"],
        ),
    ] {
        let config = bundle(&place, json!([mount]), json!([])).config;
        let text = refusal(&place, config).to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{words:?}: {text}");
    }
}
