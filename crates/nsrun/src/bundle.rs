//! The bundle: what `create` and `run` make a container from.

use std::path::{Path, PathBuf};

use cli::verb::Given;
use libcontainer::config::{self, CgroupManager};
use libcontainer::{Config, Result, Step};
use sys::Context;

use crate::arguments::{id, path_of};
use crate::settings::Settings;

/// The configuration of the bundle that was named, with what the flags change.
pub fn read(settings: &Settings, given: &Given) -> Result<Config> {
    let named = path_of(given, "bundle").unwrap_or_else(|| PathBuf::from("."));
    let name = || named.display().to_string();
    // States and hooks are told of it from other directories, too.
    let bundle = named.canonicalize().sys("realpath", name).step(|| "--bundle")?;
    let file = bundle.join("config.json");
    let bytes = std::fs::read(&file).sys("open", || file.display().to_string())?;
    let ahead = |known: &Config| settings.factory.expect(known);
    let parsed = config::parse_oci_ahead(&bytes, &file, &bundle, ahead)?;
    parsed.warnings.iter().for_each(|warning| settings.log.warning(warning));
    let mut config = parsed.config;
    config.no_pivot_root |= given.is_on("no-pivot");
    config.new_keyring &= !given.is_on("no-new-keyring");
    // Without one, nobody could pause, limit or count it.
    config.cgroup_manager = settings.cgroup_manager;
    if config.cgroup.is_none() {
        config.cgroup = Some(match settings.cgroup_manager {
            CgroupManager::Systemd => PathBuf::from(format!(":nsrun:{}", id(given))),
            _ => Path::new("nsrun").join(id(given)),
        });
        config.cgroup_implied = true;
    }
    Ok(config)
}
