//! `nsinit checkpoint`, and the options that it shares with `restore`

use std::net::SocketAddr;
use std::path::PathBuf;

use cli::verb::Given;
use libcontainer::{CheckpointOptions, Criu, Error, ErrorKind, PageServer, RestoreOptions, Result};
use sys::Context;

use crate::settings::Settings;

/// Where images are when nobody says.
const IMAGES: &str = "checkpoint";

/// Saves a container.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let container = settings.container(given)?;
    let options = CheckpointOptions {
        criu: criu(settings, given)?,
        leave_running: given.is_on("leave-running"),
        tcp_established: given.is_on("tcp-established"),
        external_unix_sockets: given.is_on("ext-unix-sk"),
        shell_job: given.is_on("shell-job"),
        page_server: given.text("page-server").map(page_server).transpose()?,
        ..CheckpointOptions::default()
    };
    let json = given.text("format") == Some("json");
    cli::checkpoint::save(&container, &options, json)?;
    settings.report.debug(|| format!("saved in {}", options.criu.images.display()));
    Ok(0)
}

/// What `restore` is asked for.
pub fn restore_options(settings: &Settings, given: &Given) -> Result<RestoreOptions> {
    Ok(RestoreOptions {
        criu: criu(settings, given)?,
        tcp_established: given.is_on("tcp-established"),
        external_unix_sockets: given.is_on("ext-unix-sk"),
        shell_job: given.is_on("shell-job"),
        ..RestoreOptions::default()
    })
}

fn criu(settings: &Settings, given: &Given) -> Result<Criu> {
    let here = std::env::current_dir().sys("getcwd", || "")?;
    Ok(Criu {
        program: settings.criu.clone(),
        images: here.join(given.text("image-path").unwrap_or(IMAGES)),
        work: given.text("work-path").map(|path| here.join(path)),
        config: None,
    })
}

fn page_server(typed: &str) -> Result<PageServer> {
    let at: SocketAddr = typed.parse().map_err(|_| {
        let message = format!("--page-server {typed}: ADDRESS:PORT, in numbers");
        Error::new(ErrorKind::InvalidConfig { field: String::new() }, message)
    })?;
    Ok(PageServer { address: at.ip().to_string(), port: at.port() })
}

/// The program that `--criu` names.
pub fn program(given: &Given) -> Option<PathBuf> {
    given.text("criu").map(PathBuf::from)
}
