//! What cannot be mounted, and how that is said.

use libcontainer::config::{Config, Mount, Rootfs};

use super::{bind, filesystem};
use crate::common::{Test, test};
use crate::kit::{self, field, refusal};

pub fn tests() -> Vec<Test> {
    vec![test("rootfs::refusals_name_the_field", refusals)]
}

fn refusals() {
    let Some(place) = kit::place() else { return };
    let file = place.rootfs().join("etc/passwd");
    let cases = [
        ("mounts[1].source", bind("relative", "/mnt/x", &[])),
        ("mounts[1].destination", filesystem("relative", "tmpfs", &[])),
        ("mounts[1].destination", filesystem("/", "tmpfs", &[])),
        ("mounts[1].destination", filesystem("/mnt/..", "tmpfs", &[])),
        ("mounts[1].type", filesystem("/mnt/x", "", &[])),
        ("mounts[1].destination", filesystem("/proc", "tmpfs", &[])),
        ("mounts[1].destination", filesystem("/proc/sys", "tmpfs", &[])),
        ("mounts[1].destination", bind(&file, "/proc/1/attr", &[])),
        ("mounts[1].options", filesystem("/mnt/x", "proc", &["tmpcopyup"])),
        ("mounts[1].options", bind(&file, "/mnt/x", &["size=1m"])),
    ];
    for (name, mount) in cases {
        let mut config = place.small();
        config.mounts.push(mount);
        let error = refusal(&place, config);
        assert_eq!(field(&error), name, "{error}");
    }
    let missing: [(Mount, &str); 4] = [
        (bind("/no/such/source", "/mnt/x", &[]), "/no/such/source"),
        (filesystem("/mnt/x", "nosuchfs", &[]), "nosuchfs"),
        (bind("/etc", "/etc/passwd", &[]), "/etc/passwd"),
        (filesystem("/etc/passwd/x", "tmpfs", &[]), "/etc/passwd"),
    ];
    for (mount, word) in missing {
        let mut config = place.small();
        config.mounts.push(mount);
        let text = refusal(&place, config).to_string();
        assert!(text.contains(word), "{text}");
    }
    if !std::fs::read_to_string("/proc/filesystems").unwrap().contains("selinuxfs") {
        let mount_label = Some("system_u:object_r:container_file_t:s0".to_owned());
        let error = refusal(&place, Config { mount_label, ..place.small() });
        assert_eq!(field(&error), "mount_label");
        assert!(error.to_string().contains("SELinux is not enabled"), "{error}");
    }
    for path in ["/no/such/root", "/etc/passwd"] {
        let config = Config { rootfs: Rootfs::Directory(path.into()), ..place.small() };
        let text = refusal(&place, config).to_string();
        assert!(text.contains(path), "{text}");
    }
    for rootfs in ["", "relative"] {
        let config = Config { rootfs: Rootfs::Directory(rootfs.into()), ..place.small() };
        assert_eq!(field(&refusal(&place, config)), "rootfs");
    }
}
