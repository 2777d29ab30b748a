use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use rustix::process::Pid;

use crate::{Host, Manager};

/// What is done where the version 2 tree has no cgroup.kill (before kernel 5.14).
#[test]
fn version_2_without_its_kill_file() {
    let Some(unified) = Host::detect().unwrap().v2 else {
        println!("SKIP: no version 2 tree");
        return;
    };
    let path = format!("cgroups-test-kill-{}/x", std::process::id());
    let paths = [(String::new(), unified.mountpoint.join(Path::new(&path)))].into();
    let group = Manager::from_paths(paths).unwrap();
    group.create().unwrap();
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    group.attach_v2(Pid::from_child(&child)).unwrap();
    group.freeze().unwrap();
    group.kill_each().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    group.destroy().unwrap();
    group.prune(1).unwrap();
}
