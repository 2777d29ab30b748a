//! `nsinit checkpoint`, and the options that it shares with `restore`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ArgMatches;
use libcontainer::{CheckpointOptions, Criu, Error, ErrorKind, PageServer, RestoreOptions, Result};
use sys::Context;

use crate::settings::{Settings, text};

/// Where images are when nobody says.
const IMAGES: &str = "checkpoint";

/// Saves a container.
pub fn run(settings: &Settings, matches: &ArgMatches) -> Result<u8> {
    let container = settings.container(matches)?;
    let options = CheckpointOptions {
        criu: criu(settings, matches)?,
        leave_running: matches.get_flag("leave-running"),
        tcp_established: matches.get_flag("tcp-established"),
        external_unix_sockets: matches.get_flag("ext-unix-sk"),
        shell_job: matches.get_flag("shell-job"),
        page_server: text(matches, "page-server").map(page_server).transpose()?,
        ..CheckpointOptions::default()
    };
    let json = text(matches, "format") == Some("json");
    cli::checkpoint::save(&container, &options, json)?;
    settings.report.debug(|| format!("saved in {}", options.criu.images.display()));
    Ok(0)
}

/// What `restore` is asked for.
pub fn restore_options(settings: &Settings, matches: &ArgMatches) -> Result<RestoreOptions> {
    Ok(RestoreOptions {
        criu: criu(settings, matches)?,
        tcp_established: matches.get_flag("tcp-established"),
        external_unix_sockets: matches.get_flag("ext-unix-sk"),
        shell_job: matches.get_flag("shell-job"),
        ..RestoreOptions::default()
    })
}

fn criu(settings: &Settings, matches: &ArgMatches) -> Result<Criu> {
    let here = std::env::current_dir().sys("getcwd", || "")?;
    Ok(Criu {
        program: settings.criu.clone(),
        images: here.join(text(matches, "image-path").unwrap_or(IMAGES)),
        work: text(matches, "work-path").map(|path| here.join(path)),
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
pub fn program(matches: &ArgMatches) -> Option<PathBuf> {
    text(matches, "criu").map(PathBuf::from)
}
