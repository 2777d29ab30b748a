//! The label that a bind's source is given. A kernel without SELinux keeps it as an attribute.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rustix::fs::{CWD, Mode, lgetxattr, mkfifoat};

use super::child::{bind, built, facts, in_thread, isolated, private_host, run};
use crate::config::{Config, Mount, Relabel, Rootfs};
use crate::plan::mounts::MountFacts;

const PRIVATE: &str = "system_u:object_r:container_file_t:s0:c1,c2";
const SHARED: &str = "system_u:object_r:container_file_t:s0";

/// What the kernel would have to know if it ran SELinux: the virtual machine has that test.
fn unknown_label() -> bool {
    let runs = Path::new("/sys/fs/selinux/enforce").exists();
    if runs {
        println!("SKIP: this kernel runs SELinux");
    }
    runs
}

fn label(path: impl AsRef<Path>) -> Option<String> {
    let mut value = [0; 256];
    let length = lgetxattr(path.as_ref(), "security.selinux", &mut value[..]).ok()?;
    Some(String::from_utf8(value[..length].strip_suffix(b"\0").unwrap().to_vec()).unwrap())
}

fn config(scratch: &Path, source: &Path, relabel: Relabel) -> Config {
    let image = scratch.join("image");
    fs::create_dir_all(&image).unwrap();
    let mount = Mount { relabel: Some(relabel), ..bind(source, "/data", &["rbind", "ro"]) };
    Config {
        rootfs: Rootfs::Directory(image),
        mounts: vec![mount],
        mount_label: Some(PRIVATE.to_owned()),
        ..Config::default()
    }
}

fn with_selinux() -> MountFacts {
    MountFacts { selinux: true, ..facts() }
}

#[test]
fn a_source_is_labelled_with_all_below_it_and_nothing_else() {
    isolated("relabel::a_source_is_labelled_with_all_below_it_and_nothing_else", |scratch| {
        if unknown_label() {
            return;
        }
        private_host();
        let source = scratch.join("source");
        let outside = scratch.join("outside");
        fs::create_dir_all(source.join("a/b/c")).unwrap();
        fs::create_dir_all(source.join("mounted")).unwrap();
        fs::create_dir_all(outside.join("below")).unwrap();
        for file in ["one", "a/two", "a/b/c/three"] {
            fs::write(source.join(file), "text").unwrap();
        }
        fs::write(outside.join("file"), "text").unwrap();
        symlink(&outside, source.join("link")).unwrap();
        symlink("../../outside/file", source.join("a/link")).unwrap();
        symlink("/nowhere/at/all", source.join("dangling")).unwrap();
        mkfifoat(CWD, source.join("fifo"), Mode::RUSR).unwrap();
        run(Command::new("mount").args(["-t", "tmpfs", "none"]).arg(source.join("mounted")));
        fs::write(source.join("mounted/four"), "text").unwrap();

        let inside = [
            "",
            "one",
            "a",
            "a/two",
            "a/b",
            "a/b/c",
            "a/b/c/three",
            "link",
            "a/link",
            "dangling",
            "fifo",
        ];
        for (relabel, wanted) in [(Relabel::Private, PRIVATE), (Relabel::Shared, SHARED)] {
            let config = config(scratch, &source, relabel);
            let before = std::env::current_dir().unwrap();
            in_thread(|| built(&config, &with_selinux()).map(drop).unwrap());
            assert_eq!(std::env::current_dir().unwrap(), before);
            for path in inside {
                assert_eq!(label(source.join(path)).as_deref(), Some(wanted), "{path}");
            }
            for path in ["outside", "outside/file", "outside/below", "source/mounted/four"] {
                assert_eq!(label(scratch.join(path)), None, "{path}");
            }
        }
        // A file by itself; and on a host without SELinux nothing is touched.
        let file = outside.join("file");
        fs::remove_dir_all(scratch.join("image")).unwrap();
        in_thread(|| {
            built(&config(scratch, &file, Relabel::Private), &with_selinux()).map(drop).unwrap()
        });
        assert_eq!(label(&file).as_deref(), Some(PRIVATE));
        fs::remove_dir_all(scratch.join("image")).unwrap();
        let plain = Config { mount_label: None, ..config(scratch, &outside, Relabel::Private) };
        in_thread(|| built(&plain, &facts()).map(drop).unwrap());
        assert_eq!(label(&outside), None);
    });
}

/// No link and no bind leads to what the host lives by.
#[test]
fn the_hosts_own_keeps_its_label() {
    isolated("relabel::the_hosts_own_keeps_its_label", |scratch| {
        private_host();
        let before = label("/etc");
        symlink("/etc", scratch.join("link")).unwrap();
        fs::create_dir_all(scratch.join("bound")).unwrap();
        run(Command::new("mount").args(["--bind", "/etc"]).arg(scratch.join("bound")));
        for name in ["link", "bound"] {
            let config = config(scratch, &scratch.join(name), Relabel::Shared);
            let error = in_thread(|| built(&config, &with_selinux()).map(drop).unwrap_err());
            let text = error.to_string();
            assert!(text.contains("it is /etc, which is the host's own"), "{text}");
        }
        assert_eq!(label("/etc"), before);
    });
}
