//! What a hook reads from its standard input (runtime.md, "State").

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{MemfdFlags, SealFlags, SeekFrom, fcntl_add_seals, memfd_create, seek};
use serde::Serialize;
use sys::Context;

use crate::config::OCI_VERSION;
use crate::plan::hooks::Subject;
use crate::{Error, ErrorKind, Result};

/// A container as its hooks see it.
#[derive(Debug, Clone, Copy)]
pub struct State<'a> {
    /// What is the same for all of them.
    pub subject: &'a Subject,
    /// Its init's pid in the hook's PID namespace, if it has one.
    pub pid: Option<i32>,
}

/// It as JSON has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<'a> {
    oci_version: &'a str,
    id: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<i32>,
    bundle: &'a Path,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'a str, &'a str>,
}

impl State<'_> {
    /// For a JSON document.
    pub fn document<'b>(&'b self, status: &'b str) -> Document<'b> {
        let Subject { id, bundle, annotations } = self.subject;
        Document {
            oci_version: OCI_VERSION,
            id,
            status,
            pid: self.pid,
            bundle,
            annotations: annotations.iter().map(|(key, value)| (&**key, &**value)).collect(),
        }
    }

    /// A line of JSON.
    pub(super) fn text(&self, status: &str) -> Result<Vec<u8>> {
        let mut text = serde_json::to_vec(&self.document(status))
            .map_err(|error| Error::new(ErrorKind::System, format!("a hook's state: {error}")))?;
        text.push(b'\n');
        Ok(text)
    }

    /// That line as a file that nobody can change. A file and no pipe: a hook may leave it unread,
    /// whatever its length, and nobody has to wait with the rest of it.
    pub(super) fn file(&self, status: &str) -> Result<OwnedFd> {
        let text = self.text(status)?;
        let name = "state.json";
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = memfd_create(name, flags).sys("memfd_create", || name)?;
        let mut rest = text.as_slice();
        while !rest.is_empty() {
            let written = rustix::io::write(&file, rest).sys("write", || name)?;
            rest = &rest[written..];
        }
        let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
        fcntl_add_seals(&file, seals).sys("fcntl", || "F_ADD_SEALS")?;
        seek(&file, SeekFrom::Start(0)).sys("lseek", || name)?;
        Ok(file)
    }
}
