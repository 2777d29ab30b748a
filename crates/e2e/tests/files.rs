//! `state.json` and `pid` in the directory, and the rules of `container.json`.

use std::os::unix::fs::symlink;
use std::path::Path;

use e2e::{Rootfs, World, each_view};
use serde_json::Value;

/// What stands in a directory while its container runs.
fn shown(directory: &Path) -> (Value, i32) {
    let state = std::fs::read_to_string(directory.join("state.json")).unwrap();
    let pid = std::fs::read_to_string(directory.join("pid")).unwrap();
    (serde_json::from_str(&state).unwrap(), pid.trim().parse().unwrap())
}

fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

#[test]
fn state_and_pid_stand_while_it_runs() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let id = root.detach([""; 0]);
            let (state, pid) = shown(&root.path);
            assert_eq!((&state["id"], &state["init_process_pid"]), (&id.into(), &pid.into()));
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
            assert_eq!(line, "/probe\0sleep\x001000\0");
            let printed = root.nsinit(["state"]).run().success().json();
            assert_eq!(printed["namespace_paths"], state["namespace_paths"]);
            root.delete();
            before.assert_restored();
            // In the foreground too, and for its whole life.
            let mut running = root.exec(["/probe", "catch"]).start();
            running.until("ready");
            e2e::until("state.json", || is_there(&root.file("state.json")));
            root.nsinit(["kill", "KILL"]).run().success();
            running.wait().code(137);
            before.assert_restored();
        }
    });
}

#[test]
fn with_a_root_they_stand_below_it() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let state_root = world.path("root");
            let option = ["--root", state_root.to_str().unwrap()];
            let id = root.nsinit(option).args(["exec", "--detach", "/probe", "sleep", "1000"]);
            let id = id.run().success().out.trim().to_owned();
            world.watch(&id);
            let (state, _) = shown(&state_root.join(&id));
            assert_eq!(state["id"], id.as_str());
            assert!(!is_there(&root.file("state.json")) && !is_there(&root.file("pid")));
            root.nsinit(["state"]).run().code(1);
            root.nsinit(["list", "-q"]).run().success();
            let listed = root.nsinit(option).args(["list", "-q"]).run().success().out;
            assert_eq!(listed.trim(), id);
            root.nsinit(option).args(["delete", "--force"]).run().success();
            std::fs::remove_dir_all(&state_root).unwrap();
            before.assert_restored();
        }
    });
}

#[test]
fn what_stands_in_their_place_is_never_followed() {
    each_view(|world: &World| {
        for name in ["state.json", "pid"] {
            let root = world.busybox();
            let victim = world.path("victim");
            std::fs::write(&victim, "precious").unwrap();
            symlink(&victim, root.file(name)).unwrap();
            root.exec(["/bin/true"]).run().success();
            let fresh = || Command("mkfifo", root.file(name)).run();
            fresh();
            root.exec(["/bin/true"]).run().success();
            // A link into the host, put there by the container while it runs.
            let victim_path = victim.display();
            let link = format!(
                "until [ -L /{name} ]; do rm -f /{name}; ln -s {victim_path} /{name} 2>/dev/null; done"
            );
            root.sh(&link).run().success();
            assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
            std::fs::remove_file(root.file(name)).ok();
            // A directory is the container's own affair, and does not stop it.
            std::fs::create_dir(root.file(name)).unwrap();
            root.exec(["/bin/true"]).run().code(0);
            assert!(root.file(name).is_dir());
            assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
            // What a container writes into them is not what is read back.
            std::fs::remove_dir(root.file(name)).unwrap();
            root.detach([""; 0]);
            let lie = format!("echo '{{\"init_process_pid\": 1}}' > /{name}");
            root.sh(&lie).run().success();
            let state = root.nsinit(["state"]).run().success().json();
            assert_ne!(state["init_process_pid"], 1);
            root.delete();
        }
    });
}

/// A host's command with one path.
struct Command<'a>(&'a str, std::path::PathBuf);

impl Command<'_> {
    fn run(&self) {
        e2e::Cmd::new(self.0, [&self.1]).run().success();
    }
}

#[test]
fn only_a_file_that_can_be_trusted_is_read() {
    each_view(|world: &World| {
        let root = world.busybox();
        let file = root.file("container.json");
        let before = world.snapshot();
        let refused = |why: &str| {
            let run = root.exec(["/bin/true"]).run().code(125);
            run.error(&["container.json", why]);
        };
        let other = world.path("other");
        std::fs::write(&other, "{}").unwrap();
        symlink(&other, &file).unwrap();
        refused("symbolic link");
        std::fs::remove_file(&file).unwrap();
        Command("mkfifo", file.clone()).run();
        refused("not a regular file");
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        refused("not a regular file");
        std::fs::remove_dir(&file).unwrap();
        std::fs::write(&file, "{}").unwrap();
        std::os::unix::fs::chown(&file, Some(1000), None).unwrap();
        refused("belongs to uid 1000");
        std::os::unix::fs::chown(&file, Some(0), None).unwrap();
        root.exec(["/bin/true"]).run().success();
        std::fs::remove_file(&file).unwrap();
        std::fs::remove_file(&other).unwrap();
        before.assert_restored();
    });
}

/// None of the ways to change it works, as root with all that the template grants.
fn cannot_change_it(root: &Rootfs) {
    cannot_change_it_by(root, &[]);
}

