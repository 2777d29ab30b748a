//! Runs tests one after another in a world of their own: mount and network namespaces that are
//! this process's alone, so that snapshots of the host see nobody else's doings.

use std::cell::RefCell;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{Pid, WaitId, WaitIdOptions, set_child_subreaper, waitid};

use super::snapshot::{Process, processes};

const VIEW: &str = "LIBCONTAINER_TEST_VIEW";

/// A test: it fails by panicking.
pub struct Test {
    name: &'static str,
    run: fn(),
    both: bool,
}

/// A test that runs in the host's layout of control groups.
pub fn test(name: &'static str, run: fn()) -> Test {
    Test { name, run, both: false }
}

impl Test {
    /// Runs it once more where only a version 2 tree is to be seen, if the host has another, too.
    pub fn in_both_views(self) -> Self {
        Self { both: true, ..self }
    }
}

/// Whether this process is in the version 2 view.
pub fn v2_view() -> bool {
    std::env::var_os(VIEW).is_some()
}

/// Runs them, one at a time; `cargo test`'s arguments are understood.
pub fn run(tests: Vec<Test>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    if arguments.list || std::env::args().any(|argument| argument == "--list") {
        return libtest_mimic::run(&arguments, trials(tests)).exit_code();
    }
    if !rustix::process::geteuid().is_root() {
        println!("SKIP: integration tests need root");
        return ExitCode::SUCCESS;
    }
    own_world();
    libtest_mimic::run(&arguments, trials(tests)).exit_code()
}

fn trials(tests: Vec<Test>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for test in tests {
        let (name, run) = (test.name, test.run);
        trials.push(Trial::test(name, move || {
            NAME.with_borrow_mut(|current| *current = name.to_owned());
            run();
            Ok(())
        }));
        if test.both && !v2_view() && has_version_1() {
            trials.push(Trial::test(format!("v2_view::{name}"), move || in_v2_view(name)));
        }
    }
    trials
}

fn has_version_1() -> bool {
    std::fs::read_to_string("/proc/self/cgroup").is_ok_and(|groups| groups.lines().count() > 1)
}

/// By a process of its own: the view stays. What it says of itself is told only when it fails.
fn in_v2_view(name: &str) -> Result<(), Failed> {
    let program = std::env::current_exe().unwrap();
    let run = Command::new(program).args([name, "--exact"]).env(VIEW, "v2").output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    if !run.status.success() {
        let why = String::from_utf8_lossy(&run.stderr);
        return Err(Failed::from(format!("in the version 2 view:\n{said}{why}")));
    }
    if let Some(line) = said.lines().find(|line| line.starts_with("SKIP: ")) {
        println!("---- v2_view::{name} stdout ----\n{line}");
    }
    // Figures that a test tells are for the reader of this run too.
    said.lines().filter(|line| line.starts_with("  ")).for_each(|line| println!("{line}"));
    Ok(())
}

/// Mounts are shared among themselves, as systemd leaves them, and come from the host.
fn own_world() {
    sys::namespace::unshare(sys::namespace::flag::MOUNT | sys::namespace::flag::NETWORK).unwrap();
    for kind in [MountPropagationFlags::PRIVATE, MountPropagationFlags::SHARED] {
        mount_change("/", kind | MountPropagationFlags::REC).unwrap();
    }
    if v2_view() {
        mount("none", "/sys/fs/cgroup", "cgroup2", MountFlags::empty(), None).unwrap();
    }
    // Whatever a test leaves behind stays in sight.
    set_child_subreaper(Some(rustix::process::getpid())).unwrap();
}

thread_local! {
    static NAME: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Says why a test cannot run; the test returns then. (`scripts/test` counts by the heading.)
pub fn skip(reason: &str) {
    NAME.with_borrow(|name| println!("---- {name} stdout ----"));
    println!("SKIP: {reason}");
}

/// The children there are, for [`reap_adopted`].
pub fn mark_adopted() -> Vec<Process> {
    processes()
}

/// Takes the exit status of all children that have ended but those in `before`: orphans of a
/// killed creator, which are this process's to reap.
pub fn reap_adopted(before: &[Process]) {
    for process in processes() {
        let own = process.parent == rustix::process::getpid().as_raw_nonzero().get();
        if own && process.ended && !before.iter().any(|old| old.pid == process.pid) {
            let pid = Pid::from_raw(process.pid).unwrap();
            let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        }
    }
}

/// Whether a program can be found.
pub fn has_program(name: &str) -> bool {
    ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].iter().any(|dir| Path::new(dir).join(name).exists())
}

/// How many rounds a test of many containers does: LIBCONTAINER_TEST_ROUNDS, 50 if unset, and
/// fewer in the version 2 view, whose difference is the control groups only.
pub fn rounds() -> u32 {
    let set = std::env::var("LIBCONTAINER_TEST_ROUNDS").ok().and_then(|text| text.parse().ok());
    set.unwrap_or(if v2_view() { 10 } else { 50 })
}

/// Ends the program when it has not been dropped within `limit`: nothing may hang for ever.
pub fn deadline(limit: Duration) -> Sender<()> {
    let (alarm, dropped) = channel();
    std::thread::spawn(move || {
        if dropped.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            eprintln!("hangs for {limit:?}: {:#?}", processes());
            std::process::exit(102);
        }
    });
    alarm
}
