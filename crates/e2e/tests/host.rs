//! `nsinit exec --host`: a copy-on-write view of this host.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use e2e::{Background, Cmd, World, each_view, on_this_host, skip};

fn host<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Cmd {
    Cmd::nsinit(["exec", "--host", "--"]).args(args)
}

fn sh(script: &str) -> Cmd {
    host(["/bin/sh", "-c", script])
}

/// Every file below, on the same file system, with what a write would change.
fn files(directory: &Path) -> BTreeMap<PathBuf, (u32, u64, i64, i64)> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    let device = std::fs::metadata(directory).unwrap().dev();
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let Ok(stat) = entry.metadata() else { continue };
            if stat.is_dir() && stat.dev() == device {
                left.push(entry.path());
            }
            let facts = (stat.mode(), stat.size(), stat.mtime(), stat.mtime_nsec());
            found.insert(entry.path(), facts);
        }
    }
    found
}

#[test]
fn writes_stay_in_the_container() {
    each_view(|world: &World| {
        let tmpfs = world.path("below");
        std::fs::create_dir(&tmpfs).unwrap();
        std::fs::write(tmpfs.join("file"), "host").unwrap();
        let before = (files(Path::new("/etc")), files(Path::new("/usr/local")), world.snapshot());
        let passwd = std::fs::read("/etc/passwd").unwrap();
        let below = tmpfs.display();
        let script = format!(
            "set -e
            echo evil:x:0:0::/:/bin/sh >> /etc/passwd; grep -q ^evil: /etc/passwd
            echo new > /etc/e2e-new; echo new > /usr/e2e-new; echo new > /e2e-new
            mkdir /usr/local/e2e-dir; touch /usr/local/e2e-dir/file; rm /etc/hostname
            chmod 777 /etc; chown 1:1 /usr
            test \"$(cat {below}/file)\" = host; echo changed > {below}/file; rm -r {below}
            test ! -e {below} && echo done"
        );
        let run = sh(&script).run().code(0);
        assert_eq!(run.out.trim(), "done", "{}", run.err);
        before.2.assert_restored();
        assert_eq!(std::fs::read("/etc/passwd").unwrap(), passwd);
        for path in ["/etc/e2e-new", "/usr/e2e-new", "/e2e-new", "/usr/local/e2e-dir"] {
            assert!(!Path::new(path).exists(), "{path}");
        }
        assert!(files(Path::new("/etc")) == before.0, "/etc has changed");
        assert!(files(Path::new("/usr/local")) == before.1, "/usr/local has changed");
    });
}

#[test]
fn a_second_ext4_has_its_own_overlay() {
    on_this_host(|world: &World| {
        let (image, mountpoint) = (world.path("image"), world.path("second"));
        std::fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
        std::fs::create_dir(&mountpoint).unwrap();
        let made = Cmd::new("mkfs.ext4", ["-q", "-F"]).args([&image]).run();
        if !made.status.success() {
            return skip(format!("no second ext4: {}", made.err.trim()));
        }
        let mounted = Cmd::new("mount", ["-o", "loop"]).args([&image, &mountpoint]).run();
        if !mounted.status.success() {
            return skip(format!("no loop devices: {}", mounted.err.trim()));
        }
        std::fs::write(mountpoint.join("file"), "host").unwrap();
        std::fs::create_dir(mountpoint.join("dir")).unwrap();
        let before = files(&mountpoint);
        let at = mountpoint.display();
        let script = format!(
            "set -e; cd {at}; test \"$(cat file)\" = host; echo changed > file; rmdir dir
            echo new > new; test \"$(cat file new)\" = \"$(printf 'changed\\nnew')\"
            stat -f -c %T . ; grep ' {at} ' /proc/self/mountinfo"
        );
        let run = sh(&script).run().success();
        assert!(run.out.contains("overlay"), "{}", run.out);
        assert!(files(&mountpoint) == before, "the second file system has changed");
        // As cwd, too; each call begins with what the host has.
        let run = sh("cat file; echo changed > file; pwd").dir(&mountpoint).run().success();
        assert_eq!(run.out, format!("host{at}\n"));
        assert_eq!(std::fs::read_to_string(mountpoint.join("file")).unwrap(), "host");
        Cmd::new("umount", [&mountpoint]).run().success();
    });
}

