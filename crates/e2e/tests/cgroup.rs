//! The control group that a container gets, and that it does not take from others.

use std::path::PathBuf;

use e2e::{Cmd, World, each_view};

/// The container's groups, by the state.
fn groups(root: &e2e::Rootfs) -> Vec<PathBuf> {
    let state = root.nsinit(["state"]).run().success().json();
    let paths = state["cgroup_paths"].as_object().unwrap();
    paths.values().map(|path| PathBuf::from(path.as_str().unwrap())).collect()
}

#[test]
fn it_is_made_in_every_hierarchy_and_removed() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let id = root.detach([""; 0]);
            let paths = groups(&root);
            assert_eq!(paths.len(), e2e::hierarchies().len(), "{paths:?}");
            for path in &paths {
                assert!(path.ends_with(format!("nsinit/{id}")) && path.is_dir(), "{path:?}");
            }
            root.delete();
            assert!(paths.iter().all(|path| !path.exists()), "{paths:?}");
            before.assert_restored();
        }
    });
}

#[test]
fn a_file_names_another() {
    each_view(|world: &World| {
        for root in world.roots() {
            let (parent, name) = (format!("par-{}", world.tag), format!("name-{}", world.tag));
            root.configure(format!(r#"{{"cgroups": {{"parent": "{parent}", "name": "{name}"}}}}"#));
            let before = world.snapshot();
            root.detach([""; 0]);
            for path in groups(&root) {
                assert!(path.ends_with(format!("{parent}/{name}")), "{path:?}");
            }
            root.delete();
            before.assert_restored();
        }
    });
}

#[test]
fn one_that_a_live_container_has_is_refused_by_name() {
    each_view(|world: &World| {
        let [first, second] = [world.busybox(), world.busybox()];
        let name = format!("shared-{}", world.tag);
        for root in [&first, &second] {
            root.configure(format!(r#"{{"cgroups": {{"parent": "nsinit", "name": "{name}"}}}}"#));
        }
        let before = world.snapshot();
        first.detach([""; 0]);
        second.exec(["/bin/true"]).run().code(125).error(&[&name]);
        // The first goes on as if nothing had been.
        first.exec(["/bin/true"]).run().success();
        assert!(groups(&first).iter().all(|path| path.exists()));
        // So it is where an id leads to the same group.
        first.delete();
        second.exec(["/bin/true"]).run().success();
        before.assert_restored();
    });
}

#[test]
fn one_with_a_foreign_process_is_refused_by_name_and_left_alone() {
    each_view(|world: &World| {
        let root = world.busybox();
        let name = format!("foreign-{}", world.tag);
        root.configure(format!(r#"{{"cgroups": {{"parent": "", "name": "{name}"}}}}"#));
        for hierarchy in e2e::hierarchies() {
            // A cpuset of version 1 takes nobody before it has processors.
            if hierarchy.controllers.iter().any(|it| it == "cpuset") {
                continue;
            }
            // Found as nsinit finds it: below the group that we are in, or at the top.
            root.detach(["--id", &world.tag]);
            let state = root.nsinit(["state", "--id", &world.tag]).run().success().json();
            root.nsinit(["delete", "--force", &world.tag]).run().success();
            let paths = state["cgroup_paths"].as_object().unwrap();
            let mut path = paths.values().map(|path| PathBuf::from(path.as_str().unwrap()));
            let path = path.rfind(|path| path.starts_with(&hierarchy.path)).unwrap();
            let before = world.snapshot();
            std::fs::create_dir(&path).unwrap();
            let sleeper = Cmd::new("sleep", ["1000"]).start();
            std::fs::write(path.join("cgroup.procs"), sleeper.pid().to_string()).unwrap();
            root.exec(["/bin/true"]).run().code(125).error(&[&name]);
            let procs = std::fs::read_to_string(path.join("cgroup.procs")).unwrap();
            assert_eq!(procs.trim(), sleeper.pid().to_string());
            drop(sleeper);
            e2e::until("the group to be free", || std::fs::remove_dir(&path).is_ok());
            root.exec(["/bin/true"]).run().success();
            before.assert_restored();
        }
    });
}
