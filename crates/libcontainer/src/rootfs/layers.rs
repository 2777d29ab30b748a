//! Overlays whose layers' ids are mapped. The kernel maps no overlay's own ids, but takes layers from
//! idmapped mounts (Linux 5.19).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::fchdir;
use sys::Context;

use super::builder::Builder;
use super::filesystem::{self, Param};
use super::inroot::{self, Links};
use crate::plan::mounts::{Attributes, MappedLayers};
use crate::{Result, Step};

/// Makes the overlay, which is to be mounted on `place`.
pub(super) fn overlay(
    builder: &mut Builder<'_>,
    layers: &MappedLayers,
    params: &[Param],
    attributes: u64,
    place: BorrowedFd<'_>,
) -> Result<OwnedFd> {
    let mut trees = Vec::new();
    for source in &layers.lower {
        trees.push(builder.take(*source)?);
    }
    let lower: Vec<String> = trees.iter().map(|tree| tree.as_raw_fd().to_string()).collect();
    let mut given = params.to_vec();
    given.push(("lowerdir".to_owned(), Some(lower.join(":"))));
    let mut opened = Vec::new();
    if let Some(writes) = &layers.writes {
        let tree = builder.take(writes.source)?;
        for (key, path) in [("upperdir", &writes.upper), ("workdir", &writes.work)] {
            let directory = inroot::open(tree.as_fd(), path, Links::Refuse)
                .map_err(crate::Error::from)
                .step(|| format!("opening {key} {}", path.display()))?;
            given.push((key.to_owned(), Some(directory.as_raw_fd().to_string())));
            opened.push(directory);
        }
        trees.push(tree);
    }
    // Layers must be mounted (detached ones are taken only since Linux 6.15): they are until the
    // overlay has copies of its own. Descriptors are named in our own procfs.
    for tree in &trees {
        builder.attach(tree.as_fd(), place, &Attributes::private())?;
    }
    let fds = builder.proc.open_file("self/fd", OFlags::PATH | OFlags::DIRECTORY)?;
    fchdir(&fds).sys("fchdir", || "/proc/self/fd")?;
    let made = filesystem::make("overlay", &given, attributes);
    for tree in trees.iter().rev() {
        let name = tree.as_raw_fd().to_string();
        unmount(name.as_str(), UnmountFlags::DETACH).sys("umount2", || "a layer")?;
    }
    made
}
