//! What the tests of this room share: root directories, plans, and bodies that run in a process
//! of their own, since credentials cannot be put back.

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::config::ProcessSpec;
use crate::plan::process::{ProcessPlan, Surroundings, plan};

/// A directory that goes with the test.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "libcontainer-privileges-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(path.join("etc")).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> CString {
        self.with_mode(name, content, 0o755)
    }

    pub(super) fn with_mode(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> CString {
        use std::os::unix::fs::PermissionsExt;
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        CString::new(path.to_str().unwrap()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The plan of a process without filters.
pub(super) fn planned(process: &ProcessSpec) -> ProcessPlan {
    let around = Surroundings { id: "t", new_keyring: false, seccomp: &[], lenient_cwd: false };
    let mut process = process.clone();
    if process.args.is_empty() {
        process.args = vec!["true".to_owned()];
    }
    plan(&ProcessSpec::default(), &process, &around).unwrap().0
}

const SELECTED: &str = "PRIVILEGES_TEST_BODY";

/// Runs `body` in a child of this test binary, wrapped in `wrapper` (a command that executes its
/// arguments), and shows what it said if it failed. `test` is the calling test's name in `tests`.
pub(super) fn wrapped(wrapper: &[&str], test: &str, body: fn()) {
    if std::env::var(SELECTED).as_deref() == Ok(test) {
        return body();
    }
    let name = format!("{}::tests::{test}", module_path!().rsplit_once("::").unwrap().0);
    let name = name.split_once("::").unwrap().1;
    let exe = std::env::current_exe().unwrap();
    let mut words: Vec<&str> = wrapper.to_vec();
    words.extend([exe.to_str().unwrap(), "--exact", name, "--nocapture", "--test-threads=1"]);
    let Output { status, stdout, stderr } =
        Command::new(words[0]).args(&words[1..]).env(SELECTED, test).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success() && out.contains("1 passed"), "{test}: {status}\n{out}\n{err}");
    for line in out.lines().filter(|line| line.contains("SKIP: ")) {
        println!("{line}");
    }
}

/// As above, without a wrapper.
pub(super) fn in_child(test: &str, body: fn()) {
    wrapped(&[], test, body);
}

/// A field of this thread's status (proc_pid_status(5)).
pub(super) fn status(field: &str) -> String {
    field_of(&std::fs::read_to_string("/proc/thread-self/status").unwrap(), field)
}

pub(super) fn field_of(status: &str, field: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The capability sets in the order CapInh, CapPrm, CapEff, CapBnd, CapAmb.
pub(super) fn sets(status: &str) -> [u64; 5] {
    ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
        .map(|field| u64::from_str_radix(&field_of(status, field), 16).unwrap())
}
