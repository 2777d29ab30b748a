//! `nsrun features`

use std::collections::BTreeMap;

use cli::print;
use cli::verb::Given;
use libcontainer::{Result, config};

use crate::arguments::COMMIT;
use crate::output::json;
use crate::settings::Settings;

/// Prints what is recognised of a config.json.
pub fn run(_settings: &Settings, _matches: &Given) -> Result<u8> {
    let annotations = [
        ("nsrun.checkpoint.enabled", "true"),
        ("nsrun.commit", COMMIT),
        ("nsrun.version", env!("CARGO_PKG_VERSION")),
    ];
    let text = |text: &str| text.to_owned();
    let annotations: BTreeMap<String, String> =
        annotations.into_iter().map(|(key, value)| (text(key), text(value))).collect();
    print(&json(&config::features(&annotations))?)?;
    Ok(0)
}
