//! A running CRIU: found, started without a command line of its own, asked what it is.

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::thread::{CapabilitySet, capabilities};
use sys::Context;

use crate::checkpoint::{Response, Session, Type};
use crate::plan::{CriuPlan, Layout};
use crate::{Error, ErrorKind, Result};

/// The oldest CRIU that is taken: older ones do not start on today's kernels.
pub const LEAST: [u64; 3] = [4, 0, 0];

/// How to get one.
const HOW: &str = "CRIU 4.0 or newer is needed: Debian 13 and Ubuntu 25.04 have it as the package \
                   criu, others at criu.org; it is looked for in PATH, or named by --criu where \
                   that is a flag";

/// Where programs of the system's are, whatever PATH says.
const USUAL: &str = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

/// A CRIU that is to be started.
#[derive(Debug)]
pub struct Criu {
    program: PathBuf,
}

impl Criu {
    /// Looks for the program, and whether the caller may do with it what it is for.
    pub fn find(named: Option<&Path>) -> Result<Self> {
        let may = capabilities(None).sys("capget", || "")?.effective;
        if !may.contains(CapabilitySet::SYS_ADMIN) {
            let message = "only root of the host can checkpoint and restore containers";
            let hint = "CRIU takes CAP_SYS_ADMIN to set up namespaces, which rootless callers lack";
            return Err(Error::new(ErrorKind::System, message).with_hint(hint));
        }
        Ok(Self { program: find(named.unwrap_or(Path::new("criu")))? })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.program
    }

    /// What the sealed init is told, to become this one.
    pub fn plan(&self, survives: bool, layout: Option<Layout>) -> CriuPlan {
        let path = Self::search_path();
        // Options of the user's own, as criu(8) has it.
        let own = ["HOME", "CRIU_CONFIG_FILE", "TMPDIR"];
        let own =
            own.iter().filter_map(|name| Some(format!("{name}={}", std::env::var(name).ok()?)));
        CriuPlan {
            program: self.program.clone(),
            env: own.chain([format!("PATH={path}")]).collect(),
            survives,
            layout,
        }
    }

    /// Where it finds programs, as a PATH.
    pub fn search_path() -> String {
        match std::env::var("PATH") {
            Ok(path) if !path.is_empty() => format!("{path}:{USUAL}"),
            _ => USUAL.to_owned(),
        }
    }

    /// It is started: the conversation begins, by who it is.
    pub fn greet(&self, socket: OwnedFd) -> Result<Session> {
        let session = Session(socket);
        let nothing = &mut |_: &Response, _| Ok(());
        let version = session.call(Type::Version, None, nothing);
        let program = self.program.display();
        let version = version.map_err(|error| {
            Error::from(error).within(format!("asking {program} for its version")).with_hint(HOW)
        })?;
        if version.version < LEAST {
            let [major, minor, sublevel] = version.version;
            let message = format!("{program} is CRIU {major}.{minor}.{sublevel}, which is too old");
            return Err(Error::new(ErrorKind::System, message).with_hint(HOW));
        }
        Ok(session)
    }
}

fn find(named: &Path) -> Result<PathBuf> {
    let is_program = |path: &PathBuf| {
        let executable = |meta: std::fs::Metadata| meta.permissions().mode() & 0o111 != 0;
        path.is_file() && std::fs::metadata(path).is_ok_and(executable)
    };
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = match named.components().count() {
        1 if !named.as_os_str().as_encoded_bytes().contains(&b'/') => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let usual = std::ffi::OsString::from(USUAL);
            let all: Vec<_> =
                std::env::split_paths(&path).chain(std::env::split_paths(&usual)).collect();
            all.iter().map(|directory| absolute(&directory.join(named))).find(is_program)
        }
        _ => Some(absolute(named)).filter(is_program),
    };
    found.ok_or_else(|| {
        let message = format!("there is no program {}", named.display());
        Error::new(ErrorKind::System, message).with_hint(HOW)
    })
}
