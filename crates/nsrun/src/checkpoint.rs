//! `nsrun checkpoint`, and what it has in common with `restore`

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use cli::verb::Given;
use libcontainer::{
    CgroupsMode, CheckpointOptions, Criu, Error, ErrorKind, PageServer, Result, Step,
};
use sys::Context;

use crate::arguments::{path_of, text};
use crate::settings::Settings;

/// Where images are when nobody says.
const IMAGES: &str = "checkpoint";

/// The annotation with a file of further options, as other runtimes know it.
const CONFIG: &str = "org.criu.config";

/// Saves a container.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let container = settings.container(given)?;
    let options = options(given, &container.brief()?.annotations)?;
    cli::checkpoint::save(&container, &options, is_json(given))?;
    settings.log.debug(|| format!("saved in {}", options.criu.images.display()));
    Ok(0)
}

fn options(given: &Given, annotations: &BTreeMap<String, String>) -> Result<CheckpointOptions> {
    let criu = criu(given, annotations)?;
    let parent = path_of(given, "parent-path");
    if let Some(parent) = &parent {
        if parent.is_absolute() {
            return Err(wrong("--parent-path must be relative to --image-path"));
        }
        let path = beside(&criu.images, parent);
        if !path.is_dir() {
            let message = format!("--parent-path: there is no directory {}", path.display());
            return Err(wrong(&message));
        }
    }
    let page_server = page_server(text(given, "page-server"))?;
    let lazy_pages = given.is_on("lazy-pages");
    if lazy_pages && page_server.is_none() {
        return Err(wrong("--lazy-pages needs --page-server, the address to fetch memory from"));
    }
    let status = match given.number("status-fd") {
        Some(number) => Some(sys::inherited::take(number).step(|| "--status-fd")?),
        None => None,
    };
    Ok(CheckpointOptions {
        criu,
        leave_running: given.is_on("leave-running"),
        pre_dump: given.is_on("pre-dump"),
        parent,
        auto_dedup: given.is_on("auto-dedup"),
        tcp_established: given.is_on("tcp-established"),
        tcp_skip_in_flight: given.is_on("tcp-skip-in-flight"),
        external_unix_sockets: given.is_on("ext-unix-sk"),
        shell_job: given.is_on("shell-job"),
        file_locks: given.is_on("file-locks"),
        link_remap: given.is_on("link-remap"),
        lazy_pages,
        page_server,
        status,
        cgroups: cgroups(given)?,
        empty_network: empty_network(given)?,
    })
}

/// A path relative to a directory that may not have been made yet, as it will be then.
fn beside(directory: &Path, path: &Path) -> PathBuf {
    let (mut place, mut rest) = (directory.to_owned(), path);
    while let (false, Ok(below)) = (place.exists(), rest.strip_prefix("..")) {
        rest = below;
        if !place.pop() {
            break;
        }
    }
    place.join(rest)
}

/// CRIU and its directories.
pub fn criu(given: &Given, annotations: &BTreeMap<String, String>) -> Result<Criu> {
    // Whoever came here by setns(2) may be in a directory that has no path.
    let absolute = |path: PathBuf| {
        let here = (!path.is_absolute()).then(std::env::current_dir).transpose();
        Ok::<_, Error>(here.sys("getcwd", || "")?.unwrap_or_default().join(path))
    };
    Ok(Criu {
        program: None,
        images: absolute(path_of(given, "image-path").unwrap_or_else(|| IMAGES.into()))?,
        work: path_of(given, "work-path").map(absolute).transpose()?,
        config: annotations.get(CONFIG).filter(|path| !path.is_empty()).map(PathBuf::from),
    })
}

/// `--format`
pub fn is_json(given: &Given) -> bool {
    text(given, "format") == Some("json")
}

/// `--manage-cgroups-mode`
pub fn cgroups(given: &Given) -> Result<CgroupsMode> {
    Ok(match text(given, "manage-cgroups-mode") {
        None | Some("soft") => CgroupsMode::Soft,
        Some("full") => CgroupsMode::Full,
        Some("strict") => CgroupsMode::Strict,
        Some("ignore") => CgroupsMode::Ignore,
        Some(other) => {
            let message = format!("--manage-cgroups-mode {other}: soft, full, strict or ignore");
            return Err(wrong(&message));
        }
    })
}

/// `--empty-ns`
pub fn empty_network(given: &Given) -> Result<bool> {
    match given.texts("empty-ns").find(|name| !["", "network"].contains(name)) {
        Some(name) => {
            let message = format!("--empty-ns {name}: only network can come back empty");
            Err(wrong(&message))
        }
        None => Ok(given.texts("empty-ns").any(|name| name == "network")),
    }
}

fn page_server(typed: Option<&str>) -> Result<Option<PageServer>> {
    let Some(typed) = typed else { return Ok(None) };
    match typed.parse::<SocketAddr>() {
        Ok(at) => Ok(Some(PageServer { address: at.ip().to_string(), port: at.port() })),
        Err(_) => Err(wrong(&format!("--page-server {typed}: ADDRESS:PORT, in numbers"))),
    }
}

pub fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::System, message)
}

#[cfg(test)]
mod tests;
