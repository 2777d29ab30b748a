//! A test's files: a root file system of its own, and a state root.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use libcontainer::config::{Capabilities, Mount, Namespace, NamespaceKind, ProcessSpec, Rootfs};
use libcontainer::{Child, Config, Factory, Process, Stdio};

const PREFIX: &str = "LIBCONTAINER_TEST_PREFIX";

/// What the names of everything on the host begin with that this test program makes.
pub fn prefix() -> String {
    std::env::var(PREFIX).unwrap_or_else(|_| format!("lct-{}", std::process::id()))
}

/// A directory of a test's own, removed when dropped.
pub struct Place {
    dir: PathBuf,
    keep: bool,
}

impl Place {
    /// With a copy of the busybox image; `None`, and said why, where there is no image.
    pub fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let images = std::env::var_os("IMAGES")
            .map_or_else(|| workspace.join(".cache/images"), PathBuf::from);
        let image = images.join("busybox");
        if !image.is_dir() {
            super::skip("there is no busybox root file system: scripts/images busybox makes it");
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("{}-{number}", prefix()));
        std::fs::create_dir(&dir).unwrap();
        let copied = Command::new("cp").arg("-a").args([&image, &dir.join("rootfs")]).status();
        assert!(copied.unwrap().success());
        Some(Self { dir, keep: false })
    }

    /// The one that another process of this test made.
    pub fn existing(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), keep: true }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The copy of the busybox image; tests may write into it.
    pub fn rootfs(&self) -> PathBuf {
        self.dir.join("rootfs")
    }

    pub fn state_root(&self) -> PathBuf {
        self.dir.join("state")
    }

    pub fn factory(&self) -> Factory {
        Factory::new(self.state_root())
    }

    /// The template of nsinit over the busybox root, in a control group of its own, and with no
    /// parent death signal.
    pub fn config(&self, name: &str) -> Config {
        let mut config = libcontainer::config::template(Rootfs::Directory(self.rootfs()));
        config.cgroup = Some(format!("{}/{name}", prefix()).into());
        config.process.parent_death_signal = None;
        config
    }

    /// As little as a container can be: five namespaces and /proc, no control group.
    pub fn small(&self) -> Config {
        use NamespaceKind::{Ipc, Mount as Mnt, Network, Pid, Uts};
        Config {
            rootfs: Rootfs::Directory(self.rootfs()),
            namespaces: [Mnt, Uts, Ipc, Pid, Network]
                .map(|kind| Namespace { kind, path: None })
                .to_vec(),
            mounts: vec![Mount {
                destination: "/proc".into(),
                fstype: "proc".into(),
                ..Mount::default()
            }],
            process: ProcessSpec {
                env: Some(vec!["PATH=/bin:/sbin:/usr/bin:/usr/sbin".into()]),
                capabilities: Some(Capabilities::of(["CHOWN", "KILL"])),
                ..ProcessSpec::default()
            },
            ..Config::default()
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.keep {
            // A test that failed has left its containers.
            let factory = self.factory();
            for id in factory.list().unwrap_or_default() {
                if let Ok(container) = factory.load(&id) {
                    let _ = container.kill().and_then(|()| container.destroy());
                }
            }
            // A test that failed may have left something mounted below it: that must not be
            // emptied, and its root file system is no more than a copy.
            let _ = Command::new("rm").args(["-rf", "--one-file-system"]).arg(&self.dir).status();
        }
    }
}

/// What a process writes to its standard output until it ends, and its exit code, -SIGNAL where
/// a signal ended it. `start` gets the process with its stream piped.
pub fn output(
    args: &[&str],
    start: impl FnOnce(Process) -> libcontainer::Result<Child>,
) -> (String, i32) {
    use std::os::unix::process::ExitStatusExt;
    let mut process = Process::new(args.iter().copied());
    process.stdin = Stdio::Null;
    process.stdout = Stdio::Pipe;
    let mut child = start(process).unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let status = child.wait().unwrap();
    (text, status.code().unwrap_or_else(|| -status.signal().unwrap()))
}
