//! Programs that run at points of a container's life (config.md, "POSIX-platform Hooks").

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The hooks of a container; those of a kind run in order. Each gets the container's state as a
/// line of JSON on its standard input (runtime.md, "State").
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Hooks {
    /// On the host, while the container is created: its namespaces and mounts are there, and it
    /// has not entered its root file system yet. Deprecated, like `create_runtime`, and before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prestart: Vec<Hook>,
    /// On the host, while the container is created, after `prestart`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub create_runtime: Vec<Hook>,
    /// In the container's namespaces, and by a path of the host, after `create_runtime` and before
    /// the container enters its root file system.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub create_container: Vec<Hook>,
    /// In the container, by a path of the container, with the privileges of its program and right
    /// before that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub start_container: Vec<Hook>,
    /// On the host, when the program runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub poststart: Vec<Hook>,
    /// On the host, when the container has been destroyed but for its record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub poststop: Vec<Hook>,
}

impl Hooks {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        let Self { prestart, create_runtime, create_container, start_container, .. } = self;
        let early = [prestart, create_runtime, create_container, start_container];
        early.iter().all(|hooks| hooks.is_empty())
            && self.poststart.is_empty()
            && self.poststop.is_empty()
    }
}

/// A program that runs at a point of a container's life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook {
    /// The program, an absolute path.
    pub path: PathBuf,
    /// Its arguments, the program's name first; the path alone if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Its whole environment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// After how many seconds it is killed, more than 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
}
