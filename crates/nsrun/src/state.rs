//! `nsrun state`

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

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
    pub fn of(container: &Container, owners: &Owners) -> Result<Self> {
        let (status, init) = container.status_and_init()?;
        let pid = init.filter(|_| status.is_alive()).map_or(0, |(pid, _)| pid);
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let brief = container.brief()?;
        let rootfs = match &brief.rootfs {
            Rootfs::Directory(path) => text(path),
            Rootfs::Host => "/".to_owned(),
        };
        Ok(Self {
            oci_version: SPEC,
            id: container.id().to_owned(),
            pid,
            status,
            bundle: brief.bundle.as_deref().map(text).unwrap_or_default(),
            rootfs,
            created: time::rfc3339_milliseconds(container.created_at()?),
            owner: container.owner().map(|uid| owners.name(uid)).unwrap_or_default(),
            annotations: brief.annotations,
        })
    }
}

/// The names of users, each looked up once.
#[derive(Debug, Default)]
pub struct Owners(Mutex<BTreeMap<u32, String>>);

impl Owners {
    fn name(&self, uid: u32) -> String {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(uid).or_insert_with(|| name(uid)).clone()
    }
}

fn name(uid: u32) -> String {
    let uid = uid.to_string();
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
    print(&json(&State::of(&settings.container(matches)?, &Owners::default())?)?)?;
    Ok(0)
}
