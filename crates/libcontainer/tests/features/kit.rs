//! What the feature tests share: containers that end with the test, and the probe's words.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use libcontainer::config::{Namespace, NamespaceKind, ProcessSpec};
use libcontainer::{Child, Config, Container, Error, ErrorKind, Process, Stdio};

use crate::common::{self, Place};

/// A place with the probe at /bin/probe.
pub fn place() -> Option<Place> {
    let place = Place::new()?;
    std::fs::copy(probe(), place.rootfs().join("bin/probe")).unwrap();
    Some(place)
}

/// The probe: of PROBE, or else of this build.
fn probe() -> &'static PathBuf {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    PROBE.get_or_init(|| {
        if let Some(path) = std::env::var_os("PROBE").map(PathBuf::from)
            && path.is_file()
        {
            return path;
        }
        let path = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("probe");
        // In the version 2 view it has been made by the process that started this one.
        if !common::v2_view() {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let built = Command::new(cargo)
                .args(["build", "-p", "probe"])
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .output()
                .unwrap();
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        }
        path
    })
}

/// A container whose init does nothing; it ends and goes when this is dropped.
pub struct Running {
    pub container: Container,
    pub init: Child,
}

impl Running {
    #[track_caller]
    pub fn new(place: &Place, id: &str, config: Config) -> Self {
        Self::with(place, id, config, Process::new(["/bin/probe", "sleep", "1000"]).silent())
    }

    #[track_caller]
    pub fn with(place: &Place, id: &str, config: Config, process: Process) -> Self {
        match Self::try_with(place, id, config, process) {
            Ok(running) => running,
            Err(error) => panic!("{error}"),
        }
    }

    pub fn try_new(place: &Place, id: &str, config: Config) -> Result<Self, Error> {
        Self::try_with(place, id, config, Process::new(["/bin/probe", "sleep", "1000"]).silent())
    }

    /// What a refused start leaves is only the record, which goes too.
    pub fn try_with(
        place: &Place,
        id: &str,
        config: Config,
        process: Process,
    ) -> Result<Self, Error> {
        let container = place.factory().create(id, config)?;
        match container.run(process) {
            Ok(init) => Ok(Self { container, init }),
            Err(error) => {
                container.destroy().unwrap();
                Err(error)
            }
        }
    }

    /// What a further process says, and its exit code.
    #[track_caller]
    pub fn exec(&self, args: &[&str]) -> (String, i32) {
        common::output(args, |process| self.container.exec(process))
    }

    /// What a further process says; it must end with 0.
    #[track_caller]
    pub fn say(&self, args: &[&str]) -> String {
        let (text, code) = self.exec(args);
        assert_eq!(code, 0, "{args:?}: {text}");
        text
    }

    #[track_caller]
    pub fn facts(&self) -> Facts {
        Facts::new(&self.say(&["/bin/probe", "status"]))
    }

    /// Without a further process: where the namespace is, as its file in /proc has it.
    pub fn namespace(&self, kind: NamespaceKind) -> String {
        namespace_of(self.init.pid(), kind)
    }

    pub fn namespace_path(&self, kind: NamespaceKind) -> PathBuf {
        format!("/proc/{}/ns/{}", self.init.pid(), kind.proc_name()).into()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let ended = self.container.kill().and_then(|()| {
            self.init.wait()?;
            self.container.destroy()
        });
        if !std::thread::panicking() {
            ended.unwrap();
        }
    }
}

pub fn namespace_of(pid: i32, kind: NamespaceKind) -> String {
    let link = std::fs::read_link(format!("/proc/{pid}/ns/{}", kind.proc_name())).unwrap();
    link.to_string_lossy().into_owned()
}

/// Runs a container with this process as its init; what it says and how it ends.
#[track_caller]
pub fn once(place: &Place, id: &str, config: Config, args: &[&str]) -> (String, i32) {
    once_with(place, id, config, Process::new(args.iter().copied()))
}

