//! A host that systemd has booted: this one, or one made for the test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::{Cmd, paths, skip};

/// Where systemd is PID 1. On a host that it has not booted, one is booted in namespaces
/// (`scripts/systemd-world`), and ends with this.
#[derive(Debug)]
pub struct Systemd {
    /// A name that no other test uses.
    pub tag: String,
    /// A directory of the test's own.
    pub place: PathBuf,
    world: Option<(Child, String)>,
}

impl Systemd {
    /// One, or a word about why there is none.
    pub fn find() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if !rustix::process::geteuid().is_root() {
            skip("making containers and booting systemd need root");
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let tag = format!("sd{}x{number}", std::process::id());
        let place = Path::new("/tmp").join(&tag);
        std::fs::create_dir(&place).unwrap();
        let mut found = Self { tag, place, world: None };
        if !Path::new("/run/systemd/system").is_dir() {
            match boot(&found.place) {
                Ok(world) => found.world = Some(world),
                Err(why) => {
                    skip(format!("systemd cannot be booted here: {why}"));
                    return None;
                }
            }
        }
        Some(found)
    }

    /// Whether the controllers of version 2 are there.
    pub fn has_controllers(&self) -> bool {
        self.cmd("grep", ["-q", "memory", "/sys/fs/cgroup/cgroup.controllers"])
            .run()
            .status
            .success()
    }

    /// A command there, from the test's own directory.
    pub fn cmd<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = S>,
    ) -> Cmd {
        let cmd = Cmd::new(program, args).seconds(60).dir(&self.place);
        match &self.world {
            None => cmd,
            Some((_, pid)) => {
                let place = format!("--wd={}", self.place.display());
                cmd.by(["nsenter", "--target", pid, "--all", &place])
            }
        }
    }

    /// nsrun there, with records of its own.
    pub fn nsrun<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        let root = format!("--root=/run/{}", self.tag);
        self.cmd(paths::nsrun(), [root]).args(args).leaves_behind()
    }

    /// systemctl there; what it prints.
    pub fn systemctl<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        self.cmd("systemctl", ["--no-pager"]).args(args).run().success().out
    }

    /// A shell's command there; what it prints.
    pub fn sh(&self, script: &str) -> String {
        self.cmd("sh", ["-c", script]).run().success().out
    }

    /// A bundle whose process sleeps, with these resources, as a path.
    pub fn bundle(&self, name: &str, cgroup: &str, resources: Value) -> PathBuf {
        let bundle = self.place.join(name);
        std::fs::create_dir(&bundle).unwrap();
        let image = paths::image("busybox");
        let root = bundle.join("rootfs");
        Cmd::new("cp", [OsStr::new("-a"), image.as_os_str(), root.as_os_str()]).run().success();
        let mounts = [("/proc", "proc"), ("/dev", "tmpfs")].map(
            |(destination, kind)| json!({"destination": destination, "type": kind, "source": kind}),
        );
        let namespaces = ["pid", "mount", "ipc", "uts", "network", "cgroup"];
        let namespaces = namespaces.map(|kind| json!({"type": kind}));
        let config = json!({
            "ociVersion": "1.3.0",
            "process": {"args": ["/bin/sleep", "1000"], "cwd": "/", "env": ["PATH=/bin"],
                "user": {"uid": 0, "gid": 0}},
            "root": {"path": "rootfs"},
            "mounts": mounts,
            "linux": {
                "cgroupsPath": cgroup,
                "namespaces": namespaces,
                "resources": resources,
            },
        });
        std::fs::write(bundle.join("config.json"), config.to_string()).unwrap();
        bundle
    }

    /// Changes a bundle's config.json.
    pub fn change(&self, bundle: &Path, change: impl FnOnce(&mut Value)) {
        let file = bundle.join("config.json");
        let mut config = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        change(&mut config);
        std::fs::write(file, config.to_string()).unwrap();
    }
}

fn boot(place: &Path) -> Result<(Child, String), String> {
    let mut child = Command::new(paths::workspace().join("scripts/systemd-world"))
        .arg(place)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut line = String::new();
    let told = BufReader::new(child.stdout.take().unwrap()).read_line(&mut line);
    let line = line.trim().to_owned();
    match told {
        Ok(_) if line.parse::<u32>().is_ok() => Ok((child, line)),
        _ => {
            let _ = child.wait();
            Err(line)
        }
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        if let Some((mut child, _)) = self.world.take() {
            // The end of its input is the end of it.
            drop(child.stdin.take());
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.place);
    }
}
