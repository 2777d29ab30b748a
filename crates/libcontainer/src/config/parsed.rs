//! From the bytes of a file to a [`Config`], whatever its form.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Error, Result};

use super::document::{Document, object};
use super::node::Node;
use super::{Config, ProcessSpec, Rootfs, container_json, oci};

/// The forms of configuration files, told apart by their shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// container.json of May 2014.
    May2014,
    /// container.json of June to December 2014.
    June2014,
    /// container.json of 2015, and of today.
    Json2015,
    /// config.json of the OCI runtime specification.
    Oci,
}

/// What a file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The container.
    pub config: Config,
    /// The form that the file is in.
    pub form: Form,
    /// What was left out and deserves a line to the user, each with its field.
    pub warnings: Vec<String>,
    /// A container.json names a root file system; if it is not on this host, this directory, where
    /// the file was found, serves instead. See [`Parsed::fall_back`].
    pub rootfs_fallback: Option<PathBuf>,
}

impl Parsed {
    /// Takes the directory of the file where the root file system that it names does not exist:
    /// old files name other people's home directories. Returns the line that says so.
    ///
    /// `exists` tells whether there is a directory of this path; the config itself makes no system
    /// call.
    pub fn fall_back(&mut self, exists: impl FnOnce(&Path) -> bool) -> Option<String> {
        let here = self.rootfs_fallback.take()?;
        match &mut self.config.rootfs {
            Rootfs::Directory(named) if !exists(named) => {
                let line = format!(
                    "rootfs {} does not exist here: using {}",
                    named.display(),
                    here.display()
                );
                *named = here;
                Some(line)
            }
            _ => None,
        }
    }
}

/// Reads a container.json of any era or an OCI config.json.
///
/// `file` is for messages only. `dir` is the directory that the file was found in: the default
/// root file system, and where relative paths of the host start.
///
/// # Errors
/// [`crate::ErrorKind::InvalidConfig`], within the step that names the file: not JSON (with line
/// and column), a wrong type, or an unknown or impossible value (with the field).
pub fn parse(bytes: &[u8], file: &Path, dir: &Path) -> Result<Parsed> {
    read(bytes, dir).map_err(|error| error.within(file.display().to_string()))
}

/// Reads an OCI config.json, and takes nothing else for one.
///
/// # Errors
/// As [`parse`].
pub fn parse_oci(bytes: &[u8], file: &Path, dir: &Path) -> Result<Parsed> {
    parse_oci_ahead(bytes, file, dir, |_| ())
}

/// The same; `ahead` is shown what there is when all but the profile of system calls has been read,
/// which takes as long again: see [`Factory::expect`](crate::Factory::expect).
///
/// # Errors
/// As [`parse`].
pub fn parse_oci_ahead(
    bytes: &[u8],
    file: &Path,
    dir: &Path,
    ahead: impl FnOnce(&Config),
) -> Result<Parsed> {
    let read = || oci::read(&Document::read(bytes, CONFIGURATION)?, dir, ahead);
    read().map_err(|error| error.within(file.display().to_string()))
}

/// Reads limits for a container that runs, as `linux.resources` of an OCI config has them: what is
/// not there, or 0 where that means nothing, stays as it is. Rules for devices are read and left
/// out, since those of a running container stay as they are, too.
///
/// # Errors
/// As [`parse`]; fields are named from `linux.resources` on.
pub fn resources(bytes: &[u8], file: &Path) -> Result<cgroups::Resources> {
    let read = || oci::change(&Node::root(&object(bytes, "limits")?));
    let change = read().map_err(|error| error.within(file.display().to_string()))?;
    Ok(cgroups::Resources { devices: Vec::new(), ..change })
}

/// Reads a `process` of the OCI runtime specification (config.md) that stands alone in a file, and
/// what deserves a line to the user.
///
/// # Errors
/// As [`parse`].
pub fn parse_process(bytes: &[u8], file: &Path) -> Result<(ProcessSpec, Vec<String>)> {
    let mut warnings = Vec::new();
    let read = object(bytes, "a process")
        .and_then(|value| oci::process(&Node::root(&value), &mut warnings))
        .and_then(|spec| match spec.args.is_empty() {
            // It would be the container's own program.
            true => Err(Error::invalid("args", "is required")),
            false => Ok(spec),
        });
    Ok((read.map_err(|error| error.within(file.display().to_string()))?, warnings))
}

/// What an object of JSON is expected to hold.
const CONFIGURATION: &str = "the container's configuration";

fn read(bytes: &[u8], dir: &Path) -> Result<Parsed> {
    let document = Document::read(bytes, CONFIGURATION)?;
    match is_oci(&document.value) {
        true => oci::read(&document, dir, |_| ()),
        false => container_json::read(&Node::root(&document.value), dir),
    }
}

/// An OCI config must have `ociVersion`; one that lacks it is known by objects that no
/// container.json has, and then refused for the right reason.
fn is_oci(value: &Value) -> bool {
    value.get("ociVersion").is_some()
        || ["root", "process", "linux"]
            .iter()
            .any(|key| value.get(key).is_some_and(Value::is_object))
}
