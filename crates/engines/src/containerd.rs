//! containerd, by its `ctr`.

use std::ffi::OsStr;

use e2e::{Background, Cmd};

use crate::{Sandbox, View, image};

/// A daemon of its own with the image [`Containerd::IMAGE`].
#[derive(Debug)]
pub struct Containerd {
    /// Where it runs.
    pub sandbox: Sandbox,
    runtime: String,
    _daemon: Background,
}

/// An image archive, from a root file system: one layer, a configuration, a manifest.
const ARCHIVE: &str = r#"
tar --numeric-owner -C "$1" -cf layer.tar .
layer=$(sha256sum layer.tar | cut -d' ' -f1)
printf '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin:/sbin:/usr/bin:/usr/sbin"],"Cmd":["sleep","100000"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$layer" >config
config=$(sha256sum config | cut -d' ' -f1)
mv config "$config.json"
printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$config" "$2" >manifest.json
tar -cf image.tar manifest.json "$config.json" layer.tar
ctr images import image.tar
"#;

impl Containerd {
    /// The image's name.
    pub const IMAGE: &'static str = "localhost/base:latest";

    /// Starts one, without the CRI plugin.
    ///
    /// # Errors
    /// What the daemon said last, if it does not start.
    pub fn start(name: &str, view: View) -> Result<Self, String> {
        let config = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";
        Self::configured(Sandbox::new(name, view)?, config)
    }

    /// Starts one with this configuration, which may not have directories.
    ///
    /// # Errors
    /// As [`Containerd::start`].
    pub fn configured(sandbox: Sandbox, config: &str) -> Result<Self, String> {
        let work = sandbox.work.display();
        let config = format!("root = \"{work}/root\"\nstate = \"/run/containerd\"\n{config}");
        let path = sandbox.work.join("config.toml");
        std::fs::write(&path, config).map_err(|error| error.to_string())?;
        let command = format!("containerd --config {}", path.display());
        let asked = || sandbox.command("ctr", ["version"]).run().status.success();
        let daemon = sandbox.daemon("containerd", &command, asked)?;
        let script = format!("cd {}; {ARCHIVE}", sandbox.directory("image").display());
        let base = image("busybox");
        let import = sandbox.command("sh", ["-euc", &script, "sh"]).args([base.as_os_str()]);
        let import = import.args([Self::IMAGE]).env("CONTAINERD_NAMESPACE", &sandbox.tag);
        let run = import.run();
        if !run.status.success() {
            return Err(format!("import: {}{}", run.out, run.err));
        }
        let runtime = crate::runtime()?.display().to_string();
        Ok(Self { sandbox, runtime, _daemon: daemon })
    }

    /// `ctr` with arguments.
    pub fn ctr<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        // It is the first part of the control groups' names, too, where none is given.
        self.sandbox.command("ctr", args).env("CONTAINERD_NAMESPACE", &self.sandbox.tag)
    }

    /// `ctr run` on the runtime under test, with options as one types them.
    pub fn run(&self, options: &str, id: &str, command: &[&str]) -> Cmd {
        self.run_of(options, Self::IMAGE, id, command)
    }

    /// The same with another image or, with `--rootfs`, a directory.
    pub fn run_of(&self, options: &str, image: &str, id: &str, command: &[&str]) -> Cmd {
        let group = format!("/{}/{id}", self.sandbox.tag);
        let run = self.ctr(["run", "--runtime", "io.containerd.runc.v2", "--cgroup", &group]);
        let run = run.args(["--runc-binary", &self.runtime]).args(options.split_whitespace());
        run.args([image, id]).args(command)
    }

    /// `ctr run --rm OPTIONS ... sh -c SCRIPT` ends with 0 and writes exactly these lines.
    /// It stays a moment after them: ctr may lose what comes of a process that ends before ctr
    /// has opened its output.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn expect(&self, options: &str, script: &str, lines: &str) {
        let id = self.sandbox.name("t");
        let stays = format!("trap 'sleep 0.2' EXIT; {script}");
        let run = self.run(&format!("--rm {options}"), &id, &["sh", "-c", &stays]).run().code(0);
        assert_eq!(run.out.trim_end(), lines, "{options}: {script}");
    }

    /// Starts a container in the background; its id.
    ///
    /// # Panics
    /// If it does not start.
    #[track_caller]
    pub fn background(&self, options: &str, command: &[&str]) -> String {
        let id = self.sandbox.name("b");
        self.run(&format!("--detach --null-io {options}"), &id, command).run().code(0);
        id
    }

    /// Kills a container's task and deletes both.
    ///
    /// # Panics
    /// If containerd could not.
    #[track_caller]
    pub fn remove(&self, id: &str) {
        self.ctr(["tasks", "delete", "--force", id]).run();
        self.ctr(["containers", "delete", id]).run().code(0);
    }
}
