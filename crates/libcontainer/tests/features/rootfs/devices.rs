//! Device nodes, and the links of /dev.

use libcontainer::config::{Device, DeviceKind};
use serde_json::{Value, json};

use super::{bundle, mapped};
use crate::common::{Test, test};
use crate::kit::{self, Running, refusal};

pub fn tests() -> Vec<Test> {
    vec![
        test("rootfs::device_nodes", device_nodes),
        test("rootfs::devices_without_mknod", devices_bound),
        test("rootfs::links_in_dev", links),
        test("rootfs::devices_in_the_images_own_dev", own_dev),
        test("rootfs::devices_beside_the_standard_ones", own_modes),
        test("rootfs::the_hosts_dev_is_left_alone", hosts_dev),
    ]
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

fn proc_only() -> Value {
    json!([{"destination": "proc", "type": "proc", "source": "proc"}])
}

/// Without a mount at /dev the nodes are made in the image, and stay there: the next start finds
/// them.
fn own_dev() {
    let Some(place) = kit::place() else { return };
    let _ = std::fs::remove_dir_all(place.rootfs().join("dev"));
    let extra = json!([
        {"path": "/dev/mine", "type": "u", "major": 1, "minor": 5, "fileMode": 0o100600, "gid": 4},
        {"path": "/dev/pipe", "type": "p"},
    ]);
    for round in 0..2 {
        let running =
            Running::new(&place, "own-dev", bundle(&place, proc_only(), extra.clone()).config);
        let stat = |path: &str| kit::Facts::new(&running.say(&["/bin/probe", "stat", path]));
        for (path, kind, number, mode) in [
            ("/dev/null", "char", "1:3", "0666"),
            ("/dev/tty", "char", "5:0", "0666"),
            ("/dev/mine", "char", "1:5", "0600"),
            ("/dev/pipe", "fifo", "0:0", "0666"),
        ] {
            let facts = stat(path);
            let is = (facts.get("type"), facts.get("rdev"), facts.get("mode"));
            assert_eq!(is, (kind, number, mode), "{path} {round}");
        }
        assert_eq!(stat("/dev/mine").get("gid"), "4");
        assert_eq!(running.say(&["readlink", "/dev/stdout"]), "/proc/self/fd/1\n");
        running.say(&["sh", "-c", "echo x > /dev/null"]);
    }
    assert!(place.rootfs().join("dev/null").exists());
    // What is there as something else is an error, says the specification.
    std::fs::remove_file(place.rootfs().join("dev/mine")).unwrap();
    std::fs::write(place.rootfs().join("dev/mine"), "a file").unwrap();
    let text = refusal(&place, bundle(&place, proc_only(), extra).config).to_string();
    assert!(text.contains("mine") && text.contains("1:5"), "{text}");
    assert_eq!(std::fs::read(place.rootfs().join("dev/mine")).unwrap(), b"a file");
}

/// One that takes a standard one's place, two names of one device, one outside of /dev.
fn own_modes() {
    let Some(place) = kit::place() else { return };
    let mounts = json!([
        {"destination": "/proc", "type": "proc"},
        {"destination": "/dev", "type": "tmpfs", "options": ["nosuid", "mode=755"]},
        {"destination": "/dev/pts", "type": "devpts", "options": ["newinstance", "ptmxmode=0666"]},
    ]);
    let devices = json!([
        {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 9},
        {"path": "/dev/none", "type": "c", "major": 1, "minor": 3},
        {"path": "/srv/deep/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0},
    ]);
    for _ in 0..2 {
        let config = bundle(&place, mounts.clone(), devices.clone()).config;
        let running = Running::new(&place, "modes", config);
        let stat = |path: &str| kit::Facts::new(&running.say(&["/bin/probe", "stat", path]));
        let null = stat("/dev/null");
        assert_eq!((null.get("mode"), null.get("uid")), ("0600", "9"));
        assert_eq!(stat("/dev/none").get("mode"), "0666");
        assert_eq!(stat("/srv/deep/zero").get("mode"), "0000");
        assert_eq!(running.say(&["readlink", "/dev/ptmx"]), "pts/ptmx\n");
        assert!(!running.say(&["ls", "/dev"]).contains("console"), "only with a terminal");
    }
}

/// A bound /dev is the host's: nothing is made in it.
fn hosts_dev() {
    let Some(place) = kit::place() else { return };
    let source = place.dir().join("dev");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("only"), "").unwrap();
    let mounts = json!([
        {"destination": "/proc", "type": "proc"},
        {"destination": "/dev", "type": "none", "source": source, "options": ["rbind", "ro"]},
    ]);
    let devices = json!([{"path": "/dev/mine", "type": "c", "major": 1, "minor": 5}]);
    let running = Running::new(&place, "bound", bundle(&place, mounts, devices).config);
    assert_eq!(running.say(&["ls", "/dev"]), "only\n");
    assert_eq!(std::fs::read_dir(&source).unwrap().count(), 1);
}
