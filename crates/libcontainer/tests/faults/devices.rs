//! A network device that a creator moves, and the namespace that it moves it to.

use std::path::{Path, PathBuf};
use std::process::Command;

use libcontainer::Config;
use libcontainer::config::{Namespace, NamespaceKind};

use crate::common::Place;

/// The device's name, in the network namespace of this test program.
const NAME: &str = "lct-dev0";
const ADDRESS: &str = "10.98.0.2/24";

fn namespace(place: &Place) -> PathBuf {
    place.dir().join("netns")
}

/// What the container has of it: the kernel chooses its name, which takes the most steps.
pub fn configure(config: &mut Config, place: &Place) {
    config.networks.clear();
    config.namespaces.retain(|own| own.kind != NamespaceKind::Network);
    let path = Some(namespace(place));
    config.namespaces.push(Namespace { kind: NamespaceKind::Network, path });
    config.net_devices = [(NAME.to_owned(), "web%d".to_owned())].into();
}

/// The device and the namespace; both go with this.
pub struct Moved(PathBuf);

impl Moved {
    pub fn new(place: &Place) -> Self {
        let path = namespace(place);
        std::fs::write(&path, "").unwrap();
        let text = path.display().to_string();
        run("unshare", &[&format!("--net={text}"), "true"]);
        run("ip", &["link", "add", NAME, "type", "veth", "peer", "name", "lct-peer0"]);
        run("ip", &["address", "add", ADDRESS, "dev", NAME]);
        run("ip", &["link", "set", NAME, "up"]);
        Self(path)
    }

    /// Whether it is the host's, as it was.
    pub fn is_home(&self) -> bool {
        let out = Command::new("ip").args(["address", "show", NAME, "up"]).output().unwrap();
        String::from_utf8_lossy(&out.stdout).contains(ADDRESS)
    }

    /// What a container keeps, by its start's end, somebody else has to bring back.
    pub fn bring_home(&self) {
        if self.is_home() {
            return;
        }
        let inside = format!("--net={}", self.0.display());
        let pid = std::process::id().to_string();
        run("nsenter", &[&inside, "ip", "link", "set", "web0", "netns", &pid, "name", NAME]);
        run("ip", &["address", "add", ADDRESS, "dev", NAME]);
        run("ip", &["link", "set", NAME, "up"]);
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "del", "lct-peer0"]).output();
        let _ = Command::new("umount").arg(Path::new(&self.0)).output();
    }
}

fn run(program: &str, args: &[&str]) {
    let out = Command::new(program).args(args).output().unwrap();
    let why = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{program} {args:?}: {why}");
}
