//! What the tests of this room share: root directories, plans, and bodies that run in a process
//! of their own, since credentials cannot be put back.

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Identity, apply, outside, resolve_user};
use crate::Result;
use crate::config::ProcessSpec;
use crate::plan::filters::Filters;
use crate::plan::process::{ProcessPlan, Surroundings, plan};
use crate::procfs::Procfs;

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
    let around = Surroundings {
        id: "t",
        new_keyring: false,
        filters: &Filters::NONE,
        oci: false,
        hold: false,
    };
    let mut process = process.clone();
    if process.args.is_empty() {
        process.args = vec!["true".to_owned()];
    }
    plan(&ProcessSpec::default(), &process, &around).unwrap().0
}

const SELECTED: &str = "PRIVILEGES_TEST_BODY";

/// Runs `body` in a child of this test binary, wrapped in `wrapper` (a command that executes its
/// arguments), and shows what it said if it failed. The calling test is `module`'s `test`.
pub(super) fn wrapped(wrapper: &[&str], module: &str, test: &str, body: fn()) {
    let name = format!("{}::{test}", module.split_once("::").unwrap().1);
    if std::env::var(SELECTED).as_ref() == Ok(&name) {
        return body();
    }
    let exe = std::env::current_exe().unwrap();
    let mut words: Vec<&str> = wrapper.to_vec();
    words.extend([exe.to_str().unwrap(), "--exact", &name, "--nocapture", "--test-threads=1"]);
    let Output { status, stdout, stderr } =
        Command::new(words[0]).args(&words[1..]).env(SELECTED, &name).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success() && out.contains("1 passed"), "{name}: {status}\n{out}\n{err}");
    for line in out.lines().filter(|line| line.contains("SKIP: ")) {
        println!("{line}");
    }
}

/// As above, without a wrapper.
pub(super) fn in_child(module: &str, test: &str, body: fn()) {
    wrapped(&[], module, test, body);
}

/// The identity of a plan whose user and groups are numbers.
pub(super) fn identity(plan: &ProcessPlan) -> Identity {
    resolve_user(plan).unwrap()
}

/// All of the way to execve; the warnings come back.
pub(super) fn go(plan: &ProcessPlan) -> Result<Vec<String>> {
    let proc = Procfs::open()?;
    let identity = identity(plan);
    outside(plan, &proc)?;
    let applied = apply(plan, &identity, &proc)?;
    let warnings = applied.warnings().to_vec();
    applied.seal(plan, &mut |_| Ok(()))?;
    Ok(warnings)
}

/// The status of a program that this thread executes.
pub(super) fn status_after_exec() -> String {
    let output = Command::new("/bin/cat").arg("/proc/self/status").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The status of this thread (proc_pid_status(5)).
pub(super) fn status_now() -> String {
    std::fs::read_to_string("/proc/thread-self/status").unwrap()
}

/// A field of a status.
pub(super) fn field_of(status: &str, field: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The capability sets in the order CapInh, CapPrm, CapEff, CapBnd, CapAmb.
pub(super) fn sets(status: &str) -> [u64; 5] {
    ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
        .map(|field| u64::from_str_radix(&field_of(status, field), 16).unwrap())
}

/// Whether this process may raise hard limits and lower its OOM score; says so if not.
pub(super) fn has_sys_resource() -> bool {
    let held = sets(&status_now())[2] & (1 << 24) != 0;
    if !held {
        println!("SKIP: a part, since the tests' root lacks CAP_SYS_RESOURCE");
    }
    held
}
