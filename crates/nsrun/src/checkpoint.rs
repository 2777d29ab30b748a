//! `nsrun checkpoint`, and what it has in common with `restore`

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use libcontainer::{
    CgroupsMode, CheckpointOptions, Criu, Error, ErrorKind, PageServer, Result, Step,
};
use sys::Context;

use crate::arguments::{is_on, path_of, text, texts};
use crate::settings::Settings;

/// Where images are when nobody says.
const IMAGES: &str = "checkpoint";

/// The annotation with a file of further options, as other runtimes know it.
const CONFIG: &str = "org.criu.config";

/// Saves a container.
pub fn run(settings: &Settings, matches: &ArgMatches) -> Result<u8> {
    let container = settings.container(matches)?;
    let options = options(matches, &container.brief()?.annotations)?;
    cli::checkpoint::save(&container, &options, is_json(matches))?;
    settings.log.debug(|| format!("saved in {}", options.criu.images.display()));
    Ok(0)
}

fn options(
    matches: &ArgMatches,
    annotations: &BTreeMap<String, String>,
) -> Result<CheckpointOptions> {
    let criu = criu(matches, annotations)?;
    let parent = path_of(matches, "parent-path");
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
    let page_server = page_server(text(matches, "page-server"))?;
    let lazy_pages = is_on(matches, "lazy-pages");
    if lazy_pages && page_server.is_none() {
        return Err(wrong("--lazy-pages needs --page-server, the address to fetch memory from"));
    }
    let status = match matches.get_one::<i32>("status-fd") {
        Some(number) => Some(sys::inherited::take(*number).step(|| "--status-fd")?),
        None => None,
    };
    Ok(CheckpointOptions {
        criu,
        leave_running: is_on(matches, "leave-running"),
        pre_dump: is_on(matches, "pre-dump"),
        parent,
        auto_dedup: is_on(matches, "auto-dedup"),
        tcp_established: is_on(matches, "tcp-established"),
        tcp_skip_in_flight: is_on(matches, "tcp-skip-in-flight"),
        external_unix_sockets: is_on(matches, "ext-unix-sk"),
        shell_job: is_on(matches, "shell-job"),
        file_locks: is_on(matches, "file-locks"),
        link_remap: is_on(matches, "link-remap"),
        lazy_pages,
        page_server,
        status,
        cgroups: cgroups(matches)?,
        empty_network: empty_network(matches)?,
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
pub fn criu(matches: &ArgMatches, annotations: &BTreeMap<String, String>) -> Result<Criu> {
    // Whoever came here by setns(2) may be in a directory that has no path.
    let absolute = |path: PathBuf| {
        let here = (!path.is_absolute()).then(std::env::current_dir).transpose();
        Ok::<_, Error>(here.sys("getcwd", || "")?.unwrap_or_default().join(path))
    };
    Ok(Criu {
        program: None,
        images: absolute(path_of(matches, "image-path").unwrap_or_else(|| IMAGES.into()))?,
        work: path_of(matches, "work-path").map(absolute).transpose()?,
        config: annotations.get(CONFIG).filter(|path| !path.is_empty()).map(PathBuf::from),
    })
}

/// `--format`
pub fn is_json(matches: &ArgMatches) -> bool {
    text(matches, "format") == Some("json")
}

/// `--manage-cgroups-mode`
pub fn cgroups(matches: &ArgMatches) -> Result<CgroupsMode> {
    Ok(match text(matches, "manage-cgroups-mode") {
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
pub fn empty_network(matches: &ArgMatches) -> Result<bool> {
    match texts(matches, "empty-ns").find(|name| !["", "network"].contains(name)) {
        Some(name) => {
            let message = format!("--empty-ns {name}: only network can come back empty");
            Err(wrong(&message))
        }
        None => Ok(texts(matches, "empty-ns").any(|name| name == "network")),
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
