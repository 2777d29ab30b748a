//! What can be seen of those who are born into the container by its runtime.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::{Outcome, line, number};

/// Looks at every process that a runtime's own name still stands on, as often as it can, and
/// tells each finding once: `birth cap-prm HEX`, `birth cap-bnd HEX`, `birth uid UID`,
/// `birth root own|foreign` and the same of `cwd`, and `birth fd TARGET`, the latter three as far
/// as it may look.
pub fn watch(args: &[String]) -> Outcome {
    let end = Instant::now() + Duration::from_secs(number(args, 0, "a number of seconds")?);
    let name = crate::text(args, 1, "what the runtime's processes are called by")?;
    let mut told = BTreeSet::new();
    let own = fs::metadata("/").ok();
    while Instant::now() < end {
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let path = entry.path();
            if fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.starts_with(name)) {
                look(&path, own.as_ref(), &mut told);
            }
        }
    }
    told.iter().for_each(|finding| line(&format!("birth {finding}")));
    Ok(ExitCode::SUCCESS)
}

fn look(process: &Path, own: Option<&Metadata>, told: &mut BTreeSet<String>) {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    // It may have become its program meanwhile.
    let Some(name) = status.lines().next() else { return };
    let mut found = BTreeSet::new();
    for (key, what) in [("CapPrm:", "cap-prm"), ("CapBnd:", "cap-bnd"), ("Uid:", "uid")] {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        found.extend(
            line.and_then(|line| line.split_whitespace().next()).map(|v| format!("{what} {v}")),
        );
    }
    for link in ["root", "cwd"] {
        if let (Ok(there), Some(own)) = (fs::metadata(process.join(link)), own) {
            let whose = if there.dev() == own.dev() { "own" } else { "foreign" };
            found.insert(format!("{link} {whose}"));
        }
    }
    for fd in fs::read_dir(process.join("fd")).into_iter().flatten().flatten() {
        found
            .extend(fs::read_link(fd.path()).ok().map(|target| format!("fd {}", target.display())));
    }
    let still = fs::read_to_string(process.join("comm"));
    if still.is_ok_and(|still| Some(still.trim_end()) == name.strip_prefix("Name:\t")) {
        told.extend(found);
    }
}
