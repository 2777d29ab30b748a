use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Host, Mode, controllers_of, parse_mountinfo};

const HYBRID: &str = "\
22 27 0:21 / /proc rw,nosuid shared:5 - proc proc rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
36 31 0:32 / /mnt/a\\040memory rw,relatime - cgroup cgroup rw,memory
37 31 0:32 / /mnt/again rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/x,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
50 23 0:50 / /srv/cgroup rw - ext4 /dev/sda1 rw
";

#[test]
fn mountinfo_gives_each_hierarchy_once() {
    let (v1, v2) = parse_mountinfo(HYBRID);
    let seen: Vec<(String, &Path)> =
        v1.iter().map(|one| (one.controllers.join(","), one.mountpoint.as_path())).collect();
    assert_eq!(
        seen,
        [
            ("cpu,cpuacct".to_owned(), Path::new("/sys/fs/cgroup/cpu,cpuacct")),
            ("memory".to_owned(), Path::new("/mnt/a memory")),
            ("name=systemd".to_owned(), Path::new("/sys/fs/cgroup/systemd")),
        ]
    );
    assert_eq!(v2, Some(PathBuf::from("/sys/fs/cgroup/unified")));
}

#[test]
fn options_that_are_no_controllers_are_left_out() {
    assert_eq!(controllers_of("rw,xattr,name=systemd"), ["name=systemd"]);
    assert_eq!(controllers_of("rw,cpuset,noprefix,clone_children,release_agent=/x"), ["cpuset"]);
    assert_eq!(controllers_of("rw,freezer,name=mine"), ["freezer"]);
}

#[test]
fn this_host_is_detected_and_survives_serde() {
    let host = Host::detect().unwrap();
    let text = serde_json::to_string(&host).unwrap();
    assert_eq!(serde_json::from_str::<Host>(&text).unwrap(), host);
    assert_eq!(host.mode == Mode::V2, host.v1.is_empty());
    for hierarchy in &host.v1 {
        assert!(hierarchy.mountpoint.join("cgroup.procs").exists(), "{hierarchy:?}");
    }
}

#[test]
fn detection_is_quick() {
    Host::detect().unwrap();
    let best = (0..50)
        .map(|_| {
            let start = Instant::now();
            Host::detect().unwrap();
            start.elapsed()
        })
        .min()
        .unwrap();
    println!("Host::detect: {best:?}");
    assert!(best.as_micros() < 2000, "{best:?}");
}
