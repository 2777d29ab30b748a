//! `nsinit state`

use cli::print;
use cli::verb::Given;
use libcontainer::config::document;
use libcontainer::{Error, ErrorKind, Result, State};
use serde::Serialize;

use crate::note::Note;
use crate::settings::Settings;

/// A state as tools know it: the configuration in the form of a container.json.
#[derive(Serialize)]
struct Document<'a, C> {
    id: &'a str,
    status: libcontainer::Status,
    init_process_pid: i32,
    init_process_start: &'a str,
    created: u64,
    cgroup_paths: &'a std::collections::BTreeMap<String, std::path::PathBuf>,
    namespace_paths: &'a std::collections::BTreeMap<String, std::path::PathBuf>,
    config: C,
    /// What descriptors 0, 1 and 2 of its init were, for a checkpoint.
    external_descriptors: [String; 0],
}

/// The text of a state.
pub fn text(state: &State) -> Result<String> {
    let mut config = state.config.clone();
    Note::strip(&mut config);
    let document = Document {
        id: &state.id,
        status: state.status,
        init_process_pid: state.init_process_pid,
        init_process_start: &state.init_process_start,
        created: state.created,
        cgroup_paths: &state.cgroup_paths,
        namespace_paths: &state.namespace_paths,
        config: document(&config),
        external_descriptors: [],
    };
    json(&document)
}

/// Something as indented JSON, with a newline at its end.
pub fn json(value: &impl Serialize) -> Result<String> {
    match serde_json::to_string_pretty(value) {
        Ok(text) => Ok(text + "\n"),
        Err(error) => Err(Error::new(ErrorKind::System, format!("writing JSON: {error}"))),
    }
}

/// Prints everything known of a container.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    print(&text(&settings.container(given)?.state()?)?)?;
    Ok(0)
}