#[track_caller]
pub fn once_with(place: &Place, id: &str, config: Config, process: Process) -> (String, i32) {
    match try_once(place, id, config, process) {
        Ok(said) => said,
        Err(error) => panic!("{error}"),
    }
}

pub fn try_once(
    place: &Place,
    id: &str,
    config: Config,
    mut process: Process,
) -> Result<(String, i32), Error> {
    process.stdin = Stdio::Null;
    process.stdout = Stdio::Pipe;
    let mut running = Running::try_with(place, id, config, process)?;
    Ok(rest(&mut running.init))
}

/// What a process says until it ends, and its exit code, -SIGNAL where a signal ended it.
#[track_caller]
pub fn rest(child: &mut Child) -> (String, i32) {
    let mut bytes = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
    let status = child.wait().unwrap();
    let code = status.code().unwrap_or_else(|| -status.signal().unwrap());
    (String::from_utf8_lossy(&bytes).into_owned(), code)
}

/// The facts of a container's first process.
#[track_caller]
pub fn facts(place: &Place, id: &str, config: Config) -> Facts {
    let (text, code) = once(place, id, config, &["/bin/probe", "status"]);
    assert_eq!(code, 0, "{text}");
    Facts::new(&text)
}

/// The facts of a first process that is like this.
#[track_caller]
pub fn facts_of(place: &Place, config: Config, spec: ProcessSpec) -> Facts {
    let process = Process { spec, ..Process::new(["/bin/probe", "status"]) };
    let args = ["/bin/probe", "status"].map(str::to_owned).to_vec();
    let process = Process { spec: ProcessSpec { args, ..process.spec }, ..Process::default() };
    let (text, code) = once_with(place, "facts", config, process);
    assert_eq!(code, 0, "{text}");
    Facts::new(&text)
}

/// Why a container is not made or not started.
#[track_caller]
pub fn refusal(place: &Place, config: Config) -> Error {
    refusal_of(place, config, Process::new(["/bin/probe", "sleep", "1000"]).silent())
}

#[track_caller]
pub fn refusal_of(place: &Place, config: Config, process: Process) -> Error {
    match Running::try_with(place, "refused", config, process) {
        Ok(_) => panic!("it was started"),
        Err(error) => {
            assert!(place.factory().list().unwrap().is_empty(), "a record is left: {error}");
            let text = error.to_string();
            assert!(!text.contains('\n'), "{text}");
            assert!(text.len() < 2000, "{} bytes: {:.200}", text.len(), text);
            error
        }
    }
}

/// The field that an invalid configuration's error names.
#[track_caller]
pub fn field(error: &Error) -> String {
    match error.kind() {
        ErrorKind::InvalidConfig { field } => field.clone(),
        other => panic!("{other:?}: {error}"),
    }
}

/// What `probe status` says: lines of `key value`.
#[derive(Debug)]
pub struct Facts(Vec<(String, String)>);

impl Facts {
    pub fn new(text: &str) -> Self {
        let pair = |line: &str| {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            (key.to_owned(), value.to_owned())
        };
        Self(text.lines().map(pair).collect())
    }

    #[track_caller]
    pub fn get(&self, key: &str) -> &str {
        match self.0.iter().find(|(known, _)| known == key) {
            Some((_, value)) => value,
            None => panic!("no {key} in {self:?}"),
        }
    }

    pub fn all(&self, key: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == key).map(|(_, value)| value.as_str()).collect()
    }
}

/// A new namespace of this kind, in place of whatever was listed.
pub fn own(config: &mut Config, kind: NamespaceKind) {
    host(config, kind);
    config.namespaces.push(Namespace { kind, path: None });
}

/// The host's namespace of this kind.
pub fn host(config: &mut Config, kind: NamespaceKind) {
    config.namespaces.retain(|namespace| namespace.kind != kind);
}

/// The one at this path.
pub fn join(config: &mut Config, kind: NamespaceKind, path: impl Into<PathBuf>) {
    host(config, kind);
    config.namespaces.push(Namespace { kind, path: Some(path.into()) });
}
