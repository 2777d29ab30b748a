use std::path::Path;

use super::{enable, enable_usual};
use crate::{Error, Host, Manager};

/// Here version 1 holds the usual controllers; hugetlb, which it seldom holds, stands for them.
#[test]
fn controllers_reach_the_group_through_its_parents() {
    let unified = Host::detect().unwrap().v2;
    let Some(unified) = unified.filter(|it| it.controllers.iter().any(|one| one == "hugetlb"))
    else {
        println!("SKIP: the version 2 tree does not offer hugetlb");
        return;
    };
    let root = unified.mountpoint.join("cgroup.subtree_control");
    let before = std::fs::read_to_string(&root).unwrap();
    let path = format!("cgroups-test-controllers-{}/x", std::process::id());
    let paths = [(String::new(), unified.mountpoint.join(Path::new(&path)))].into();
    let group = Manager::from_paths(paths).unwrap();
    group.create().unwrap();
    let dir = group.v2().unwrap();
    // One that nobody has must not keep the other away.
    enable_usual(dir, &["hugetlb", "nonsense"]).unwrap();
    let has = std::fs::read_to_string(dir.join("cgroup.controllers")).unwrap();
    assert!(has.split_whitespace().any(|one| one == "hugetlb"), "{has}");
    enable(dir, "hugetlb", "hugetlb").unwrap();
    match enable(dir, "nonsense", "nonsense.max") {
        Err(error @ Error::Unsupported { .. }) => {
            assert!(error.to_string().contains("offers only"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    group.destroy().unwrap();
    group.prune(1).unwrap();
    if !before.contains("hugetlb") {
        // Another test may have groups that use it; then that test puts it back.
        let _ = std::fs::write(&root, "-hugetlb");
    }
}
