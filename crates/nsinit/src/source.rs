//! Where a container's configuration comes from: a file, or the template.

pub mod ordinary;
mod trusted;

use std::path::{Path, PathBuf};

use libcontainer::config::{Form, Mount, NamespaceKind, Rootfs, parse, template};
use libcontainer::{Config, Error, ErrorKind, Result, Step};

use crate::place::Place;

/// The file that is read where none is named.
pub const FILE: &str = "container.json";

/// A configuration and where it comes from.
#[derive(Debug)]
pub struct Source {
    /// As the file says, no flag applied.
    pub config: Config,
    /// The file, absolute; `None` for the template.
    pub file: Option<PathBuf>,
    /// There is no container.json in the directory, or only the empty one that holds its name.
    pub vacant: bool,
    /// What deserves a line.
    pub warnings: Vec<String>,
}

/// Reads the file that was named, else the place's container.json, else takes the template.
pub fn read(named: Option<&str>, place: &Place) -> Result<Source> {
    if let Some(named) = named {
        let path = std::path::absolute(named).unwrap_or_else(|_| PathBuf::from(named));
        let Some(bytes) = trusted::read(&path).step(|| path.display().to_string())? else {
            let message = format!("there is no {}", path.display());
            return Err(Error::new(ErrorKind::System, message).within("--config"));
        };
        // The directory's own file is what the next start may read.
        let vacant = is_vacant(&place.path().join(FILE)) && path != place.path().join(FILE);
        return parsed(&bytes, path, place).map(|source| Source { vacant, ..source });
    }
    let path = place.path().join(FILE);
    match trusted::read(Path::new(FILE)).step(|| path.display().to_string())? {
        // An empty file is what holds the name while a container runs without one.
        Some(bytes) if !bytes.is_empty() => parsed(&bytes, path, place),
        _ => {
            let mut config = template(Rootfs::Directory(place.path().to_owned()));
            ordinary::adapt(&mut config);
            Ok(Source { config, file: None, vacant: true, warnings: Vec::new() })
        }
    }
}

fn is_vacant(file: &Path) -> bool {
    match std::fs::symlink_metadata(file) {
        Ok(found) => found.is_file() && found.len() == 0,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

fn parsed(bytes: &[u8], path: PathBuf, place: &Place) -> Result<Source> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut parsed = parse(bytes, &path, directory)?;
    // A file from elsewhere that names no root file system, or one that is not here, is for this
    // directory, unless it lies in a root file system itself.
    if parsed.form != Form::Oci && directory != place.path() && !is_root(directory, "") {
        let here = place.path().to_owned();
        if parsed.rootfs_fallback.is_some() {
            parsed.rootfs_fallback = Some(here);
        } else if parsed.config.rootfs == Rootfs::Directory(directory.to_owned()) {
            parsed.config.rootfs = Rootfs::Directory(here);
        }
    }
    let moved = parsed.fall_back(Path::is_dir);
    if parsed.form != Form::Oci && !ordinary::is_decided(bytes) {
        ordinary::adapt(&mut parsed.config);
    }
    let mut warnings = parsed.warnings;
    warnings.extend(moved);
    Ok(Source { config: parsed.config, file: Some(path), vacant: false, warnings })
}

/// Where the container would see the file, if that lies in its root file system.
fn inside(config: &Config, file: &Path) -> Option<PathBuf> {
    let Rootfs::Directory(root) = &config.rootfs else { return None };
    if root.as_os_str().is_empty() {
        return None;
    }
    let directory = file.parent()?;
    let below = if directory == root {
        PathBuf::new()
    } else {
        let (root, directory) = (root.canonicalize().ok()?, directory.canonicalize().ok()?);
        directory.strip_prefix(root).ok()?.to_owned()
    };
    Some(Path::new("/").join(below).join(file.file_name()?))
}

/// Binds the file read-only over itself inside the container, which could otherwise write the
/// configuration of its next start. Whether it lies inside.
///
/// In the host's mount namespace, or in somebody else's, nothing can be bound: there the file is
/// as safe as that namespace's owner keeps it.
pub fn protect(config: &mut Config, file: &Path) -> bool {
    let own = |kind| config.namespaces.iter().any(|n| n.kind == kind && n.path.is_none());
    if !own(NamespaceKind::Mount) {
        return false;
    }
    let Some(destination) = inside(config, file) else { return false };
    let options = ["bind", "ro", "nosuid", "nodev", "noexec"].map(str::to_owned).into();
    let source = Some(file.to_owned());
    let fstype = "bind".to_owned();
    config.mounts.push(Mount { destination, fstype, source, options, ..Mount::default() });
    true
}

/// Whether a directory looks like a root file system, or has the program at least.
fn is_root(directory: &Path, program: &str) -> bool {
    const SIGNS: [&str; 6] = ["usr", "bin", "sbin", "lib", "nix", "init"];
    let has = |name: &str| std::fs::symlink_metadata(directory.join(name)).is_ok();
    let program = program.trim_start_matches('/');
    SIGNS.iter().any(|name| has(name)) || (!program.is_empty() && has(program))
}

/// Refuses a directory that is no root file system before anything is made in it.
pub fn check_root(config: &Config, place: &Place) -> Result<()> {
    let Rootfs::Directory(root) = &config.rootfs else { return Ok(()) };
    if root.as_os_str().is_empty() || !root.is_dir() {
        // The library tells what is wrong.
        return Ok(());
    }
    if is_root(root, config.process.args.first().map_or("", String::as_str)) {
        return Ok(());
    }
    let message = format!("there is no root file system in {}", root.display());
    let bundle = root == place.path() && root.join("config.json").exists();
    let hint = if bundle {
        "for the OCI bundle here: nsinit exec --config config.json"
    } else {
        "make one: debootstrap stable DIR, or unpack a distribution's image; or use this host's: \
         nsinit exec --host"
    };
    Err(Error::new(ErrorKind::InvalidConfig { field: String::new() }, message).with_hint(hint))
}

#[cfg(test)]
mod tests;
