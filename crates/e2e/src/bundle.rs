//! OCI bundles, and the runtime that is driven by an engine's command line.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::{Cmd, Rootfs, World, paths, snapshot, until};

/// A bundle of a test's own: a busybox root file system in `rootfs`, the probe at /probe, and a
/// config.json that is written anew by each change.
#[derive(Debug)]
pub struct Bundle {
    /// Its directory.
    pub path: PathBuf,
    /// The id that its container is meant to have; its control group is called so, too.
    pub id: String,
    /// What is in rootfs.
    pub rootfs: Rootfs,
    config: Value,
}

impl World {
    /// A bundle whose process sleeps, with namespaces, mounts and devices as engines have them.
    ///
    /// # Panics
    /// If there is no image: `scripts/images busybox` makes it.
    pub fn bundle(&self) -> Bundle {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let path = self.path("bundle");
        std::fs::create_dir(&path).unwrap();
        let mut rootfs = self.busybox();
        std::fs::rename(&rootfs.path, path.join("rootfs")).unwrap();
        rootfs.path = path.join("rootfs");
        let id = format!("c{}-{}", NUMBER.fetch_add(1, Ordering::Relaxed), self.tag);
        snapshot::watch(&id);
        let config = config(&id);
        let bundle = Bundle { path, id, rootfs, config };
        bundle.write();
        bundle
    }
}

fn config(id: &str) -> Value {
    let mount = |destination: &str, kind: &str, options: &[&str]| {
        json!({
        "destination": destination, "type": kind, "source": kind, "options": options})
    };
    let namespaces = ["pid", "network", "ipc", "uts", "mount", "cgroup"];
    let capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
    json!({
        "ociVersion": "1.3.0",
        "process": {
            "args": ["/probe", "sleep", "1000"],
            "cwd": "/",
            "env": ["PATH=/usr/bin:/bin:/usr/sbin:/sbin", "TERM=xterm"],
            "user": {"uid": 0, "gid": 0},
            "capabilities": {
                "bounding": capabilities, "effective": capabilities, "permitted": capabilities},
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs"},
        "hostname": "nsrun",
        "mounts": [
            mount("/proc", "proc", &[]),
            mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666",
                "mode=0620", "gid=5"]),
            mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777"]),
            mount("/run", "tmpfs", &["nosuid", "nodev", "mode=755"]),
        ],
        "linux": {
            "cgroupsPath": format!("/{id}"),
            "namespaces": namespaces.map(|kind| json!({"type": kind})),
            "maskedPaths": ["/proc/kcore"],
            "readonlyPaths": ["/proc/sys"],
        },
    })
}

