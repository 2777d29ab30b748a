//! Several containers, by `--id`, of one directory: they share its files, and the empty
//! container.json that holds the name where there is none.

use std::path::Path;
use std::time::Duration;

use e2e::{Rootfs, World, each_view, on_this_host};
use rustix::fs::{FlockOperation, flock};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

fn ids(world: &World) -> [String; 2] {
    ["one", "two"].map(|name| format!("{name}-{}", world.tag))
}

/// That the container cannot write its own next configuration, whatever it does to the name.
fn is_held(root: &Rootfs, id: &str) {
    let script = "echo '{}' > /container.json || mv /etc/hosts /container.json || \
                  rm /container.json";
    root.exec(["--id", id, "/bin/sh", "-c", script]).run().code(1);
    assert_eq!(std::fs::read_to_string(root.file("container.json")).unwrap(), "");
}

fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

#[test]
fn the_name_stays_held_while_another_container_of_the_directory_runs() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let [one, two] = ids(world);
            root.detach(["--id", &one]);
            root.detach(["--id", &two]);
            root.nsinit(["delete", "--force", &one]).run().success();
            is_held(&root, &two);
            // Nor does it go with one that ends by itself, or does not start.
            root.exec(["/bin/true"]).run().success();
            root.exec(["/nowhere"]).run().code(127);
            root.nsinit(["delete", "--force"]).run().success();
            is_held(&root, &two);
            root.nsinit(["delete", "--force", &two]).run().success();
            before.assert_restored();
        }
    });
}

#[test]
fn containers_of_another_state_root_count() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        let state_root = world.path("root");
        let option = ["--root", state_root.to_str().unwrap()];
        let [one, two] = ids(world);
        let detach = ["exec", "--id", &two, "--detach", "/probe", "sleep", "1000"];
        root.nsinit(option).args(detach).run().success();
        world.watch(&two);
        root.detach(["--id", &one]);
        root.nsinit(["delete", "--force", &one]).run().success();
        let script = ["exec", "--id", &two, "/bin/sh", "-c", "echo '{}' > /container.json"];
        root.nsinit(option).args(script).run().code(1);
        root.nsinit(option).args(["delete", "--force", &two]).run().success();
        std::fs::remove_dir_all(&state_root).unwrap();
        before.assert_restored();
    });
}

#[test]
fn what_is_shown_is_of_the_last_that_was_started() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        let [one, two] = ids(world);
        root.detach(["--id", &one]);
        root.detach(["--id", &two]);
        let shown = || {
            let state = std::fs::read_to_string(root.file("state.json")).unwrap();
            let state: serde_json::Value = serde_json::from_str(&state).unwrap();
            let pid = std::fs::read_to_string(root.file("pid")).unwrap();
            assert_eq!(state["init_process_pid"].to_string(), pid.trim());
            state["id"].as_str().unwrap().to_owned()
        };
        assert_eq!(shown(), two);
        root.nsinit(["delete", "--force", &one]).run().success();
        assert_eq!(shown(), two);
        root.detach(["--id", &one]);
        assert_eq!(shown(), one);
        root.nsinit(["delete", "--force", &one]).run().success();
        assert!(!is_there(&root.file("state.json")) && !is_there(&root.file("pid")));
        root.nsinit(["delete", "--force", &two]).run().success();
        before.assert_restored();
    });
}

#[test]
fn many_start_and_end_at_once() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        std::thread::scope(|scope| {
            for number in 0..4 {
                let (root, id) = (&root, format!("many{number}-{}", world.tag));
                scope.spawn(move || {
                    for _ in 0..15 {
                        let script = "echo '{}' > /container.json";
                        root.exec(["--id", &id, "/bin/sh", "-c", script]).run().code(1);
                    }
                });
            }
        });
        before.assert_restored();
    });
}

#[test]
fn an_empty_file_of_the_users_own_stays() {
    each_view(|world: &World| {
        let root = world.busybox();
        std::fs::write(root.file("container.json"), "").unwrap();
        let before = world.snapshot();
        root.exec(["/bin/true"]).run().success();
        let [one, two] = ids(world);
        root.detach(["--id", &one]);
        root.detach(["--id", &two]);
        root.nsinit(["delete", "--force", &one]).run().success();
        is_held(&root, &two);
        root.nsinit(["delete", "--force", &two]).run().success();
        root.nsinit(["delete", "--force"]).run().success();
        before.assert_restored();
    });
}

/// A container may lock what it can open, and put there what would keep others waiting.
#[test]
fn no_container_keeps_the_others_waiting() {
    each_view(|world: &World| {
        let root = world.busybox();
        let before = world.snapshot();
        let [one, two] = ids(world);
        root.detach(["--id", &one]);
        let script = "rm -f /state.json && mkfifo /state.json";
        root.exec(["--id", &one, "/bin/sh", "-c", script]).run().success();
        // As it could, but for a program that does it.
        let locked = ["container.json", ""].map(|name| {
            let file = std::fs::File::open(root.file(name)).unwrap();
            flock(&file, FlockOperation::LockExclusive).unwrap();
            file
        });
        root.exec(["--id", &two, "/bin/true"]).run().success();
        is_held(&root, &one);
        root.nsinit(["delete", "--force"]).seconds(10).run().success();
        root.nsinit(["delete", "--force", &one]).run().success();
        drop(locked);
        before.assert_restored();
    });
}

/// Where users cannot be counted, the file is kept rather than a container's protection lost.
#[test]
fn without_extended_attributes_the_empty_file_stays() {
    on_this_host(|world: &World| {
        let image = world.busybox();
        let path = world.path("ramfs");
        std::fs::create_dir(&path).unwrap();
        mount("ramfs", &path, "ramfs", MountFlags::empty(), None).unwrap();
        e2e::Cmd::new("cp", ["-a".as_ref(), image.path.join(".").as_os_str(), path.as_os_str()])
            .run()
            .success();
        let root = Rootfs { path: path.clone() };
        let [one, two] = ids(world);
        root.detach(["--id", &one]);
        root.detach(["--id", &two]);
        root.nsinit(["delete", "--force", &one]).run().success();
        is_held(&root, &two);
        root.nsinit(["delete", "--force", &two]).run().success();
        root.exec(["/bin/true"]).run().success();
        assert!(is_there(&root.file("container.json")));
        std::thread::sleep(Duration::from_millis(50));
        unmount(&path, UnmountFlags::empty()).unwrap();
    });
}
