//! An ordinary user of the host, without any privilege.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::{Cmd, Hierarchy, World, hierarchies, skip};

/// A user with a runtime directory (XDG_RUNTIME_DIR), and one group of the same number.
#[derive(Debug)]
pub struct User {
    /// His id, and his group's.
    pub id: u32,
    /// The runtime directory.
    pub runtime_dir: PathBuf,
    scratch: PathBuf,
}

impl World {
    /// A user whom no file of the host knows, another one each time.
    ///
    /// # Panics
    /// If his directory cannot be made.
    pub fn user(&self) -> User {
        let id = 4711 + self.next();
        let runtime_dir = PathBuf::from(format!("/run/user/{id}"));
        std::fs::create_dir_all(&runtime_dir).unwrap();
        let user = User { id, runtime_dir, scratch: self.scratch().to_owned() };
        user.own(&user.runtime_dir);
        std::fs::set_permissions(&user.runtime_dir, PermissionsExt::from_mode(0o700)).unwrap();
        // Before anybody takes a snapshot.
        for program in [crate::nsinit(), crate::nsrun()] {
            let copy = user.copy_of(&program);
            if !copy.exists() {
                std::fs::copy(program, copy).unwrap();
            }
        }
        user
    }
}

impl User {
    /// Gives him a file or directory.
    ///
    /// # Panics
    /// If the caller may not.
    pub fn own(&self, path: &Path) {
        chown(path, Some(self.id), Some(self.id)).unwrap();
    }

    fn copy_of(&self, program: &Path) -> PathBuf {
        self.scratch.join(program.file_name().unwrap())
    }

    /// Gives him a root file system, or a bundle.
    ///
    /// # Panics
    /// If the caller may not.
    pub fn own_all(&self, directory: &Path) {
        let owner = format!("{0}:{0}", self.id);
        Cmd::new("chown", ["-Rh".as_ref(), owner.as_ref(), directory.as_os_str()]).run().success();
    }

    /// The command as him. The runtime is a copy: a build may lie where he may not go.
    #[must_use]
    pub fn run(&self, cmd: Cmd) -> Cmd {
        let copied = |cmd: Cmd, program: PathBuf| {
            cmd.replacing(program.as_os_str(), self.copy_of(&program).as_os_str())
        };
        let cmd = copied(copied(cmd, crate::nsinit()), crate::nsrun());
        let ids = [format!("--reuid={}", self.id), format!("--regid={}", self.id)];
        cmd.by(["/usr/bin/setpriv", &ids[0], &ids[1], "--clear-groups"])
            .env("XDG_RUNTIME_DIR", &self.runtime_dir)
    }

    /// Makes him known to the host as `tester`, with the further ids 200000 to 265535; says why if
    /// that cannot be.
    ///
    /// # Panics
    /// If the caller may not.
    pub fn is_registered(&self, world: &World) -> bool {
        if !Path::new("/usr/bin/newuidmap").exists() {
            skip("newuidmap and newgidmap are missing: scripts/prepare installs uidmap");
            return false;
        }
        let id = self.id;
        for (file, line) in [
            ("/etc/passwd", format!("tester:x:{id}:{id}::/:/bin/sh")),
            ("/etc/subuid", "tester:200000:65536".to_owned()),
            ("/etc/subgid", "tester:200000:65536".to_owned()),
        ] {
            if !Path::new(file).exists() {
                skip(format!("there is no {file}"));
                return false;
            }
            let copy = world.path("etc");
            let text = std::fs::read_to_string(file).unwrap_or_default();
            std::fs::write(&copy, format!("{text}{line}\n")).unwrap();
            Cmd::new("mount", ["--bind".as_ref(), copy.as_os_str(), file.as_ref()]).run().success();
        }
        true
    }

    /// Delegates control groups to him in the hierarchies that `wanted` says yes to: a directory
    /// of his named after the world's tag, and a group in it from which `cmd` is run.
    ///
    /// # Panics
    /// If they cannot be made.
    #[must_use]
    pub fn delegated(
        &self,
        world: &World,
        cmd: Cmd,
        wanted: impl Fn(&Hierarchy) -> bool,
    ) -> (Cmd, Vec<PathBuf>) {
        let mut script = String::new();
        let mut groups = Vec::new();
        for hierarchy in hierarchies().into_iter().filter(wanted) {
            let group = hierarchy.path.join(format!("delegated-{}", world.tag));
            let start = group.join("start");
            std::fs::create_dir_all(&start).unwrap();
            if hierarchies().iter().all(|one| one.unified) {
                // What the host can give is given to him; what he hands on is his affair.
                let offered = std::fs::read_to_string(hierarchy.path.join("cgroup.controllers"));
                for one in offered.unwrap().split_whitespace() {
                    let all = hierarchy.path.join("cgroup.subtree_control");
                    let _ = std::fs::write(all, format!("+{one}"));
                }
            }
            for directory in [&group, &start] {
                self.own(directory);
                for file in ["cgroup.procs", "cgroup.subtree_control", "tasks"] {
                    let file = directory.join(file);
                    if file.exists() {
                        self.own(&file);
                    }
                }
            }
            script.push_str(&format!("echo $$ > {}/cgroup.procs; ", start.display()));
            groups.push(group);
        }
        script.push_str("exec \"$@\"");
        (cmd.by(["sh", "-c", &script, "sh"]), groups)
    }
}
