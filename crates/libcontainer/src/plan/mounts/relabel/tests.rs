use std::path::Path;

use super::super::{MountFacts, MountOp, plan};
use super::*;
use crate::config::{Config, Rootfs};

const LABEL: &str = "system_u:object_r:container_file_t:s0:c1,c2";

fn mount(source: &str, options: &[&str], relabel: Relabel) -> Mount {
    Mount {
        destination: "/data".into(),
        fstype: if options.is_empty() { "bind".into() } else { String::new() },
        source: Some(source.into()),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        relabel: Some(relabel),
        ..Mount::default()
    }
}

/// The label of the one source, on a host with SELinux or without.
fn planned(mount: Mount, label: Option<&str>, selinux: bool) -> Result<Option<String>> {
    let config = Config {
        rootfs: Rootfs::Directory("/image".into()),
        mounts: vec![mount],
        mount_label: label.map(str::to_owned),
        ..Config::default()
    };
    let plan = plan(&config, &MountFacts { selinux, ..MountFacts::default() })?;
    assert!(matches!(plan.ops[0], MountOp::Bind { source: 0, .. }));
    Ok(plan.sources[0].label.clone())
}

#[test]
fn a_private_label_is_the_containers_and_a_shared_one_has_no_categories() {
    for options in [&[][..], &["bind"], &["rbind", "ro"]] {
        let with =
            |relabel| planned(mount("/srv/data", options, relabel), Some(LABEL), true).unwrap();
        assert_eq!(with(Relabel::Private).unwrap(), LABEL);
        assert_eq!(with(Relabel::Shared).unwrap(), "system_u:object_r:container_file_t:s0");
    }
    for (label, plain) in [("u:r:t:s1-s3:c1.c3", "u:r:t:s0"), ("u:r:t", "u:r:t"), ("odd", "odd")] {
        assert_eq!(shared(label), plain);
    }
}

#[test]
fn without_selinux_there_is_nothing_to_label() {
    assert_eq!(planned(mount("/srv/data", &[], Relabel::Private), None, false).unwrap(), None);
}

#[test]
fn what_cannot_be_relabelled_is_refused_by_field() {
    let refused = |mount, label| {
        let error = planned(mount, label, true).unwrap_err().to_string();
        assert!(error.starts_with("mounts[0].relabel: "), "{error}");
        error
    };
    let nothing = refused(mount("/srv/data", &[], Relabel::Shared), None);
    assert!(nothing.ends_with("there is no mount_label to give"), "{nothing}");
    let nothing = refused(mount("/srv/data", &[], Relabel::Shared), Some(""));
    assert!(nothing.ends_with("there is no mount_label to give"), "{nothing}");
    let tmpfs = Mount { fstype: "tmpfs".into(), ..mount("tmpfs", &[], Relabel::Shared) };
    assert!(refused(tmpfs, Some(LABEL)).contains("only the source of a bind"));
    let again = mount("/srv/data", &["remount", "bind", "ro"], Relabel::Shared);
    assert!(refused(again, Some(LABEL)).contains("only the source of a bind"));
    let own = [
        "/",
        "//",
        "/usr",
        "/usr/",
        "/usr/share/doc",
        "/etc/ssl",
        "/srv/../etc/./",
        "/home",
        "/home/somebody",
        "/root",
        "/var",
        "/var/lib",
        "/tmp",
        "/run",
        "/dev/shm",
        "/proc/1",
    ];
    for path in own {
        let error = refused(mount(path, &[], Relabel::Private), Some(LABEL));
        assert!(error.contains("the host's own"), "{path}: {error}");
    }
    for path in ["/srv/data", "/var/lib/app", "/home/somebody/data", "/tmp/one", "/usrdata"] {
        let label = planned(mount(path, &[], Relabel::Private), Some(LABEL), true).unwrap();
        assert_eq!(label.as_deref(), Some(LABEL), "{}", Path::new(path).display());
    }
}
