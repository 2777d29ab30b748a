//! Buildah.

use std::ffi::OsStr;

use e2e::Cmd;

use crate::{Sandbox, View, image};

/// Buildah with storage of its own and the image [`Buildah::IMAGE`].
#[derive(Debug)]
pub struct Buildah {
    /// Where it runs.
    pub sandbox: Sandbox,
    runtime: String,
}

impl Buildah {
    /// The image's name.
    pub const IMAGE: &'static str = "localhost/base";

    /// Makes the storage and the image.
    ///
    /// # Errors
    /// What Buildah says.
    pub fn start(name: &str, view: View) -> Result<Self, String> {
        let sandbox = Sandbox::new(name, view)?;
        let runtime = crate::runtime()?.display().to_string();
        let conf = "[containers]\ndefault_ulimits = [\"nofile=1024:2048\", \"nproc=2048:4096\"]\n\
                    [engine]\ncgroup_manager = \"cgroupfs\"\n";
        std::fs::write(sandbox.work.join("containers.conf"), conf)
            .map_err(|error| error.to_string())?;
        let new = Self { sandbox, runtime };
        let step = |args: &[&OsStr]| {
            let run = new.cli(args).run();
            let out = run.out.trim().to_owned();
            if run.status.success() { Ok(out) } else { Err(format!("{args:?}: {}", run.err)) }
        };
        let name = step(&["from".as_ref(), "scratch".as_ref()])?;
        let name = name.as_ref();
        step(&["copy".as_ref(), name, image("busybox").as_os_str(), "/".as_ref()])?;
        let path = "PATH=/bin:/sbin:/usr/bin:/usr/sbin";
        step(&["config".as_ref(), "--env".as_ref(), path.as_ref(), name])?;
        step(&["commit".as_ref(), "--rm".as_ref(), name, Self::IMAGE.as_ref()])?;
        Ok(new)
    }

    /// `buildah` with arguments.
    pub fn cli<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        let (root, run) = (self.sandbox.work.join("storage"), self.sandbox.work.join("run"));
        let cmd = self.sandbox.command("buildah", [OsStr::new("--root"), root.as_os_str()]);
        let cmd = cmd.args([OsStr::new("--runroot"), run.as_os_str()]).args(args);
        cmd.env("CONTAINERS_CONF", self.sandbox.work.join("containers.conf")).seconds(90)
    }

    /// A subcommand that runs something, on the runtime under test.
    pub fn on_runtime<S: AsRef<OsStr>>(
        &self,
        subcommand: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Cmd {
        let options = [subcommand, "--runtime", &self.runtime, "--isolation", "oci"];
        self.cli(options).args(args)
    }

    /// `buildah run OPTIONS CONTAINER COMMAND`.
    pub fn run(&self, options: &str, container: &str, command: &[&str]) -> Cmd {
        let run = self.on_runtime("run", options.split_whitespace());
        run.args([container, "--"]).args(command)
    }

    /// A working container of the image; its name.
    ///
    /// # Panics
    /// If it cannot be made.
    #[track_caller]
    pub fn from(&self, image: &str) -> String {
        let run = self.cli(["from", "--pull-never", image]).run().code(0);
        run.out.trim().to_owned()
    }
}
