//! The cgroup layouts that are measured.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;

use crate::Result;
use crate::arguments::Arguments;
use crate::report::Table;

/// What the measured programs find at /sys/fs/cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A pure cgroup v2 tree, mounted in a private mount namespace.
    V2,
    /// What this host has: v1 controllers, in most cases beside a v2 tree.
    Host,
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "v2" => Ok(Self::V2),
            "host" => Ok(Self::Host),
            _ => Err(format!("{text}: a layout is v2 or host")),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V2 => "v2",
            Self::Host => "host",
        })
    }
}

impl Layout {
    /// A title for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::V2 => "cgroup v2",
            Self::Host => "hybrid (v1 controllers)",
        }
    }

    /// Measures in this layout, in a process of its own.
    pub fn run(self, arguments: &Arguments) -> Result<Vec<Table>> {
        let exe = std::env::current_exe().map_err(|error| format!("own path: {error}"))?;
        let mut command = match self {
            Self::V2 => {
                let mut command = Command::new("unshare");
                let mount = "mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"";
                command.args(["-m", "sh", "-c", mount, "sh"]).arg(exe);
                command
            }
            Self::Host => Command::new(exe),
        };
        command.args(std::env::args_os().skip(1)).args(["--inside", &self.to_string()]);
        let output = command
            .stderr(Stdio::inherit())
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("starting the {self} run: {error}"))?;
        if !output.status.success() {
            return Err(format!("the {self} run failed: {}", output.status));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        if arguments.count_syscalls {
            print!("{text}");
            return Ok(Vec::new());
        }
        Table::parse(&text)
    }
}

/// The layouts asked for, or all that this host has.
pub fn wanted(arguments: &Arguments) -> Vec<Layout> {
    if !arguments.layouts.is_empty() {
        return arguments.layouts.clone();
    }
    // A host whose /sys/fs/cgroup is the v2 tree itself has but one layout.
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        return vec![Layout::V2];
    }
    vec![Layout::V2, Layout::Host]
}
