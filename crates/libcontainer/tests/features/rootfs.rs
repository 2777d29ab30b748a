//! The root file system: every kind of mount with its options, devices, covers, the way in.

mod binds;
mod covers;
mod devices;
mod filesystems;
mod idmap;
mod refusals;
mod remounts;
mod roots;

use std::collections::BTreeMap;
use std::path::Path;

use libcontainer::config::{Config, IdMap, Mount, NamespaceKind, Parsed};
use serde_json::{Value, json};

use crate::common::{Place, Test};
use crate::kit;

pub fn tests() -> Vec<Test> {
    let tests = [
        filesystems::tests(),
        binds::tests(),
        idmap::tests(),
        remounts::tests(),
        devices::tests(),
        covers::tests(),
        roots::tests(),
        refusals::tests(),
    ];
    tests.into_iter().flatten().collect()
}

/// One line of `probe mounts`.
#[derive(Debug)]
struct Line {
    kind: String,
    options: Vec<String>,
    superblock: String,
    propagation: String,
}

impl Line {
    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|has| has == option)
    }
}

fn parse(text: &str) -> BTreeMap<String, Line> {
    let line = |line: &str| {
        let mut words = line.split('\t').map(str::to_owned);
        let point = words.next().unwrap();
        let (kind, _source) = (words.next().unwrap(), words.next().unwrap());
        let options = words.next().unwrap().split(',').map(str::to_owned).collect();
        let (superblock, propagation) = (words.next().unwrap(), words.next().unwrap());
        (point, Line { kind, options, superblock, propagation })
    };
    text.lines().map(line).collect()
}

#[track_caller]
fn mounts(place: &Place, config: Config) -> BTreeMap<String, Line> {
    let (text, code) = kit::once(place, "mounts", config, &["/bin/probe", "mounts"]);
    assert_eq!(code, 0, "{text}");
    parse(&text)
}

fn filesystem(destination: &str, fstype: &str, options: &[&str]) -> Mount {
    Mount {
        destination: destination.into(),
        fstype: fstype.into(),
        source: None,
        options: options.iter().map(|&option| option.to_owned()).collect(),
        ..Mount::default()
    }
}

fn bind(source: impl AsRef<Path>, destination: &str, options: &[&str]) -> Mount {
    Mount { source: Some(source.as_ref().to_owned()), ..filesystem(destination, "bind", options) }
}

fn mapped(config: &mut Config) {
    kit::own(config, NamespaceKind::User);
    let map = IdMap { container_id: 0, host_id: 200_000, size: 65_536 };
    (config.uid_mappings, config.gid_mappings) = (vec![map], vec![map]);
}

/// A config.json: what it says of `mounts` and `devices`, and the rest as little as can be.
pub fn bundle(place: &Place, mounts: Value, devices: Value) -> Parsed {
    let namespaces: Vec<Value> =
        ["mount", "pid", "ipc", "uts"].map(|kind| json!({"type": kind})).into();
    let document = json!({
        "ociVersion": "1.3.0",
        "root": {"path": place.rootfs()},
        "process": {"cwd": "/", "args": ["/bin/probe", "sleep", "1000"],
            "env": ["PATH=/bin:/sbin:/usr/bin:/usr/sbin"]},
        "mounts": mounts,
        "linux": {"namespaces": namespaces, "devices": devices},
    });
    let text = document.to_string();
    libcontainer::config::parse(text.as_bytes(), Path::new("config.json"), place.dir()).unwrap()
}
