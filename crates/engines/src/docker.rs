//! Docker.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use e2e::{Background, Cmd};

use crate::{Sandbox, View, image};

/// A daemon of its own, whose only runtime is the one under test, with the image `busybox`.
#[derive(Debug)]
pub struct Docker {
    /// Where it runs.
    pub sandbox: Sandbox,
    socket: PathBuf,
    command: String,
    daemon: Background,
}

impl Docker {
    /// Starts one.
    ///
    /// # Errors
    /// What the daemon said last, if it does not start.
    pub fn start(name: &str, view: View) -> Result<Self, String> {
        // `docker checkpoint` is one.
        Self::start_in(Sandbox::new(name, view)?, r#"{"experimental": true}"#, UNDER_TEST)
    }

    /// Starts one whose daemon.json names the runtimes.
    ///
    /// # Errors
    /// As [`Docker::start`].
    pub fn configured(name: &str, view: View, json: &str) -> Result<Self, String> {
        Self::start_in(Sandbox::new(name, view)?, json, "")
    }

    /// Starts one whose containers have a user namespace with 65536 ids from 300000 on.
    ///
    /// # Errors
    /// As [`Docker::start`].
    pub fn remapped(name: &str, view: View) -> Result<Self, String> {
        let sandbox = Sandbox::new(name, view)?;
        // /etc is the sandbox's own.
        let script = "echo remap:x:299999:299999::/:/bin/false >>/etc/passwd; \
                      echo remap:x:299999: >>/etc/group; \
                      for file in /etc/subuid /etc/subgid; do echo remap:300000:65536 >$file; done";
        let run = sandbox.sh(script).run();
        if !run.status.success() {
            return Err(run.err);
        }
        Self::start_in(sandbox, "{}", &format!("--userns-remap remap {UNDER_TEST}"))
    }

    fn start_in(sandbox: Sandbox, json: &str, options: &str) -> Result<Self, String> {
        let work = sandbox.work.display();
        let socket = sandbox.work.join("docker.sock");
        std::fs::write(sandbox.work.join("daemon.json"), json)
            .map_err(|error| error.to_string())?;
        let command = format!(
            "dockerd --config-file {work}/daemon.json --data-root {work}/data \
             --host unix://{} --storage-driver overlay2 --cgroup-parent /{} \
             --exec-opt native.cgroupdriver=cgroupfs --shutdown-timeout 1 \
             {}",
            socket.display(),
            sandbox.tag,
            options
                .replace("RUNTIME", &crate::runtime()?.display().to_string())
                .replace("WORK", &work.to_string()),
        );
        lesser(&sandbox)?;
        let daemon = started(&sandbox, &socket, &command)?;
        let new = Self { sandbox, socket, command, daemon };
        new.import("busybox")?;
        Ok(new)
    }

    /// Where the daemon is spoken to, the same path inside the sandbox and outside.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Ends the daemon by a signal, `KILL` for instance, and starts it again.
    ///
    /// # Errors
    /// As [`Docker::start`].
    pub fn again(&mut self, signal: &str) -> Result<(), String> {
        self.sandbox.sh(&format!("kill -{signal} $(cat /run/docker.pid)")).run().code(0);
        e2e::until("dockerd's end", || self.daemon.ended());
        self.daemon = started(&self.sandbox, &self.socket, &self.command)?;
        Ok(())
    }

    /// Makes an image of one of scripts/images' root file systems.
    ///
    /// # Errors
    /// What Docker says.
    pub fn import(&self, name: &str) -> Result<(), String> {
        let script = format!(
            "tar --numeric-owner -C {} -c . | docker --host unix://{} import - {name}",
            image(name).display(),
            self.socket.display()
        );
        let run = self.sandbox.sh(&script).seconds(120).run();
        if run.status.success() { Ok(()) } else { Err(format!("import of {name}: {}", run.err)) }
    }

    /// `docker` with arguments.
    pub fn cli<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        client(&self.sandbox, &self.socket, args)
    }

    /// `docker run --rm` with options, image and command, as one types them.
    pub fn run(&self, words: &str) -> Cmd {
        self.cli(["run", "--rm"]).args(words.split_whitespace())
    }

    /// `docker run --rm OPTIONS busybox sh -c SCRIPT`.
    pub fn sh(&self, options: &str, script: &str) -> Cmd {
        self.run(options).args(["busybox", "sh", "-c", script])
    }

    /// `docker run --rm OPTIONS busybox sh -c SCRIPT` ends with 0 and writes exactly these lines.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn expect(&self, options: &str, script: &str, lines: &str) {
        let run = self.sh(options, script).run().code(0);
        assert_eq!(run.out.trim_end(), lines, "{options}: {script}");
    }

    /// `docker exec OPTIONS NAME sh -c SCRIPT`.
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
        let run = self.cli(["run", "--detach", "--name", &name]).args(options.split_whitespace());
        run.args(["busybox"]).args(command).run().code(0);
        name
    }

    /// What asks for all privileges: --privileged, and where this machine's root itself lacks
    /// one, the runtime behind a script that strikes it out.
    pub fn privileged(&self) -> &'static str {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let bounds = status.lines().find_map(|line| line.strip_prefix("CapBnd:\t"));
        let bounds = bounds.and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or(0);
        let whole = bounds & SYS_RESOURCE != 0;
        if whole { "--privileged" } else { "--runtime lesser --privileged" }
    }

    /// One field of `docker inspect`.
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
    /// If Docker could not.
    #[track_caller]
    pub fn remove(&self, names: &[&str]) {
        self.cli(["rm", "--force", "--volumes"]).args(names).run().code(0);
    }
}

fn started(sandbox: &Sandbox, socket: &Path, command: &str) -> Result<Background, String> {
    let asked = || client(sandbox, socket, ["version"]).run().status.success();
    sandbox.daemon("dockerd", command, asked)
}

/// The daemon's runtimes.
const UNDER_TEST: &str = "--add-runtime under-test=RUNTIME --add-runtime lesser=WORK/lesser \
                          --default-runtime under-test";

const SYS_RESOURCE: u64 = 1 << 24;

/// Makes the script of [`Docker::privileged`].
fn lesser(sandbox: &Sandbox) -> Result<(), String> {
    let script = format!(
        r#"#!/bin/sh
file= last=
for word; do
    case $last in
        --bundle) file=$word/config.json ;;
        --process) file=$word ;;
    esac
    last=$word
done
[ -z "$file" ] || sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g' "$file"
exec {} "$@"
"#,
        crate::runtime()?.display()
    );
    let path = sandbox.work.join("lesser");
    std::fs::write(&path, script).map_err(|error| error.to_string())?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(path, mode).map_err(|error| error.to_string())
}

fn client<S: AsRef<OsStr>>(
    sandbox: &Sandbox,
    socket: &Path,
    args: impl IntoIterator<Item = S>,
) -> Cmd {
    let host = format!("unix://{}", socket.display());
    // The one that was installed with the daemon: another in PATH may be of another age.
    sandbox.command("/usr/bin/docker", ["--host", &host]).args(args)
}
