use std::path::Path;

use super::*;
use crate::config::{DeviceKind, Propagation};
use crate::plan::mounts::{Attributes, Entry, RootSource, Source};

fn layout() -> Layout {
    let source =
        |path: &str, recursive| Source { path: path.into(), recursive, ..Source::default() };
    let bind = |source, target: &str| MountOp::Bind {
        source,
        target: target.into(),
        attributes: Attributes::default(),
    };
    let nodes = vec![Node::Bound { name: "null".to_owned(), source: 2 }];
    Layout {
        place: "/run/x".into(),
        images: PathBuf::new(),
        covers_tmp: false,
        rootfs: RootfsPlan {
            root: RootSource::Directory("/srv/root".into()),
            root_idmap: None,
            entry: Entry::Pivot,
            in_place: false,
            propagation: Propagation::Private,
            readonly: false,
            sources: vec![
                source("/run/x/notify", false),
                source("/srv/more", true),
                Source { device: Some((DeviceKind::Char, 1, 3)), ..source("/dev/null", false) },
            ],
            ops: vec![
                bind(0, "/data"),
                bind(1, "/more"),
                MountOp::Nodes { directory: "/dev".into(), nodes },
                MountOp::Mask("/proc/keys".into()),
            ],
            label: None,
            terminal: false,
        },
    }
}

#[test]
fn a_checkpoint_gets_what_the_configuration_has_and_nothing_else() {
    let layout = layout();
    let found = |key: &str| source_of(&layout, Path::new(key));
    assert_eq!(found("/data"), Some("/run/x/0".into()));
    assert_eq!(found("/more"), Some("/srv/more".into()));
    assert_eq!(found("/more/a/b"), Some("/srv/more/a/b".into()), "a recursive bind");
    assert_eq!(found("/dev/null"), Some("/run/x/2".into()));
    assert_eq!(found("/proc/keys"), Some("/run/x/null".into()));
    for other in ["/", "/data/below", "/etc", "/more/../../../etc", "/database", "", "data"] {
        assert_eq!(found(other), None, "{other}");
    }
    let keys = ["/data".to_owned(), "/etc".to_owned()];
    assert_eq!(sources_of(&layout, &keys), Err("/etc".to_owned()));
}

#[test]
fn mountinfo_is_read() {
    let text = b"45 58 254:0 /a / ro,relatime - ext4 /dev/vda rw\n\
                 56 45 254:0 /b /with\\040space rw - ext4 /dev/vda rw\n\nnonsense\n";
    let mounts = Mounts::parse(text);
    assert!(mounts.has(45) && mounts.has(56) && !mounts.has(58));
    assert_eq!(mounts.0[1].point, Path::new("/with space"));
    assert_eq!(mounts.below(45).len(), 1);
}
