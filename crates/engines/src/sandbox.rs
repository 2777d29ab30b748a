//! A world that an engine has to itself.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use e2e::{Background, Cmd};

/// Which control groups an engine sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Those of this host.
    Host,
    /// Version 2 alone, without the controllers that version 1 holds.
    V2,
}

/// Namespaces, a directory and a name. `data/sandbox.sh` takes all of it apart when this
/// process ends, however it does.
#[derive(Debug)]
pub struct Sandbox {
    /// Part of the names of all control groups that are made in here.
    pub tag: String,
    /// Which control groups are seen.
    pub view: View,
    /// A directory of its own, on a disk; the same path inside and outside.
    pub work: PathBuf,
    init: String,
    number: AtomicU32,
    _life: ChildStdin,
}

/// What would lead an engine, or its client, elsewhere than to this sandbox.
const FOREIGN: [&str; 14] = [
    "CONTAINERD_ADDRESS",
    "CONTAINERD_NAMESPACE",
    "CONTAINERS_CONF",
    "CONTAINER_HOST",
    "DOCKER_BUILDKIT",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "BUILDAH_RUNTIME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

impl Sandbox {
    /// Makes one for the engine `name`.
    ///
    /// # Errors
    /// What the script says went wrong.
    pub fn new(name: &str, view: View) -> Result<Self, String> {
        let runtime = crate::runtime()?;
        let tag = format!("engines-{name}-{}", std::process::id());
        let work = Path::new("/tmp").join(&tag);
        std::fs::create_dir(&work).map_err(|error| format!("{}: {error}", work.display()))?;
        let mut child = Command::new("sh")
            .args(["-c", include_str!("../data/sandbox.sh"), "sandbox"])
            .arg(&tag)
            .arg(&work)
            .arg(if view == View::V2 { "v2" } else { "host" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("sh: {error}"))?;
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).map_err(|error| error.to_string())?;
        let init = line.trim().strip_prefix("init ").ok_or(format!("sandbox: {line}"))?;
        let life = child.stdin.take().unwrap();
        let init = init.to_owned();
        let new = Self { tag, view, work, init, number: AtomicU32::new(0), _life: life };
        for directory in ["bin", "home"] {
            std::fs::create_dir(new.work.join(directory)).map_err(|error| error.to_string())?;
        }
        // Engines that know their runtime by the name runc only find ours.
        std::os::unix::fs::symlink(runtime, new.work.join("bin/runc"))
            .map_err(|error| error.to_string())?;
        Ok(new)
    }

    /// A command that runs in here; it has 60 seconds.
    pub fn command<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = S>,
    ) -> Cmd {
        let enter = ["--target", &self.init, "--mount", "--net", "--pid", "--ipc", "--uts", "--"];
        let mut path = self.work.join("bin").into_os_string();
        // Where it is missing, tests that need it skip.
        if let Ok(criu) = e2e::criu() {
            path.push(":");
            path.push(criu);
        }
        path.push(":/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin");
        let mut cmd = Cmd::new("nsenter", enter).args([program]).args(args).seconds(60);
        for name in FOREIGN {
            cmd = cmd.without_env(name);
        }
        cmd.env("PATH", path).env("HOME", self.work.join("home"))
    }

    /// A shell script that runs in here.
    pub fn sh(&self, script: &str) -> Cmd {
        self.command("sh", ["-euc", script])
    }

    /// A name that nothing else in here has.
    pub fn name(&self, what: &str) -> String {
        format!("{what}-{}", self.number.fetch_add(1, Ordering::Relaxed))
    }

    /// An empty directory of this name, or one like it.
    ///
    /// # Panics
    /// If it cannot be made.
    #[track_caller]
    pub fn directory(&self, what: &str) -> PathBuf {
        let path = self.work.join(self.name(what));
        std::fs::create_dir(&path).unwrap();
        path
    }

    /// Starts a daemon whose output goes to `NAME.log`, and looks until `ready` is so.
    ///
    /// # Errors
    /// The end of its log when it ends or has not become ready after 60 seconds.
    pub fn daemon(
        &self,
        name: &str,
        command: &str,
        ready: impl Fn() -> bool,
    ) -> Result<Background, String> {
        let log = self.work.join(format!("{name}.log"));
        let script = format!("exec {command} >{} 2>&1", log.display());
        // A day: it is ended with the sandbox.
        // containerd forgets the images of each restore where temporary files go.
        let daemon = self.command("sh", ["-c", &script]).env("TMPDIR", &self.work);
        let mut daemon = daemon.seconds(86_400).start();
        let end = Instant::now() + Duration::from_secs(60);
        while !ready() {
            if daemon.ended() || Instant::now() > end {
                let text = std::fs::read_to_string(&log).unwrap_or_default();
                let lines: Vec<_> = text.lines().collect();
                let last = lines[lines.len().saturating_sub(15)..].join("\n");
                return Err(format!("{name} does not start: {command}\n{last}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(daemon)
    }
}
