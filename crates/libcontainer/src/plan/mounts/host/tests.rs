use std::path::Path;

use super::*;

fn points(mountinfo: &str) -> Vec<(String, u64)> {
    let layers = host_mounts(mountinfo.as_bytes());
    layers.into_iter().map(|l| (l.mountpoint.display().to_string(), l.attributes)).collect()
}

#[test]
fn what_holds_files_and_can_be_seen() {
    let layers = points(
        "\
1 1 0:2 / / rw - rootfs rootfs rw
20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
21 20 0:5 / /proc rw - proc proc rw
22 20 0:6 / /dev rw - devtmpfs udev rw
23 22 0:7 / /dev/shm rw - tmpfs tmpfs rw
24 20 0:8 / /run rw - tmpfs tmpfs rw
25 20 8:2 / /home ro,nosuid,nodev master:3 - xfs /dev/sda2 rw
26 25 8:3 / /home/a\\040b\\134 rw,noexec - btrfs /dev/sdb rw
27 20 0:9 / /srv rw - autofs systemd-1 rw
28 27 8:4 / /srv rw - ext4 /dev/sdc rw
29 20 8:5 / /mnt/deep rw - ext4 /dev/sdd rw
30 20 8:6 / /mnt rw - ext4 /dev/sde rw
31 20 8:7 / /tmp rw - tmpfs below rw
32 31 8:8 / /tmp rw,nosuid - tmpfs above rw
33 31 8:9 / /tmp/hidden rw - ext4 /dev/sdf rw
",
    );
    let wanted = [
        ("/", 0),
        ("/home", attr::RDONLY | attr::NOSUID | attr::NODEV),
        ("/home/a b\\", attr::NOEXEC),
        ("/mnt", 0),
        ("/srv", 0),
        ("/tmp", attr::NOSUID),
    ];
    assert_eq!(layers, wanted.map(|(path, attributes)| (path.to_owned(), attributes)));
}

#[test]
fn nonsense_is_passed_over() {
    assert!(host_mounts(b"").is_empty());
    assert!(host_mounts(b"1 2 3\n - \nx y - z\n\xff\xfe - \xff").is_empty());
    let loops = "2 3 0:1 / / rw - ext4 a rw\n3 2 0:1 / / rw - ext4 a rw\n4 4 0:1 / / rw - xfs a rw";
    assert!(host_mounts(loops.as_bytes()).len() <= 1);
}

#[test]
fn this_machine_has_a_root() {
    let mountinfo = std::fs::read("/proc/self/mountinfo").unwrap();
    let layers = host_mounts(&mountinfo);
    assert_eq!(layers[0].mountpoint, Path::new("/"));
    assert!(layers.iter().all(|layer| !layer.mountpoint.starts_with("/proc")));
}