#[test]
fn run_is_fresh() {
    on_this_host(|_world: &World| {
        std::fs::write("/run/secret", "host").unwrap();
        let run = sh("ls -A /run; echo new > /run/mine && cat /run/mine").run().success();
        assert!(!run.out.contains("secret") && !run.out.contains("nsinit"), "{}", run.out);
        assert!(run.out.ends_with("new\n"), "{}", run.out);
        assert!(!Path::new("/run/mine").exists());
    });
}

#[test]
fn who_and_where_are_the_callers() {
    on_this_host(|world: &World| {
        let place = world.path("place");
        std::fs::create_dir(&place).unwrap();
        let script = "pwd; id -u; id -g; id -G; echo $HOME; echo $PATH; echo ${SECRET-none}";
        let here = |cmd: Cmd| {
            cmd.dir(&place)
                .env("HOME", "/some/home")
                .env("PATH", "/opt/x:/usr/bin:/bin")
                .env("SECRET", "x")
        };
        let run = here(sh(script)).run().success();
        let lines: Vec<&str> = run.out.lines().collect();
        let wanted = [place.to_str().unwrap(), "0", "0"];
        assert_eq!(&lines[..3], wanted);
        assert_eq!(&lines[4..], ["/some/home", "/opt/x:/usr/bin:/bin", "none"]);
        // No file is put into cwd, which a container of its own directory would have.
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0);
        for directory in ["/", "/usr/bin", "/tmp", "/proc", "/run"] {
            let run = sh("pwd").dir(directory).run();
            assert_eq!(run.success().out.trim(), directory);
        }
    });
}

#[test]
fn exit_codes() {
    on_this_host(|world: &World| {
        let before = world.snapshot();
        sh("exit 42").run().code(42);
        sh("kill -TERM $$; sleep 1; kill -KILL -1; exit 3").run().code(3);
        host(["/nonexistent"]).run().code(127).error(&["/nonexistent"]);
        host(["nonexistent-command"]).run().code(127).error(&["nonexistent-command"]);
        host(["/etc/passwd"]).run().code(126).error(&["/etc/passwd"]);
        before.assert_restored();
    });
}

#[test]
fn every_call_is_a_container_of_its_own() {
    on_this_host(|world: &World| {
        let before = world.snapshot();
        let place = world.path("same");
        std::fs::create_dir(&place).unwrap();
        let before_calls = world.snapshot();
        let script = "test ! -e /tmp/mine && touch /tmp/mine /etc/mine && sleep 0.3 && ls /proc \
                      | grep -c '^[0-9]*$'";
        let calls: Vec<Background> = (0..8).map(|_| sh(script).dir(&place).start()).collect();
        for call in calls {
            // Nobody else's processes: sh, ls, grep.
            let seen: u32 = call.wait().success().out.trim().parse().unwrap();
            assert!(seen <= 4, "{seen} processes");
        }
        before_calls.assert_restored();
        std::fs::remove_dir(&place).unwrap();
        before.assert_restored();
    });
}

#[test]
fn a_killed_caller_leaves_what_delete_removes() {
    on_this_host(|world: &World| {
        let before = world.snapshot();
        let mut call = sh("echo up; exec sleep 1000").start();
        call.until("up");
        call.signal(rustix::process::Signal::KILL);
        call.wait();
        let ids = Cmd::nsinit(["list", "-q"]).run().success().out;
        assert_eq!(ids.lines().count(), 1, "{ids}");
        Cmd::nsinit(["delete", "--force", ids.trim()]).run().success();
        before.assert_restored();
    });
}
