//! Podman, as root and as somebody else.

use std::ffi::OsStr;

use e2e::Cmd;

use crate::{Sandbox, View, image};

/// Whether Podman is told that the runtime writes its errors as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Json {
    /// It is.
    Told,
    /// It is not, and reads them as text.
    Untold,
}

/// Podman with storage of its own, the image [`Podman::IMAGE`] and the runtime under test.
#[derive(Debug)]
pub struct Podman {
    /// Where it runs.
    pub sandbox: Sandbox,
    rootless: bool,
}

/// The user that runs Podman without root, and the first of his 65536 subordinate ids.
const USER: &str = "54321";
const SUBORDINATE: &str = "700000";

impl Podman {
    /// The image's name.
    pub const IMAGE: &'static str = "localhost/base";

    /// As root.
    ///
    /// # Errors
    /// What Podman says when it cannot import the image.
    pub fn start(name: &str, view: View) -> Result<Self, String> {
        Self { sandbox: Sandbox::new(name, view)?, rootless: false }.prepared()
    }

    /// As an ordinary user.
    ///
    /// # Errors
    /// As [`Podman::start`].
    pub fn rootless(name: &str, view: View) -> Result<Self, String> {
        let sandbox = Sandbox::new(name, view)?;
        // /etc is the sandbox's own, and so is a mount over a device that not all may open.
        let work = sandbox.work.display();
        let script = format!(
            "echo rootless:x:{USER}:{USER}::$HOME:/bin/sh >>/etc/passwd; \
             echo rootless:x:{USER}: >>/etc/group; \
             for file in /etc/subuid /etc/subgid; do echo rootless:{SUBORDINATE}:65536 >$file; done; \
             for node in 'fuse 10 229' 'net/tun 10 200'; do \
                 set -- $node; [ -e /dev/$1 ] || continue; \
                 mknod -m 666 {work}/device-$3 c $2 $3; mount --bind {work}/device-$3 /dev/$1; \
             done; \
             mkdir -p /run/user/{USER}; chmod 700 /run/user/{USER}; \
             chown {USER}:{USER} $HOME /run/user/{USER}"
        );
        let run = sandbox.sh(&script).run();
        if !run.status.success() {
            return Err(run.err);
        }
        Self { sandbox, rootless: true }.prepared()
    }

    fn prepared(self) -> Result<Self, String> {
        let runtime = crate::runtime()?;
        for json in [Json::Told, Json::Untold] {
            // Root here may not be able to raise limits: Podman's defaults would do so. (In a
            // pod of Kubernetes, Podman takes soft ones for hard ones.)
            let text = format!(
                "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n\
                 [engine]\nruntime = \"under-test\"\ncgroup_manager = \"cgroupfs\"\n\
                 events_logger = \"file\"\n\
                 runtime_supports_json = [{}]\n[engine.runtimes]\nunder-test = [\"{}\"]\n",
                if json == Json::Told { "\"under-test\"" } else { "" },
                runtime.display(),
            );
            std::fs::write(self.config(json), text).map_err(|error| error.to_string())?;
        }
        let tar = self.sandbox.work.join("base.tar");
        let script = "tar --numeric-owner -C \"$1\" -cf \"$2\" .; chmod 644 \"$2\"";
        let make = self.sandbox.command("sh", ["-euc", script, "sh"]);
        let made = make.args([image("busybox").as_os_str(), tar.as_os_str()]).run();
        let import = self.cli([OsStr::new("import"), tar.as_os_str(), OsStr::new(Self::IMAGE)]);
        let run = if made.status.success() { import.run() } else { made };
        if run.status.success() { Ok(self) } else { Err(format!("import: {}", run.err)) }
    }

    fn config(&self, json: Json) -> std::path::PathBuf {
        let name = if json == Json::Told { "containers.conf" } else { "containers-text.conf" };
        self.sandbox.work.join(name)
    }

    /// `podman` with arguments.
    pub fn cli<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        self.cli_with(Json::Told, args)
    }

    /// The same, told or not of JSON errors.
    pub fn cli_with<S: AsRef<OsStr>>(&self, json: Json, args: impl IntoIterator<Item = S>) -> Cmd {
        let cmd = if self.rootless {
            let user = ["--reuid", USER, "--regid", USER, "--clear-groups", "podman"];
            self.sandbox.command("setpriv", user)
        } else {
            let (root, run) = (self.sandbox.work.join("storage"), self.sandbox.work.join("run"));
            let cmd = self.sandbox.command("podman", [OsStr::new("--root"), root.as_os_str()]);
            cmd.args([OsStr::new("--runroot"), run.as_os_str()])
        };
        let runtime_dir = format!("/run/user/{USER}");
        let cmd = cmd.env("CONTAINERS_CONF", self.config(json)).args(args).seconds(90);
        if self.rootless { cmd.env("XDG_RUNTIME_DIR", runtime_dir) } else { cmd }
    }

    /// Where control groups go, as `podman run` takes it.
    pub fn parent(&self) -> Vec<String> {
        // Without root there is none to put them in.
        let parent = || vec!["--cgroup-parent".to_owned(), format!("/{}", self.sandbox.tag)];
        if self.rootless { Vec::new() } else { parent() }
    }

    /// `podman run --rm OPTIONS IMAGE COMMAND`.
    pub fn run(&self, options: &str, command: &[&str]) -> Cmd {
        self.run_with(Json::Told, options, command)
    }

    /// The same, told or not of JSON errors.
    pub fn run_with(&self, json: Json, options: &str, command: &[&str]) -> Cmd {
        let run = self.cli_with(json, ["run", "--rm", "--pull=never"]).args(self.parent());
        run.args(options.split_whitespace()).args([Self::IMAGE]).args(command)
    }

    /// `podman run --rm OPTIONS IMAGE sh -c SCRIPT` ends with 0 and writes exactly these lines.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn expect(&self, options: &str, script: &str, lines: &str) {
        let run = self.run(options, &["sh", "-c", script]).run().code(0);
        assert_eq!(run.out.trim_end(), lines, "{options}: {script}");
    }

    /// `podman exec OPTIONS NAME sh -c SCRIPT`.
    pub fn exec(&self, options: &str, name: &str, script: &str) -> Cmd {
        let exec = self.cli(["exec"]).args(options.split_whitespace());
        exec.args([name, "sh", "-c", script])
    }

    /// Starts a container in the background; its name.
    ///
    /// # Panics
    /// If it does not start.
    #[track_caller]
    pub fn background(&self, options: &str, command: &[&str]) -> String {
        let name = self.sandbox.name("c");
        let run = self.cli(["run", "--detach", "--pull=never", "--name", &name]);
        let run = run.args(self.parent()).args(options.split_whitespace());
        run.args([Self::IMAGE]).args(command).run().code(0);
        name
    }

    /// One field of `podman inspect`.
    ///
    /// # Panics
    /// If there is no such container or field.
    #[track_caller]
    pub fn inspect(&self, name: &str, field: &str) -> String {
        let format = format!("{{{{{field}}}}}");
        let run = self.cli(["inspect", "--format", &format, name]).run().code(0);
        run.out.trim_end().to_owned()
    }

    /// Kills and removes containers.
    ///
    /// # Panics
    /// If Podman could not.
    #[track_caller]
    pub fn remove(&self, names: &[&str]) {
        self.cli(["rm", "--force", "--time", "0", "--volumes"]).args(names).run().code(0);
    }
}
