//! What is kept of a container on disk, so that whoever comes next can drive it and clean up.

mod ends;
mod init;
mod text;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use text::Text;

use crate::config::Config;
use crate::container::brief::Brief;
use crate::network::VethHost;
use crate::plan::Systemd;
use crate::{Error, ErrorKind, Result, resctrl};

pub(crate) use ends::{read_ends, read_rest};
pub(crate) use init::{InitRecord, Made, start_time};

/// The version that this library writes, and the only one it reads.
pub(crate) const VERSION: u32 = 1;

/// The record: written before the first side effect, naming every one that may follow. Its first
/// line is what every command asks for, its second is the configuration, and a line is added when
/// the init exists.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub version: u32,
    pub id: String,
    /// When it was created, in milliseconds since 1970.
    pub created: u64,
    pub brief: Brief,
    /// The control group's directory in each hierarchy.
    pub cgroup: BTreeMap<String, PathBuf>,
    /// Levels of the control group's path, whose empty parents are removed with it.
    pub cgroup_levels: usize,
    /// It is one that was delegated to the creator.
    #[serde(default)]
    pub cgroup_delegated: bool,
    /// Who made it, if not this library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systemd: Option<Systemd>,
    pub links: Vec<VethHost>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resctrl: Option<resctrl::Place>,
    /// The CLONE_NEW* flags of the namespaces that are not the host's.
    pub namespaces: u64,
    pub chroot: bool,
    #[serde(skip)]
    pub configured: Configured,
    #[serde(skip)]
    pub init: Option<InitRecord>,
}

/// What a container was made from, read from its line when somebody first asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Configured(Arc<Line>);

#[derive(Debug, Default)]
struct Line {
    /// It, and those after it; empty for one that was never read.
    text: Box<[u8]>,
    /// The record, where the line was too long to be read with it.
    file: Option<OwnedFd>,
    config: OnceLock<Config>,
}

impl Configured {
    pub(crate) fn by(config: Config) -> Self {
        Self(Arc::new(Line { config: config.into(), ..Line::default() }))
    }

    fn read(text: &[u8]) -> Self {
        Self(Arc::new(Line { text: text.into(), ..Line::default() }))
    }

    fn left_in(file: OwnedFd) -> Self {
        Self(Arc::new(Line { file: Some(file), ..Line::default() }))
    }
}

impl Record {
    /// What the container was made from.
    pub(crate) fn config(&self) -> Result<&Config> {
        let line = &*self.configured.0;
        match line.config.get() {
            Some(config) => Ok(config),
            None => {
                let mut text = Vec::new();
                let rest = match &line.file {
                    None => &*line.text,
                    Some(file) => {
                        read_rest(file, &mut text)?;
                        text.splitn(2, |byte| *byte == b'\n').nth(1).unwrap_or_default()
                    }
                };
                let config = read(rest).map_err(|why| broken(&self.id, &why))?;
                Ok(line.config.get_or_init(|| config))
            }
        }
    }

    /// The two lines that it begins with.
    pub(crate) fn text(&self) -> Result<Vec<u8>> {
        let failed = |error| Error::new(ErrorKind::System, format!("the record: {error}"));
        let mut text = Text::default();
        serde_json::to_writer(&mut text, self).map_err(failed)?;
        text.0.push(b'\n');
        serde_json::to_writer(&mut text, self.config()?).map_err(failed)?;
        text.0.push(b'\n');
        Ok(text.0)
    }

    /// What the container's session keyring is called by: keyrings are joined by name, and
    /// neither a namesake's nor a predecessor's may be met.
    pub(crate) fn keyring(&self) -> String {
        format!("{}.{:x}", self.id, self.created)
    }
}

fn broken(id: &str, why: &str) -> Error {
    Error::new(ErrorKind::System, format!("the record of container {id:?} is broken: {why}"))
        .with_hint("delete removes what it can")
}

/// The first of some lines.
fn read<T: serde::de::DeserializeOwned>(lines: &[u8]) -> std::result::Result<T, String> {
    // As a whole: string by string takes longer.
    let text = std::str::from_utf8(lines).map_err(|error| error.to_string())?;
    let line = text.split('\n').next().unwrap_or_default();
    serde_json::from_str(line).map_err(|error| error.to_string())
}

/// A record's text: its two lines, then one for each change of its init. The last whole line
/// counts, so a writer that is killed leaves the state before. `None` without two whole lines.
///
/// Refused is a record of another version, or of another container.
pub(crate) fn parse(text: &[u8], id: &str) -> Result<Option<Record>> {
    let Some((mut record, rest)) = parse_but_config(text, id)? else { return Ok(None) };
    record.configured = Configured::read(rest);
    Ok(Some(record))
}

/// The same without the configuration, and the lines from that one's on. From both ends: to look
/// through what lies between takes as long as all else.
pub(crate) fn parse_but_config<'a>(text: &'a [u8], id: &str) -> Result<Option<(Record, &'a [u8])>> {
    let is_end = |byte: &u8| *byte == b'\n';
    let Some(first) = text.iter().position(is_end) else { return Ok(None) };
    let (first, rest) = (&text[..first], &text[first + 1..]);
    let mut record: Record = read(first).map_err(|why| broken(id, &why))?;
    if record.version != VERSION {
        return Err(broken(id, &format!("version {} is not {VERSION}", record.version)));
    }
    if record.id != id {
        return Err(broken(id, &format!("it says {:?}", record.id)));
    }
    let Some(end) = rest.iter().rposition(is_end) else { return Ok(None) };
    if let Some(before) = rest[..end].iter().rposition(is_end) {
        record.init = read(&rest[before + 1..end]).map_err(|why| broken(id, &why))?;
    }
    Ok(Some((record, rest)))
}

/// The record in a file, as [`parse`] says.
pub(crate) fn read_file(file: OwnedFd, id: &str) -> Result<Option<Record>> {
    let mut text = Vec::new();
    let cut = read_ends(&file, &mut text)?;
    if !cut {
        return parse(&text, id);
    }
    let Some((mut record, _)) = parse_but_config(&text, id)? else { return Ok(None) };
    record.configured = Configured::left_in(file);
    Ok(Some(record))
}

#[cfg(test)]
mod tests;
