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
    /// The runtime directory of the user whose it is; root's is the system's.
    user: Option<PathBuf>,
}

impl Systemd {
    /// Root's as [`Systemd::find`], an ordinary user's own where he has one; or a word about why
    /// there is none.
    pub fn either() -> Option<Self> {
        if rustix::process::geteuid().is_root() {
            return Self::find();
        }
        let directory = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let directory = directory.filter(|it| it.join("systemd/private").exists());
        if directory.is_none() {
            skip("this user has no systemd of his own");
        }
        Some(Self::new(Some(directory?)))
    }

    fn new(user: Option<PathBuf>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let tag = format!("sd{}x{number}", std::process::id());
        let place = Path::new("/tmp").join(&tag);
        std::fs::create_dir(&place).unwrap();
        Self { tag, place, world: None, user }
    }

    /// Where this is, for [`crate::cell`].
    pub fn table(&self) -> &'static str {
        if self.user.is_some() { "v2 rootless" } else { "v2 systemd" }
    }

    /// One, or a word about why there is none.
    pub fn find() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skip("making containers and booting systemd need root");
            return None;
        }
        let mut found = Self::new(None);
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
        let run = self.user.as_deref().unwrap_or(Path::new("/run"));
        let root = format!("--root={}", run.join(&self.tag).display());
        self.cmd(paths::nsrun(), [root]).args(args).leaves_behind()
    }

    /// systemctl there; what it prints.
    pub fn systemctl<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let user = self.user.iter().map(|_| "--user");
        self.cmd("systemctl", ["--no-pager"]).args(user).args(args).run().success().out
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
        let copied = Cmd::new("cp", [OsStr::new("-a"), image.as_os_str(), root.as_os_str()]).run();
        // An ordinary user may not look into its /root.
        if self.user.is_none() || !root.join("bin/busybox").exists() {
            copied.success();
        }
        let mounts = [("/proc", "proc"), ("/dev", "tmpfs")].map(
            |(destination, kind)| json!({"destination": destination, "type": kind, "source": kind}),
        );
        let namespaces = ["pid", "mount", "ipc", "uts", "network", "cgroup"];
        let namespaces = namespaces.map(|kind| json!({"type": kind}));
        let mut config = json!({
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
        if self.user.is_some() {
            let own = |id: u32| json!([{"containerID": 0, "hostID": id, "size": 1}]);
            let linux = &mut config["linux"];
            linux["namespaces"].as_array_mut().unwrap().push(json!({"type": "user"}));
            linux["uidMappings"] = own(rustix::process::getuid().as_raw());
            linux["gidMappings"] = own(rustix::process::getgid().as_raw());
        }
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

/// The unit of the caller's own systemd.
pub(crate) fn manager() -> String {
    format!("user@{}.service", rustix::process::getuid().as_raw())
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
        let run = self.user.as_deref().unwrap_or(Path::new("/run"));
        let _ = std::fs::remove_dir_all(run.join(&self.tag));
        let _ = std::fs::remove_dir_all(&self.place);
    }
}
