use std::path::Path;

use super::paths;
use crate::{Hierarchy, Host, Mode, Unified};

#[test]
fn each_hierarchy_has_its_line() {
    let hierarchy = |name: &str, controllers: &[&str]| Hierarchy {
        mountpoint: Path::new("/cg").join(name),
        controllers: controllers.iter().map(|&one| one.to_owned()).collect(),
    };
    let host = Host {
        mode: Mode::Hybrid,
        v1: vec![hierarchy("cpu", &["cpu", "cpuacct"]), hierarchy("systemd", &["name=systemd"])],
        v2: Some(Unified { mountpoint: "/cg/unified".into(), controllers: Vec::new() }),
    };
    let text = "12:pids:/not/mounted\n4:cpu,cpuacct:/a/b:c\n1:name=systemd:/\n0::/a\n";
    let found = paths(&host, text);
    let found: Vec<_> = found.iter().map(|(key, path)| (&**key, path.to_str().unwrap())).collect();
    assert_eq!(
        found,
        [
            ("", "/cg/unified/a"),
            ("cpu", "/cg/cpu/a/b:c"),
            ("cpuacct", "/cg/cpu/a/b:c"),
            ("name=systemd", "/cg/systemd/"),
        ]
    );
}
