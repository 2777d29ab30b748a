//! Root file systems to run containers on.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, mount};

use crate::{Cmd, World, paths, skip};

/// A root file system of a test's own, with the probe at /probe.
#[derive(Debug)]
pub struct Rootfs {
    /// Where it is: what a test makes its current directory.
    pub path: PathBuf,
}

impl World {
    /// A copy of the busybox image.
    ///
    /// # Panics
    /// If there is none: `scripts/images busybox` makes it.
    pub fn busybox(&self) -> Rootfs {
        let (image, path) = (paths::image("busybox"), self.path("bb"));
        assert!(image.is_dir(), "no {}: scripts/images busybox makes it", image.display());
        Cmd::new("cp", ["-a".as_ref(), image.as_os_str(), path.as_os_str()]).run().success();
        Rootfs { path }.with_probe()
    }

    /// The Debian image under an overlay whose changes go with the world; `None`, with a word
    /// about it, where there is no image.
    pub fn debian(&self) -> Option<Rootfs> {
        let image = paths::image("debian");
        if !image.is_dir() {
            skip("there is no Debian root file system: scripts/images debian makes it");
            return None;
        }
        let path = self.path("deb");
        let [upper, work] = ["upper", "work"].map(|name| self.path(name));
        for directory in [&path, &upper, &work] {
            std::fs::create_dir(directory).unwrap();
        }
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            image.display(),
            upper.display(),
            work.display()
        );
        let options = std::ffi::CString::new(options).unwrap();
        mount("overlay", &path, "overlay", MountFlags::empty(), options.as_c_str()).unwrap();
        // Writing into a directory for the first time copies it up: no trace of a container.
        for directory in ["", "tmp", "mnt"] {
            let file = path.join(directory).join(".e2e");
            std::fs::write(&file, "").unwrap();
            std::fs::remove_file(file).unwrap();
        }
        Some(Rootfs { path }.with_probe())
    }

    /// Both.
    pub fn roots(&self) -> Vec<Rootfs> {
        [Some(self.busybox()), self.debian()].into_iter().flatten().collect()
    }
}

impl Rootfs {
    fn with_probe(self) -> Self {
        std::fs::copy(paths::probe(), self.path.join("probe")).unwrap();
        self
    }

    /// nsinit with these arguments, from here.
    pub fn nsinit<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        Cmd::nsinit(args).dir(&self.path)
    }

    /// `nsinit exec` with these arguments, from here.
    pub fn exec<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        Cmd::nsinit(["exec"]).args(args).dir(&self.path)
    }

    /// `nsinit exec /bin/sh -c SCRIPT`, from here.
    pub fn sh(&self, script: &str) -> Cmd {
        self.exec(["/bin/sh", "-c", script])
    }

    /// The path of a file in here, seen from the host.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name.trim_start_matches('/'))
    }

    /// Puts a container.json here.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn configure(&self, json: impl std::fmt::Display) -> &Self {
        std::fs::write(self.file("container.json"), json.to_string()).unwrap();
        self
    }

    /// Starts a container in the background that stays until it is killed or deleted, by
    /// `nsinit exec --detach` with more options; its id.
    ///
    /// # Panics
    /// If it does not start.
    #[track_caller]
    pub fn detach<S: AsRef<OsStr>>(&self, options: impl IntoIterator<Item = S>) -> String {
        let cmd = self.exec(["--detach"]).args(options).args(["/probe", "sleep", "1000"]);
        let id = cmd.run().code(0).out.trim().to_owned();
        crate::snapshot::watch(&id);
        id
    }

    /// Ends and removes this directory's container.
    ///
    /// # Panics
    /// If nsinit does not do it.
    #[track_caller]
    pub fn delete(&self) {
        self.nsinit(["delete", "--force"]).run().success();
    }

    /// The directory's name.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(OsStr::to_str).unwrap()
    }
}

impl AsRef<Path> for Rootfs {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}