fn cannot_change_it_by(root: &Rootfs, options: &[&str]) {
    let script = "cd /; echo '{}' > container.json; rm container.json; \
                  mv container.json x; echo '{}' > y; mv y container.json; rm -f y; \
                  ln -sf /etc/passwd container.json; umount container.json; \
                  mount -o remount,rw,bind container.json; chmod 777 container.json; \
                  chown 1000 container.json; truncate -s 0 container.json; true";
    root.exec(options).args(["/bin/sh", "-c", script]).run().code(0);
}

#[test]
fn inside_it_is_read_only() {
    each_view(|world: &World| {
        for root in world.roots() {
            root.configure(r#"{"hostname": "mine"}"#);
            let before = world.snapshot();
            root.sh("[ $(hostname) = mine ] && grep -q mine /container.json").run().success();
            cannot_change_it(&root);
            root.detach([""; 0]);
            cannot_change_it(&root);
            root.delete();
            let text = std::fs::read_to_string(root.file("container.json")).unwrap();
            assert_eq!(text, r#"{"hostname": "mine"}"#);
            before.assert_restored();
        }
    });
}

#[test]
fn its_name_is_held_where_there_is_none() {
    each_view(|world: &World| {
        for root in world.roots() {
            let before = world.snapshot();
            let run = root.sh("stat -c '%s %F' /container.json").run().success();
            assert_eq!(run.out, "0 regular empty file\n");
            cannot_change_it(&root);
            assert!(!is_there(&root.file("container.json")));
            root.detach([""; 0]);
            cannot_change_it(&root);
            root.exec(["/bin/true"]).run().success();
            root.delete();
            before.assert_restored();
            // A start that fails leaves none either.
            root.exec(["/nowhere"]).run().code(127);
            before.assert_restored();
        }
    });
}

#[test]
fn config_names_another_file() {
    each_view(|world: &World| {
        let root = world.busybox();
        root.configure(r#"{"hostname": "default"}"#);
        let other = root.file("etc/other.json");
        std::fs::write(&other, r#"{"hostname": "other"}"#).unwrap();
        let before = world.snapshot();
        let config = ["--config", "etc/other.json"];
        let script = ["/bin/sh", "-c", "hostname; echo '{}' 2>/dev/null > /etc/other.json"];
        let run = root.exec(config).args(script).run().code(1);
        assert_eq!(run.out, "other\n");
        // The directory's own, which the next start reads, is not the container's to change.
        cannot_change_it_by(&root, &config);
        let text = std::fs::read_to_string(root.file("container.json")).unwrap();
        assert_eq!(text, r#"{"hostname": "default"}"#);
        std::fs::remove_file(root.file("container.json")).unwrap();
        cannot_change_it_by(&root, &config);
        assert!(!is_there(&root.file("container.json")));
        root.configure(text);
        // From elsewhere, for a root file system that is named.
        let root_flag = ["--rootfs", root.path.to_str().unwrap()];
        let elsewhere = root.nsinit(["exec", "--config", other.to_str().unwrap()]);
        let elsewhere = elsewhere.dir(world.scratch()).args(root_flag).args(["/bin/hostname"]);
        assert_eq!(elsewhere.run().success().out, "other\n");
        let run = root.exec(["--config", "nowhere.json", "/bin/true"]).run().code(125);
        run.error(&["--config", "nowhere.json"]);
        before.assert_restored();
    });
}

#[test]
fn others_than_root_have_a_state_root_of_their_own() {
    each_view(|world: &World| {
        let runtime = world.path("runtime");
        std::fs::create_dir(&runtime).unwrap();
        std::os::unix::fs::chown(&runtime, Some(1000), Some(1000)).unwrap();
        let user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
        let list = e2e::Cmd::nsinit(["list", "-q"]).by(user);
        let run = list.clone().env("XDG_RUNTIME_DIR", &runtime).run();
        assert_eq!((run.status.code(), run.out.as_str()), (Some(0), ""), "{}", run.err);
        list.run().code(1).error(&["XDG_RUNTIME_DIR", "--root"]);
        // Root's are not theirs to see or end.
        let root = world.busybox();
        let id = root.detach([""; 0]);
        for words in [&["state", "--id", &id][..], &["kill", "--id", &id], &["delete", "-f", &id]] {
            let run = root.nsinit(["--root", "/run/nsinit"]).args(words).by(user).run().code(1);
            assert_eq!(run.err.lines().count(), 1, "{}", run.err);
        }
        root.exec(["/bin/true"]).run().success();
        root.delete();
    });
}

#[test]
fn a_file_can_say_what_is_run() {
    each_view(|world: &World| {
        for root in world.roots() {
            root.exec([""; 0]).run().code(125).error(&["no command"]);
            root.configure(
                r#"{"args": ["/probe", "status"], "environment": ["A=file"], "working_dir": "/tmp",
                    "user": "daemon"}"#,
            );
            let run = root.exec([""; 0]).run().success();
            assert_eq!((run.fact("cwd"), run.fact("uid")), ("/tmp", "1 1 1 1"));
            assert!(run.all("env").contains(&"A=file"));
            // The command line has the last word.
            let flags = ["--user", "0", "--cwd", "/", "--env", "A=typed"];
            let run = root.exec(flags).run().success();
            assert_eq!((run.fact("cwd"), run.fact("uid")), ("/", "0 0 0 0"));
            assert!(run.all("env").contains(&"A=typed"));
        }
    });
}
