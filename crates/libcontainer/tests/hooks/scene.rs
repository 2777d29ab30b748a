//! A host with hooks that tell everything about themselves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use libcontainer::config::{Hook, Hooks};
use libcontainer::{Config, Container, ErrorKind, Process};

use crate::common::Place;

pub const KINDS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
pub const SETTLE: Duration = Duration::from_secs(5);

/// Tells everything about itself, in files of the directory $2 that begin with $1.
const RECORDER: &str = r#"#!/bin/sh
echo "$1" >>"$2/order"
cat >"$2/$1.state"
pwd -P >"$2/$1.cwd"
cat /proc/self/environ >"$2/$1.env"
ls /proc/self/fd >"$2/$1.fds"
for ns in mnt pid; do readlink /proc/self/ns/$ns; done >"$2/$1.ns"
cat /proc/self/status >"$2/$1.status"
echo "$0 $*" >"$2/$1.args"
test "$1" = "$3" && { echo "first line of $1" >&2; echo "$1 is unwilling" >&2; exit 4; }
exit 0
"#;

pub fn list<'a>(hooks: &'a mut Hooks, kind: &str) -> &'a mut Vec<Hook> {
    match kind {
        "prestart" => &mut hooks.prestart,
        "createRuntime" => &mut hooks.create_runtime,
        "createContainer" => &mut hooks.create_container,
        "startContainer" => &mut hooks.start_container,
        "poststart" => &mut hooks.poststart,
        "poststop" => &mut hooks.poststop,
        other => panic!("{other}"),
    }
}

/// A host with a recorder, and the container's own.
pub struct Scene {
    pub place: Place,
}

impl Scene {
    pub fn new() -> Option<Self> {
        let place = Place::new()?;
        let log = place.rootfs().join("log");
        fs::create_dir(&log).unwrap();
        fs::set_permissions(&log, fs::Permissions::from_mode(0o777)).unwrap();
        fs::set_permissions(place.dir(), fs::Permissions::from_mode(0o755)).unwrap();
        // The state root itself stays: only what is in it is a container's.
        fs::create_dir(place.state_root()).unwrap();
        for dir in [place.dir(), &place.rootfs()] {
            fs::write(dir.join("hook"), RECORDER).unwrap();
            fs::set_permissions(dir.join("hook"), fs::Permissions::from_mode(0o755)).unwrap();
        }
        Some(Self { place })
    }

    pub fn log(&self) -> PathBuf {
        self.place.rootfs().join("log")
    }

    pub fn said(&self, kind: &str, what: &str) -> String {
        let file = self.log().join(format!("{kind}.{what}"));
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// Who ran, in their order; forgotten then.
    pub fn order(&self) -> Vec<String> {
        let file = self.log().join("order");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        text.lines().map(str::to_owned).collect()
    }

    /// A recorder, which fails if its kind is `failing`.
    pub fn recorder(&self, kind: &str, failing: &str) -> Hook {
        let inside = kind == "startContainer";
        let (path, log) = match inside {
            true => (PathBuf::from("/hook"), PathBuf::from("/log")),
            false => (self.place.dir().join("hook"), self.log()),
        };
        Hook {
            path,
            args: ["zeroth", kind, log.to_str().unwrap(), failing].map(str::to_owned).to_vec(),
            env: vec!["PATH=/usr/bin:/bin".into(), format!("KIND={kind}")],
            timeout: None,
        }
    }

    /// All six kinds record, and `failing` fails.
    pub fn config(&self, name: &str, failing: &str) -> Config {
        let mut config = self.place.config(name);
        config.bundle = Some(self.place.dir().to_owned());
        config.annotations = [("org.example/key".to_owned(), "a value".to_owned())].into();
        for kind in KINDS {
            list(&mut config.hooks, kind).push(self.recorder(kind, failing));
        }
        config
    }

    pub fn create(&self, id: &str, config: Config) -> Container {
        self.place.factory().create(id, config).unwrap()
    }

    pub fn is_gone(&self, id: &str) -> bool {
        let factory = self.place.factory();
        let gone = factory.load(id).is_err_and(|error| *error.kind() == ErrorKind::NotFound);
        gone && factory.list().unwrap().is_empty()
    }
}

pub fn sleep() -> Process {
    Process::new(["sleep", "1000"]).silent()
}

pub fn shell(text: &str) -> Hook {
    let args = ["sh", "-c", text].map(str::to_owned).to_vec();
    Hook { path: "/bin/sh".into(), args, env: vec!["PATH=/usr/bin:/bin".into()], timeout: None }
}

pub fn end(container: &Container, child: &mut libcontainer::Child) {
    container.kill().unwrap();
    child.wait().unwrap();
}