impl Bundle {
    /// The runtime with these arguments, from the bundle's directory.
    pub fn nsrun<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        Cmd::new(paths::nsrun(), args).dir(&self.path)
    }

    /// The value at this JSON pointer (RFC 6901): `/process/args`. Objects on the way are made.
    ///
    /// # Panics
    /// If something else than an object is in the way.
    pub fn set(&mut self, pointer: &str, value: impl Into<Value>) -> &mut Self {
        *self.at(pointer) = value.into();
        self.write();
        self
    }

    /// Adds to the list at this JSON pointer, which is made.
    ///
    /// # Panics
    /// If something else than a list is there.
    pub fn push(&mut self, pointer: &str, value: impl Into<Value>) -> &mut Self {
        let list = self.at(pointer);
        if list.is_null() {
            *list = json!([]);
        }
        list.as_array_mut().unwrap().push(value.into());
        self.write();
        self
    }

    fn at(&mut self, pointer: &str) -> &mut Value {
        let mut place = &mut self.config;
        for key in pointer.split('/').skip(1) {
            let key = key.replace("~1", "/").replace("~0", "~");
            place = match (place.is_array(), key.parse::<usize>()) {
                (true, Ok(index)) => &mut place[index],
                _ => &mut place[key],
            };
        }
        place
    }

    /// The process's arguments.
    pub fn args<S: Into<Value>>(&mut self, args: impl IntoIterator<Item = S>) -> &mut Self {
        self.set("/process/args", args.into_iter().map(Into::into).collect::<Vec<Value>>())
    }

    /// `/bin/sh -c SCRIPT` as its process.
    pub fn sh(&mut self, script: &str) -> &mut Self {
        self.args(["/bin/sh", "-c", script])
    }

    /// What config.json has.
    pub fn config(&self) -> &Value {
        &self.config
    }

    fn write(&self) {
        std::fs::write(self.path.join("config.json"), self.config.to_string()).unwrap();
    }

    /// `run ID` with more flags.
    pub fn run<S: AsRef<OsStr>>(&self, flags: impl IntoIterator<Item = S>) -> Cmd {
        self.nsrun(["run"]).args(flags).args([&self.id])
    }

    /// The container in the foreground, by each runtime: nsinit reads config.json as well.
    pub fn by_each(&self) -> [Cmd; 2] {
        let exec = Cmd::nsinit(["exec", "--config", "config.json"]).dir(&self.path);
        [self.run([""; 0]), exec]
    }

    /// `create ID` with more flags. What it leaves behind holds its output.
    pub fn create<S: AsRef<OsStr>>(&self, flags: impl IntoIterator<Item = S>) -> Cmd {
        self.nsrun(["create"]).args(flags).args([&self.id]).leaves_behind()
    }

    /// `exec ID` with a command.
    pub fn exec<S: AsRef<OsStr>>(&self, command: impl IntoIterator<Item = S>) -> Cmd {
        self.nsrun(["exec", &self.id]).args(command)
    }

    /// `VERB ID`.
    pub fn verb(&self, verb: &str) -> Cmd {
        self.nsrun([verb, &self.id])
    }

    /// Starts the container in the background: its process's pid.
    ///
    /// # Panics
    /// If it does not start.
    #[track_caller]
    pub fn detach(&self) -> i32 {
        self.run(["--detach"]).leaves_behind().run().success();
        self.state()["pid"].as_i64().unwrap() as i32
    }

    /// The container's state.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn state(&self) -> Value {
        self.verb("state").run().success().json()
    }

    /// What the container is doing.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn status(&self) -> String {
        self.state()["status"].as_str().unwrap().to_owned()
    }

    /// Waits until the container has stopped.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn until_stopped(&self) {
        until("stopped", || self.status() == "stopped");
    }

    /// Ends and removes the container.
    ///
    /// # Panics
    /// If the runtime does not do it.
    #[track_caller]
    pub fn delete(&self) {
        self.nsrun(["delete", "--force", &self.id]).run().success();
    }
}

impl Cmd {
    /// With CRIU first in PATH.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn with_criu(self) -> Self {
        let usual = std::env::var("PATH").unwrap_or_default();
        self.env("PATH", format!("{}:{usual}", paths::criu().unwrap().display()))
    }
}

impl Bundle {
    /// `checkpoint` of its container into this directory, with more flags.
    pub fn checkpoint<S: AsRef<OsStr>>(
        &self,
        images: &str,
        flags: impl IntoIterator<Item = S>,
    ) -> Cmd {
        let command = self.nsrun(["checkpoint", "--image-path", images]).args(flags);
        command.args([&self.id]).with_criu()
    }

    /// Removes what a test has made on purpose, with CRIU's notes on this kernel.
    pub fn tidy<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            let path = self.path.join(name);
            let _ = std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path));
        }
        let _ = std::fs::remove_file("/run/criu.kdat");
    }

    /// `restore --detach` from this directory, with more flags.
    pub fn restore<S: AsRef<OsStr>>(
        &self,
        images: &str,
        flags: impl IntoIterator<Item = S>,
    ) -> Cmd {
        let command = self.nsrun(["restore", "--detach", "--image-path", images]).args(flags);
        command.args([&self.id]).with_criu().leaves_behind()
    }
}
