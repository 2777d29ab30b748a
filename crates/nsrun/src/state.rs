//! `nsrun state`

use std::collections::BTreeMap;
use std::path::Path;

use clap::ArgMatches;
use cli::print;
use libcontainer::config::Rootfs;
use libcontainer::{Container, Result, Status};
use serde::Serialize;

use crate::arguments::SPEC;
use crate::output::json;
use crate::settings::Settings;
use crate::time;

/// A container's state (runtime.md, "State"), with what engines look for beside that.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    oci_version: &'static str,
    /// Its id.
    pub id: String,
    /// Its first process; 0 when there is none.
    pub pid: i32,
    /// What it is doing.
    pub status: Status,
    /// The bundle's directory.
    pub bundle: String,
    rootfs: String,
    /// When it was created.
    pub created: String,
    /// Who created it, by name where he has one.
    pub owner: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

impl State {
    /// Of a container.
    pub fn of(settings: &Settings, container: &Container) -> Result<Self> {
        let status = container.status()?;
        let config = container.config()?;
        let pid = if status.is_alive() { container.init()?.map(|(pid, _)| pid) } else { None };
        let text = |path: &Path| path.to_string_lossy().into_owned();
        Ok(Self {
            oci_version: SPEC,
            id: container.id().to_owned(),
            pid: pid.unwrap_or(0),
            // It may have ended between the two looks.
            status: if status.is_alive() && pid.is_none() { Status::Stopped } else { status },
            bundle: config.bundle.as_deref().map(text).unwrap_or_default(),
            rootfs: match &config.rootfs {
                Rootfs::Directory(path) => text(path),
                Rootfs::Host => "/".to_owned(),
            },
            created: time::rfc3339_milliseconds(container.created_at()?),
            owner: owner(&settings.root.join(container.id())),
            annotations: config.annotations,
        })
    }
}

/// The name of whoever owns a container's directory.
fn owner(directory: &Path) -> String {
    let Ok(stat) = rustix::fs::stat(directory) else { return String::new() };
    let uid = stat.st_uid.to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("#{uid}"))
}

/// Prints a container's state.
pub fn run(settings: &Settings, matches: &ArgMatches) -> Result<u8> {
    print(&json(&State::of(settings, &settings.container(matches)?)?)?)?;
    Ok(0)
}
