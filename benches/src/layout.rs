//! The cgroup layouts that are measured.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::arguments::{Arguments, Verb};
use crate::candidate::absolute;
use crate::table::Table;
use crate::world::{self, World};
use crate::{Result, curves, scenarios};

/// What the measured programs find at /sys/fs/cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    pub fn measure(self, arguments: &Arguments) -> Result<Vec<Table>> {
        let place = world::Place::new()?;
        let exe = std::env::current_exe().map_err(|error| format!("own path: {error}"))?;
        // The runtimes' state is on a tmpfs, as /run is elsewhere; it goes with the namespace. So
        // does every process, whatever ends this one. The shell reaps what nobody waits for.
        let mut script =
            "mount -t tmpfs -o mode=755 bench \"$1\" && shift && \"$@\"; exit $?".to_owned();
        if self == Self::V2 {
            script = format!("mount -t cgroup2 none /sys/fs/cgroup && {script}");
        }
        let output = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"])
            .args(["sh", "-c", &script, "sh"])
            .args([place.path(), exe.as_path()])
            .args(std::env::args_os().skip(1))
            .args(["--inside", &self.to_string()])
            .env(world::PLACE, place.path())
            .envs(engines_find(arguments)?)
            .stderr(Stdio::inherit())
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("starting the {self} run: {error}"))?;
        place.sweep();
        if !output.status.success() {
            return Err(format!("the {self} run failed: {}", output.status));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| format!("the {self} run: {error}"))
    }

    /// Measures everything in the layout that this process was started in, and prints the tables
    /// for the process that started it.
    pub fn inside(self, arguments: &Arguments) -> Result<()> {
        let world = World::new(arguments, self)?;
        let tables = match arguments.verb {
            Verb::Curves => curves::all(&world)?,
            Verb::Check => scenarios::checked(&world)?,
            _ => scenarios::all(&world)?,
        };
        serde_json::to_writer(std::io::stdout(), &tables).map_err(|error| error.to_string())
    }
}

/// What tells the engines' crate which runtime and images are measured.
fn engines_find(arguments: &Arguments) -> Result<[(&'static str, String); 2]> {
    let images = arguments.image.parent().unwrap_or(Path::new("."));
    Ok([("NSRUN", absolute(&arguments.nsrun)?), ("IMAGES", absolute(images)?)])
}

/// The layouts asked for, or all that this host has.
pub fn wanted(arguments: &Arguments) -> Vec<Layout> {
    if !arguments.layouts.is_empty() {
        return arguments.layouts.clone();
    }
    // A host whose /sys/fs/cgroup is the v2 tree itself has but one layout; curves are of one.
    let curves = arguments.verb == Verb::Curves;
    if curves || Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        return vec![Layout::V2];
    }
    vec![Layout::V2, Layout::Host]
}
