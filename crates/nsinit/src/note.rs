//! What nsinit notes down with a container, in the record of the library: what it makes outside
//! of it, before it makes that, so that whoever comes next can remove it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use libcontainer::Config;
use serde::{Deserialize, Serialize};

use crate::place::Place;

/// The annotation that holds it.
const KEY: &str = "nsinit";

/// A container's note.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Note {
    /// The directory that it belongs to, where `state.json` and `pid` stand unless
    /// [`Note::files_in_root`]; `None` for one on a view of the host.
    pub place: Option<Place>,
    /// `state.json` and `pid` stand in the container's directory below the state root.
    pub files_in_root: bool,
    /// It is a user of the empty container.json that holds the name in the directory.
    pub placeholder: bool,
    /// The file that it was made from.
    pub file: Option<PathBuf>,
    /// It stays when it has ended.
    pub keep: bool,
}

impl Note {
    /// Of a container's annotations; an empty one where another program made the container.
    pub fn of(annotations: &BTreeMap<String, String>) -> Self {
        let text = annotations.get(KEY);
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Puts it into the configuration.
    pub fn put(&self, config: &mut Config) {
        if let Ok(text) = serde_json::to_string(self) {
            config.annotations.insert(KEY.to_owned(), text);
        }
    }

    /// Takes it out of a configuration that is to be shown.
    pub fn strip(config: &mut Config) {
        config.annotations.remove(KEY);
    }
}
