//! `nsrun state`

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use cli::print;
use cli::verb::Given;
use libcontainer::config::Rootfs;
use libcontainer::{Glance, Result, Status};
use serde::Serialize;

use crate::arguments::{SPEC, id};
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
    pub fn of(seen: Glance, owners: &mut Owners) -> Self {
        let text = |path: PathBuf| {
            let lossy = |text: OsString| text.to_string_lossy().into_owned();
            path.into_os_string().into_string().unwrap_or_else(lossy)
        };
        let brief = seen.brief;
        Self {
            oci_version: SPEC,
            id: seen.id,
            pid: seen.pid.filter(|_| seen.status.is_alive()).unwrap_or(0),
            status: seen.status,
            bundle: brief.bundle.map(text).unwrap_or_default(),
            rootfs: match brief.rootfs {
                Rootfs::Directory(path) => text(path),
                Rootfs::Host => "/".to_owned(),
            },
            created: time::rfc3339_milliseconds(seen.created),
            owner: owners.name(seen.owner),
            annotations: brief.annotations,
        }
    }
}

/// The names of users, each looked up once.
#[derive(Debug, Default)]
pub struct Owners(BTreeMap<u32, String>);

impl Owners {
    fn name(&mut self, uid: u32) -> String {
        self.0.entry(uid).or_insert_with(|| name(uid)).clone()
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
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let seen = settings.factory.glance(id(given))?;
    print(&json(&State::of(seen, &mut Owners::default()))?)?;
    Ok(0)
}
