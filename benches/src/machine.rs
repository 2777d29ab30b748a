//! What was measured, and on what.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::arguments::Arguments;

/// One paragraph: machine, kernel, versions.
pub fn describe(arguments: &Arguments) -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // A local version may be a name of the machine's.
    let kernel = kernel.trim().split('-').next().unwrap_or_default().to_owned();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut versions = Vec::new();
    for path in [&arguments.nsrun, &arguments.nsinit] {
        versions.extend(version(path));
    }
    let mut peers: Vec<_> =
        fs::read_dir(&arguments.peers).into_iter().flatten().flatten().map(|e| e.path()).collect();
    peers.sort();
    for path in peers {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        versions.extend(version(&path).map(|version| format!("{name} ({version})")));
    }
    format!(
        "Linux {kernel}, {}, {processors} processors, {} GiB of memory; state and root file system \
         on a tmpfs. {}.\n",
        processor(),
        memory_gib(),
        versions.join(", ")
    )
}

fn version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next()?.replace(" version", "");
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(": ")).map(|(_, name)| name.to_owned());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn memory_gib() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0).div_ceil(1 << 20)
}

/// Waits until the processors idle, for five seconds at most: the kernel ends the namespaces and
/// groups of what ran before long after their last process, and who comes next would pay for it.
pub fn settle() {
    const LOOK: Duration = Duration::from_millis(100);
    for _ in 0..50 {
        let before = idle_ticks();
        std::thread::sleep(LOOK);
        // Ticks are hundredths of a second: nine tenths of what all processors can have.
        let processors = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        if idle_ticks().saturating_sub(before) >= 9 * processors {
            return;
        }
    }
}

/// How long all processors together have been idle (proc_stat(5)), in ticks.
fn idle_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let all = stat.lines().next().unwrap_or_default();
    all.split_ascii_whitespace().nth(4).and_then(|ticks| ticks.parse().ok()).unwrap_or_default()
}
