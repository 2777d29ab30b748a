//! Where a container's control group is, and where it cannot be.

use std::fs;
use std::path::PathBuf;

use e2e::resources::Groups;
use e2e::{Bundle, World, cell, each_view, skip, v2_only};
use serde_json::{Value, json};

#[test]
fn each_form_of_the_path_names_one_place() {
    each_view(|world: &World| {
        let tag = &world.tag;
        for (path, expected) in [
            (json!(format!("/abs-{tag}")), format!("abs-{tag}")),
            (json!(format!("/abs-{tag}/deep/er")), format!("abs-{tag}/deep/er")),
            (json!(format!("rel-{tag}")), format!("rel-{tag}")),
            (json!(format!("rel-{tag}/./in//it/")), format!("rel-{tag}/in/it")),
            (json!(format!("a.slice:b:{tag}")), format!("a.slice:b:{tag}")),
            (Value::Null, "nsrun/".to_owned()),
            (json!(""), "nsrun/".to_owned()),
        ] {
            let mut bundle = world.bundle();
            bundle.set("/linux/cgroupsPath", path.clone());
            let expected =
                if expected == "nsrun/" { format!("nsrun/{}", bundle.id) } else { expected };
            let groups = Groups::of(bundle.detach());
            assert!(!groups.directories.is_empty());
            for (name, directory) in &groups.directories {
                assert!(directory.ends_with(&expected), "{path} in {name:?}: {directory:?}");
                let root = e2e::hierarchies();
                assert!(root.iter().any(|it| it.path.join(&expected) == *directory));
            }
            bundle.delete();
            assert!(groups.directories.values().all(|directory| !directory.exists()));
            // Parents may be others'; these are the test's.
            for directory in groups.directories.values() {
                let parents = directory.ancestors().skip(1);
                let own = parents.take_while(|it| it.to_string_lossy().contains(tag.as_str()));
                own.for_each(|it| drop(fs::remove_dir(it)));
            }
        }
        for path in ["../up", "/a/../../up", "a/..", "/"] {
            let mut bundle = world.bundle();
            bundle.set("/linux/cgroupsPath", path);
            let run = bundle.run(["--detach"]).run();
            assert_ne!(run.status.code(), Some(0), "{path}");
            assert!(run.err.contains("cgroup"), "{}", run.err);
        }
        cell(world.place(), "every form of cgroupsPath");
    });
}

/// A group of the test's in the version 2 tree, removed when dropped.
struct Group(PathBuf);

impl Group {
    fn new(world: &World, name: &str) -> Self {
        let path = PathBuf::from("/sys/fs/cgroup").join(format!("{name}-{}", world.tag));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn below(&self, name: &str) -> Self {
        let path = self.0.join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn name(&self) -> String {
        self.0.strip_prefix("/sys/fs/cgroup").unwrap().to_str().unwrap().to_owned()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

fn in_group(world: &World, group: String) -> Bundle {
    let mut bundle = world.bundle();
    bundle.set("/linux/cgroupsPath", format!("/{group}"));
    bundle
}

#[test]
fn threaded_groups_take_no_container() {
    v2_only(|world: &World| {
        let top = Group::new(world, "threads");
        let workers = top.below("workers");
        fs::write(workers.0.join("cgroup.type"), "threaded").unwrap();
        let kind = fs::read_to_string(top.0.join("cgroup.type")).unwrap();
        assert_eq!(kind.trim(), "domain threaded");
        let before = world.snapshot();
        for parent in [&top, &workers] {
            let bundle = in_group(world, format!("{}/container", parent.name()));
            let run = bundle.run(["--detach"]).run();
            assert_ne!(run.status.code(), Some(0));
            run.error(&["clone3", "threaded groups (cgroup.type)", "name one elsewhere"]);
            assert!(!parent.0.join("container").exists());
        }
        drop(before);
        cell(world.place(), "threaded domains are refused");
    });
}

#[test]
fn a_group_that_hands_controllers_down_takes_no_process() {
    v2_only(|world: &World| {
        let offered = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap();
        // Those for threads (cpu, cpuset, pids) let processes stay.
        let domain = |it: &&str| ["hugetlb", "memory", "io"].contains(it);
        let Some(controller) = offered.split_whitespace().find(domain) else {
            return skip("the version 2 tree has no domain controllers here");
        };
        let give = |group: &str| {
            fs::write(format!("{group}/cgroup.subtree_control"), format!("+{controller}"))
        };
        give("/sys/fs/cgroup").unwrap();
        let inner = Group::new(world, "inner");
        let _leaf = inner.below("leaf");
        give(inner.0.to_str().unwrap()).unwrap();
        let bundle = in_group(world, inner.name());
        let run = bundle.run(["--detach"]).run();
        assert_ne!(run.status.code(), Some(0));
        run.error(&["clone3", "hands controllers to groups below it", "name another"]);
        cell(world.place(), "no internal processes, told");
    });
}
