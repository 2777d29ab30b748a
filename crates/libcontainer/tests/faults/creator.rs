//! The creating process.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use libcontainer::config::{Hook, Hooks, IdMap, Namespace, NamespaceKind, Network, Veth};
use libcontainer::{Config, Process, Result};

use super::world::{BRIDGE, ID};
use super::{Scenario, devices};
use crate::common::{Place, v2_view};

/// The system call that tells the library's calls from those before: access(2) of this.
pub const MARK: &str = "/lct-mark";

/// In the environment of a creator whose init shall be traced: strace's arguments.
pub const TRACE_INIT: &str = "LIBCONTAINER_TEST_TRACE_INIT";

/// Whether this process has been started to be one.
pub fn is_creator() -> bool {
    std::env::args().nth(1).as_deref() == Some("creator")
}

/// `creator SCENARIO PLACE`: 0 when all went well, 1 and the error where the library refused.
pub fn creator() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let (scenario, place) = (Scenario::of_name(&args[2]), Place::existing(&args[3]));
    let _ = rustix::fs::access(MARK, rustix::fs::Access::EXISTS);
    match act(scenario, &place) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::from(1)
        }
    }
}

fn act(scenario: Scenario, place: &Place) -> Result<()> {
    let sleep = Process::new(["sleep", "1000"]).silent();
    let factory = place.factory();
    match scenario {
        Scenario::Run
        | Scenario::UserNamespace
        | Scenario::Bare
        | Scenario::Devices
        | Scenario::Hooks => {
            factory.create(ID, config(scenario, place))?.run(sleep)?;
        }
        Scenario::Held => {
            factory.create(ID, config(scenario, place))?.start(sleep)?;
        }
        Scenario::Release => factory.load(ID)?.release()?,
        Scenario::Exec => {
            factory.load(ID)?.exec(sleep)?;
        }
        Scenario::Destroy => {
            let container = factory.load(ID)?;
            container.kill()?;
            container.destroy()?;
        }
    }
    Ok(())
}

/// Everything that leaves traces on a host.
pub fn config(scenario: Scenario, place: &Place) -> Config {
    let mut config = place.config("one/two");
    config.networks.push(Network::Veth(Veth {
        name: "eth0".into(),
        bridge: BRIDGE.into(),
        addresses: vec![("10.99.0.2".parse().unwrap(), 24)],
        gateways: vec!["10.99.0.1".parse().unwrap()],
        ..Veth::default()
    }));
    if !v2_view() {
        config.resources.memory.limit = Some(64 << 20);
        config.resources.pids = Some(100);
        config.resources.cpu.shares = Some(512);
    }
    if scenario == Scenario::UserNamespace {
        config.namespaces.push(Namespace { kind: NamespaceKind::User, path: None });
        let map = IdMap { container_id: 0, host_id: 100_000, size: 65_536 };
        (config.uid_mappings, config.gid_mappings) = (vec![map], vec![map]);
    }
    if scenario == Scenario::Bare {
        config.cgroup = None;
        config.resources = Default::default();
    }
    if scenario == Scenario::Devices {
        devices::configure(&mut config, place);
    }
    if matches!(scenario, Scenario::Hooks | Scenario::Release | Scenario::Destroy) {
        config.bundle = Some(place.dir().to_owned());
        config.hooks = hooks(place);
    }
    config
}

/// Two of each kind; of the kind that the file `slow` of the root names, the second writes the
/// file `amid` and does not end, as long as the former is there.
fn hooks(place: &Place) -> Hooks {
    let slow = std::fs::read_to_string(place.rootfs().join("slow")).unwrap_or_default();
    let hooks = |kind: &str| {
        let root = if kind == "startContainer" { PathBuf::from("/") } else { place.rootfs() };
        let text = match slow == kind {
            true => format!(
                "cd {}; test -e slow || exit 0; echo > amid; exec sleep 1000",
                root.display()
            ),
            false => "exit 0".to_owned(),
        };
        let args = ["sh", "-c", &text].map(str::to_owned).to_vec();
        let env = vec!["PATH=/usr/bin:/bin".to_owned()];
        let quick = Hook { path: "/bin/true".into(), ..Hook::default() };
        vec![quick, Hook { path: "/bin/sh".into(), args, env, timeout: None }]
    };
    Hooks {
        prestart: hooks("prestart"),
        create_runtime: hooks("createRuntime"),
        create_container: hooks("createContainer"),
        start_container: hooks("startContainer"),
        poststart: hooks("poststart"),
        poststop: hooks("poststop"),
    }
}

/// Called first in `main`, before `libcontainer::init()`: an init whose creator wants it traced
/// attaches strace to itself, so that calls are counted from here.
#[allow(clippy::zombie_processes)] // strace outlives this process.
pub fn trace_init() {
    let arg0 = std::env::args().next();
    if arg0.as_deref() != Some("libcontainer-init") {
        return;
    }
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    let environ = std::fs::read(format!("/proc/{parent}/environ")).unwrap_or_default();
    let wanted = environ.split(|byte| *byte == 0).find_map(|variable| {
        std::str::from_utf8(variable).ok()?.strip_prefix(TRACE_INIT)?.strip_prefix('=')
    });
    let Some(wanted) = wanted else { return };
    let strace = ["/usr/bin/strace", "/bin/strace"].into_iter().find(|it| Path::new(it).exists());
    // Of our descriptors strace gets none: the socket's end must be seen.
    sys::close::cloexec_from(3).unwrap();
    let mut strace = Command::new(strace.unwrap())
        .args(["-f", "-p", &std::process::id().to_string()])
        .args(wanted.split(' '))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while std::fs::read_to_string("/proc/self/status").unwrap().contains("TracerPid:\t0\n") {
        assert_eq!(strace.try_wait().unwrap(), None);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    // A tracer sees nothing before it has stopped its tracee, a moment later.
    for _ in 0..10 {
        let _ = rustix::fs::access(MARK, rustix::fs::Access::EXISTS);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
