//! A world of its own for each test, in which nobody else does anything.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};

use crate::snapshot::Snapshot;
use crate::{Cmd, cgroups, command, skip, trace};

/// Which control groups are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Those of this host; on the development machines version 1 beside an empty version 2.
    Host,
    /// Version 2 alone, without the controllers that version 1 holds.
    V2,
}

/// PID, mount and network namespaces in which a test is alone, as root: it sees its own processes
/// and interfaces only (`lo` is up), its mounts are shared as systemd has them, /run is fresh and
/// thereby the default state root, and all ends with it. Control groups are the host's.
///
/// PID 1 in here is the test itself; it reaps what is orphaned, as an init does.
#[derive(Debug)]
pub struct World {
    /// Which control groups are seen.
    pub view: View,
    /// A name that no other test uses, part of the names of all root file systems.
    pub tag: String,
    scratch: PathBuf,
    number: AtomicU32,
}

const VIEW: &str = "E2E_VIEW";
const TAG: &str = "E2E_TAG";
/// What a test tells the scripts that run it, as whole lines.
const TOLD: [&str; 3] = ["SKIP: ", "NOTE: ", "MATRIX: "];
/// More than any test may take, in seconds; $SOAK and $E2E_WHOLE ask for longer ones.
fn limit() -> String {
    let soak = std::env::var("SOAK").ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let whole = if trace::whole() { 7200 } else { 0 };
    crate::seconds(170 + 3 * soak + whole).as_secs().to_string()
}

/// Runs the test in a world with the host's control groups, then in one with the v2 view; once
/// where the host has version 2 alone.
///
/// # Panics
/// If the body does, or is not written straight in the test's function.
#[track_caller]
pub fn each_view<F: Fn(&World)>(body: F) {
    if on_version_2() {
        return views(&[View::V2], body);
    }
    views(&[View::Host, View::V2], body);
}

/// Runs the test with the host's control groups only.
///
/// # Panics
/// As [`each_view`].
#[track_caller]
pub fn on_this_host<F: Fn(&World)>(body: F) {
    views(&[View::Host], body);
}

/// Runs the test in the v2 view only.
///
/// # Panics
/// As [`each_view`].
#[track_caller]
pub fn v2_only<F: Fn(&World)>(body: F) {
    views(&[View::V2], body);
}

/// Whether this process is the one that a test was run again in.
pub fn is_in_a_world() -> bool {
    std::env::var_os(VIEW).is_some()
}

/// Whether this host has version 2 alone.
fn on_version_2() -> bool {
    cgroups::hierarchies().iter().all(|one| one.unified)
}

#[track_caller]
fn views<F: Fn(&World)>(views: &[View], body: F) {
    if let Some(world) = World::inside() {
        return body(&world);
    }
    if !rustix::process::geteuid().is_root() {
        return skip("containers and their mounts need root");
    }
    // "crate::module::test::{{closure}}"
    let name = std::any::type_name::<F>();
    let test = name.trim_end_matches("::{{closure}}");
    assert_ne!(name, test, "the body is a closure of the test");
    let name = test.split_once("::").unwrap().1;
    for &view in views {
        start(name, view);
    }
}

/// Runs the test `name` again, inside.
#[track_caller]
fn start(name: &str, view: View) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let tag = format!("e2e{}x{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let scratch = Path::new("/tmp").join(&tag);
    std::fs::create_dir(&scratch).unwrap();
    let output = Command::new("timeout")
        .args(["--signal=KILL", &limit(), "unshare", "--mount", "--pid", "--net", "--fork"])
        .args(["--kill-child=KILL", "--mount-proc", "--propagation=private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(VIEW, if view == View::V2 { "v2" } else { "host" })
        .env(TAG, &tag)
        .env("RUST_BACKTRACE", "0")
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let left = cgroups::remove(&tag);
    cgroups::forget_seldom_ones();
    std::fs::remove_dir(&scratch).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    for line in text.lines() {
        // libtest's own "test NAME ... " may stand before it.
        if let Some(at) = TOLD.iter().find_map(|word| line.find(word)) {
            println!("{}", &line[at..]);
        }
    }
    let good = output.status.success() && text.contains("1 passed");
    assert!(good, "in the view {view:?}, {}:\n{text}\n{errors}", output.status);
    assert!(left.is_empty(), "in the view {view:?}, control groups are left: {left:?}");
}

impl Drop for World {
    /// A test that fails may leave a container frozen, which no signal would end, not even the
    /// end of its PID namespace.
    fn drop(&mut self) {
        cgroups::thaw(&self.tag);
    }
}

impl World {
    /// The world that this process is in, if it is in one.
    fn inside() -> Option<Self> {
        let view = if std::env::var(VIEW).ok()? == "v2" { View::V2 } else { View::Host };
        let tag = std::env::var(TAG).unwrap();
        let none = MountFlags::empty();
        mount("tmpfs", "/run", "tmpfs", none, c"mode=755").unwrap();
        let scratch = Path::new("/tmp").join(&tag);
        mount("tmpfs", &scratch, "tmpfs", none, c"mode=755").unwrap();
        // (The same on top of itself is refused with EBUSY.)
        if view == View::V2 && !on_version_2() {
            mount("none", "/sys/fs/cgroup", "cgroup2", none, None).unwrap();
        }
        let shared = MountPropagationFlags::SHARED | MountPropagationFlags::REC;
        mount_change("/", shared).unwrap();
        command::reap_orphans();
        Cmd::new("ip", ["link", "set", "lo", "up"]).run().success();
        Some(Self { view, tag, scratch, number: AtomicU32::new(0) })
    }

    /// A directory of the world's own, on a tmpfs.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// A path in [`World::scratch`] that nothing is at.
    pub fn path(&self, name: &str) -> PathBuf {
        let number = self.next();
        self.scratch.join(format!("{name}-{}-{number}", self.tag))
    }

    /// A number that this world has not used yet.
    pub(crate) fn next(&self) -> u32 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    /// Where this is, for [`crate::cell`].
    pub fn place(&self) -> &'static str {
        let v1 = || std::fs::read_to_string("/proc/self/cgroup").unwrap().lines().count() > 1;
        match self.view {
            View::V2 if v1() => "v2 view",
            View::Host if v1() => "v1",
            _ => "v2 files",
        }
    }

    /// What the host has, to be compared with later.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::take(self)
    }
}
