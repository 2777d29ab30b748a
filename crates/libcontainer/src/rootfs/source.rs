//! What the container gets of the host, opened in the host's view.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, major, minor, openat};
use rustix::io::Errno;
use sys::{Context, SysError};

use super::attach::clone_tree;
use super::idmap;
use super::inroot::{self, Links};
use super::relabel;
use crate::config::DeviceKind;
use crate::plan::mounts::{Entry, MountOp, RootSource, RootfsPlan, Source};
use crate::procfs::Procfs;
use crate::{Error, ErrorKind, Result, Step};

/// What [`open_sources`] opened: detached trees, which no later change of the host's paths can
/// redirect. What is missing, the caller may not clone in the host's view (rootless); the init
/// does it in its own mount namespace.
#[derive(Debug, Default)]
pub struct Sources {
    /// The root directory, or nothing for a view of the host.
    pub(super) root: Option<OwnedFd>,
    /// By the plan's index.
    pub(super) trees: Vec<Option<OwnedFd>>,
    /// /dev/null, where something may have to be masked.
    pub(super) null: Option<OwnedFd>,
}

/// The device that hides files: memory device 1:3 (admin-guide/devices.txt).
const NULL: (DeviceKind, u32, u32) = (DeviceKind::Char, 1, 3);

/// Opens what `plan` takes from the host. To be called in the host's mount namespace.
///
/// # Errors
/// [`ErrorKind::InvalidConfig`] for a root that is missing or no directory; the system call's
/// error for another source, with its path.
pub fn open_sources(plan: &RootfsPlan, proc: &Procfs) -> Result<Sources> {
    let mut sources = Sources::default();
    let mut users = idmap::Namespaces::default();
    if let RootSource::Directory(path) = &plan.root {
        sources.root = match (plan.entry, &plan.root_idmap) {
            (Entry::Chroot, _) => Some(open_directory(path)?),
            (_, None) => unless_refused(open_root(path))?,
            (_, Some(idmap)) => {
                let root = open_root(path).map_err(takes_privileges);
                let root = root.and_then(|root| users.map(root, idmap, path, proc));
                Some(root.step(|| format!("mapping the ids of the root, {}", path.display()))?)
            }
        };
    }
    let mapping = || "mapping its ids";
    for (index, source) in plan.sources.iter().enumerate() {
        let opened = match &source.idmap {
            None => match unless_refused(open_source(source)) {
                Err(error) if source.optional && is(&error, Errno::NOENT) => Ok(None),
                opened => opened
                    .and_then(|tree| tree.map(|tree| labelled(tree, source, proc)).transpose()),
            },
            // Later would be too late.
            Some(idmap) => open_source(source)
                .map_err(takes_privileges)
                .step(mapping)
                .and_then(|tree| labelled(tree, source, proc))
                .and_then(|tree| users.map(tree, idmap, &source.path, proc).step(mapping))
                .map(Some),
        };
        sources.trees.push(opened.step(|| plan.shown(index))?);
    }
    if plan.ops.iter().any(|op| matches!(op, MountOp::Mask(_))) {
        sources.null = unless_refused(open_null())?;
    }
    Ok(sources)
}

/// The caller lacks CAP_SYS_ADMIN over its mount namespace: left for later.
fn unless_refused(opened: Result<OwnedFd>) -> Result<Option<OwnedFd>> {
    match opened {
        Ok(fd) => Ok(Some(fd)),
        Err(error) if is(&error, Errno::PERM) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is(error: &Error, errno: Errno) -> bool {
    error.errno() == Some(errno.raw_os_error())
}

/// Nobody can do it later for a caller without CAP_SYS_ADMIN.
fn takes_privileges(error: Error) -> Error {
    match is(&error, Errno::PERM) {
        true => error.with_hint(
            "ids are mapped with CAP_SYS_ADMIN in the user namespace of the file system: give the \
             files to ids of the container's instead",
        ),
        false => error,
    }
}

/// The directory that becomes `/`, with what is mounted below it.
pub(super) fn open_root(path: &Path) -> Result<OwnedFd> {
    let root = clone_tree(CWD, path, true).sys("open_tree", || path.display().to_string());
    let root = root.map_err(|error| no_root(path, error))?;
    let kind = FileType::from_raw_mode(fstat(&root).sys("fstat", || "root")?.st_mode);
    if kind != FileType::Directory {
        return Err(no_root(path, SysError::new("open_tree", "", Errno::NOTDIR)));
    }
    Ok(root)
}

fn open_directory(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty())
        .sys("openat", || path.display().to_string())
        .map_err(|error| no_root(path, error))
}

fn no_root(path: &Path, error: SysError) -> Error {
    let kind = ErrorKind::InvalidConfig { field: "rootfs".into() };
    let path = path.display();
    match error.errno() {
        Errno::NOENT => Error::new(kind, format!("there is no directory {path}")),
        Errno::NOTDIR => Error::new(kind, format!("{path} is not a directory")),
        _ => Error::from(error).within("opening the root file system"),
    }
}

/// A bind's source. One that lies in the image is looked up in there: no link leads elsewhere.
pub(super) fn open_source(source: &Source) -> Result<OwnedFd> {
    let shown = || source.path.display().to_string();
    let below = source.image.as_ref().and_then(|image| {
        Some((image, source.path.strip_prefix(image).ok().filter(|rest| *rest != Path::new(""))?))
    });
    let tree = match below {
        Some((image, rest)) => {
            let found = inroot::open(open_directory(image)?.as_fd(), rest, Links::Follow)?;
            clone_tree(found.as_fd(), Path::new(""), source.recursive)
        }
        None => clone_tree(CWD, &source.path, source.recursive),
    }
    .sys("open_tree", shown)?;
    if let Some(device) = source.device {
        verify_device(tree.as_fd(), device)
            .step(|| format!("opening the host's device {}", source.path.display()))?;
    }
    Ok(tree)
}

/// The source's tree, with the SELinux label that it shall have.
pub(super) fn labelled(tree: OwnedFd, source: &Source, proc: &Procfs) -> Result<OwnedFd> {
    if let Some(label) = &source.label {
        relabel::relabel(tree.as_fd(), label, proc)?;
    }
    Ok(tree)
}

/// The host's /dev/null, which must be it.
pub(super) fn open_null() -> Result<OwnedFd> {
    let path = Path::new("/dev/null");
    open_source(&Source { path: path.into(), device: Some(NULL), ..Source::default() })
}

/// Checks that `fd` is the device it shall be, and not what somebody put in its place.
pub(super) fn verify_device(fd: BorrowedFd<'_>, device: (DeviceKind, u32, u32)) -> Result<()> {
    let stat = fstat(fd).sys("fstat", || "device")?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::CharacterDevice => Some(DeviceKind::Char),
        FileType::BlockDevice => Some(DeviceKind::Block),
        FileType::Fifo => Some(DeviceKind::Fifo),
        _ => None,
    };
    let (wanted, wanted_major, wanted_minor) = device;
    let numbers = (major(stat.st_rdev), minor(stat.st_rdev));
    let same = kind == Some(wanted)
        && (wanted == DeviceKind::Fifo || numbers == (wanted_major, wanted_minor));
    if same {
        return Ok(());
    }
    let what = format!("it is not the {} device {wanted_major}:{wanted_minor}", name_of(wanted));
    Err(Error::new(ErrorKind::System, what))
}

fn name_of(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Char => "character",
        DeviceKind::Block => "block",
        DeviceKind::Fifo => "FIFO",
    }
}
