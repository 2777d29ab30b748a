//! What the kernel tests share: groups that clean up after themselves, a child that does things
//! when told to, and the version 2 view.
#![allow(dead_code)] // Each test file uses a part.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use cgroups::{Host, Manager, Mode};
use rustix::process::{Pid, Signal};

const VIEW: &str = "CGROUPS_TEST_VIEW";
const ACTION: &str = "CGROUPS_TEST_ACTION";

/// A group of its own for one test, removed when dropped.
pub struct Group(Manager);

impl Deref for Group {
    type Target = Manager;

    fn deref(&self) -> &Manager {
        &self.0
    }
}

pub fn host() -> Host {
    Host::detect().unwrap()
}

pub fn group(name: &str) -> Group {
    let path = format!("cgroups-test-{}/{name}", std::process::id());
    let group = Group(Manager::new(&host(), Path::new(&path)).unwrap());
    group.create().unwrap();
    group
}

impl Group {
    /// A group in version 1 alone; none where the host has none.
    pub fn v1_only(name: &str) -> Option<Self> {
        Self::where_key(name, |key| !key.is_empty())
    }

    /// A group in the version 2 tree alone; none where the host has none.
    pub fn v2_only(name: &str) -> Option<Self> {
        Self::where_key(name, str::is_empty)
    }

    fn where_key(name: &str, wanted: impl Fn(&str) -> bool) -> Option<Self> {
        let path = format!("cgroups-test-{}/{name}", std::process::id());
        let mut paths = Manager::new(&host(), Path::new(&path)).unwrap().paths().clone();
        paths.retain(|key, _| wanted(key));
        if paths.is_empty() {
            println!("SKIP: this view has no such version");
            return None;
        }
        let group = Self(Manager::from_paths(paths).unwrap());
        group.create().unwrap();
        Some(group)
    }

    /// The directory of a controller in whichever version has it.
    pub fn dir(&self, controller: &str) -> PathBuf {
        let paths = self.paths();
        paths.get(controller).or_else(|| paths.get("")).unwrap().clone()
    }

    pub fn read(&self, controller: &str, file: &str) -> String {
        std::fs::read_to_string(self.dir(controller).join(file)).unwrap().trim().to_owned()
    }

    pub fn is_v2(&self) -> bool {
        host().mode == Mode::V2
    }

    /// Starts this very test program in the group, doing `action` once it is told to.
    pub fn child(&self, action: &str) -> Helper {
        let helper = spawn(action);
        self.attach(helper.pid()).unwrap();
        self.attach_v2(helper.pid()).unwrap();
        helper
    }
}

/// Starts this very test program in no group of its own, doing `action` once it is told to.
pub fn spawn(action: &str) -> Helper {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["helper", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(ACTION, action)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    Helper { child, stdin: Some(stdin), stdout }
}

/// Writes and reads more of the page cache than a small group may have, again and again.
pub fn thrash(milliseconds: u64) {
    let path = std::env::temp_dir().join(format!("cgroups-test-thrash-{}", std::process::id()));
    let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let end = Instant::now() + Duration::from_millis(milliseconds);
    while Instant::now() < end {
        file.rewind().unwrap();
        for _ in 0..16 {
            file.write_all(&vec![2_u8; 4 << 20]).unwrap();
        }
        file.sync_all().unwrap();
        file.rewind().unwrap();
        std::io::copy(&mut file, &mut std::io::sink()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.0.thaw();
        let _ = self.0.kill(Signal::KILL);
        let _ = self.0.wait_empty(Duration::from_secs(5));
        let destroyed = self.0.destroy().and_then(|()| self.0.prune(3));
        if !std::thread::panicking() {
            destroyed.unwrap();
            for dir in self.0.paths().values() {
                assert!(!dir.exists(), "{} is left", dir.display());
            }
        }
    }
}

/// A child in a group.
pub struct Helper {
    pub child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Helper {
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Lets it do its action, which it may repeat.
    pub fn go(&mut self) {
        let _ = self.stdin.as_mut().unwrap().write_all(b"\n");
    }

    /// The next thing it says about its action; empty where it has ended.
    pub fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            if self.stdout.read_line(&mut line).unwrap() == 0 {
                return String::new();
            }
            if let Some((_, answer)) = line.split_once("ANSWER ") {
                return answer.trim().to_owned();
            }
        }
    }

    pub fn ask(&mut self) -> String {
        self.go();
        self.answer()
    }

    /// Ends it by closing its standard input.
    pub fn end(mut self) -> ExitStatus {
        self.stdin = None;
        self.child.wait().unwrap()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The child's side: to be called by the ignored test `helper` of each file. `act` gets the
/// words of the action.
pub fn serve(act: fn(&[&str]) -> String) {
    let Ok(action) = std::env::var(ACTION) else { return };
    let words: Vec<&str> = action.split(' ').collect();
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line).unwrap() > 0 {
        println!("ANSWER {}", act(&words));
    }
}

/// Runs all tests of this file once more where /sys/fs/cgroup is the version 2 tree alone.
pub fn again_in_the_v2_view() {
    again_in("mount -t cgroup2 none /sys/fs/cgroup");
}

/// Whether this is the run in a view already.
pub fn in_view() -> bool {
    std::env::var_os(VIEW).is_some()
}

/// The same in a private mount namespace where `mounts` has been done.
pub fn again_in(mounts: &str) {
    // A host with version 2 alone has run them all in it.
    if in_view() || host().mode == Mode::V2 {
        return;
    }
    let script = format!("{mounts} && exec \"$0\" --nocapture");
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(VIEW, "2")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for line in text.lines() {
        if line.contains("SKIP: ") {
            println!("in the view: {line}");
        }
        if let Some(at) = line.find("MATRIX: ") {
            println!("{}", &line[at..]);
        }
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "in the view:\n{text}\n{errors}");
}

/// Tells the table of docs/testing.md that something works here, with plain files.
pub fn seen(what: &str) {
    println!("MATRIX: {} | {what} | ok", place());
}

/// Tells the table what the kernel cannot do here.
pub fn unseen(what: &str, why: &str) {
    println!("MATRIX: {} | {what} | none: {why}", place());
}

/// Why a controller's figures and events are not in the version 2 view.
pub const ELSEWHERE: &str = "the controller is not in this view";

fn place() -> &'static str {
    let v1 = std::fs::read_to_string("/proc/self/cgroup").unwrap().lines().count() > 1;
    match host().mode {
        Mode::V2 if v1 => "v2 view",
        Mode::V2 => "v2 files",
        _ => "v1",
    }
}

/// Whether this host has the controller in the version that the test runs in; says SKIP if not.
pub fn has(controller: &str) -> bool {
    let host = host();
    let v1 = host.v1.iter().any(|one| one.controllers.iter().any(|it| it == controller));
    let v2 = host.v2.is_some_and(|v2| v2.controllers.iter().any(|it| it == controller));
    if !v1 && !v2 {
        println!("SKIP: the cgroup controller {controller} is not in this view");
    }
    v1 || v2
}
