//! What can be asked of a checkpoint and of a restore.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// How control groups are saved and brought back (criu(8), `--manage-cgroups`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CgroupsMode {
    /// Groups below the container's are made where they are missing; limits of groups that are
    /// there stay as they are.
    #[default]
    Soft,
    /// All limits are brought back.
    Full,
    /// No group may be there yet, but for the container's own.
    Strict,
    /// Processes come back in the container's own group, whatever groups they had made in it.
    Ignore,
}

/// Which program is CRIU, and where its files go.
#[derive(Debug, Clone, Default)]
pub struct Criu {
    /// The program; without a slash it is looked for in PATH. `None` is `criu`.
    pub program: Option<PathBuf>,
    /// The directory of the images; made for a checkpoint.
    pub images: PathBuf,
    /// The directory of logs and statistics, made where it is missing; `None` is that of the
    /// images.
    pub work: Option<PathBuf>,
    /// A file of further options for CRIU (criu(8), "Configuration files"), which outweigh all
    /// others; it is trusted as CRIU itself is.
    pub config: Option<PathBuf>,
}

/// Whereto memory is sent, or where it is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageServer {
    /// A numeric address.
    pub address: String,
    /// The port.
    pub port: u16,
}

/// A checkpoint.
#[derive(Debug, Default)]
pub struct CheckpointOptions {
    /// CRIU and its directories.
    pub criu: Criu,
    /// The container goes on afterwards.
    pub leave_running: bool,
    /// Only memory is saved, to make the freeze of a later checkpoint shorter; the container goes
    /// on.
    pub pre_dump: bool,
    /// The directory of an earlier one of those, relative to that of the images: what has not
    /// changed since is not saved again.
    pub parent: Option<PathBuf>,
    /// Memory that an earlier checkpoint has and this one, too, is dropped from the earlier one.
    pub auto_dedup: bool,
    /// Established TCP connections are saved.
    pub tcp_established: bool,
    /// Those that are being established are left out.
    pub tcp_skip_in_flight: bool,
    /// Connections to UNIX sockets outside are let go.
    pub external_unix_sockets: bool,
    /// A terminal of the caller's may be among the descriptors.
    pub shell_job: bool,
    /// Locks of files are saved. Nobody outside may have one on the same files.
    pub file_locks: bool,
    /// Files that have no name any more get one, until they are brought back.
    pub link_remap: bool,
    /// Memory stays here and is offered to who restores it elsewhere, at
    /// [`page_server`](Self::page_server).
    pub lazy_pages: bool,
    /// Memory is sent there; with [`lazy_pages`](Self::lazy_pages), it is offered there.
    pub page_server: Option<PageServer>,
    /// Gets a NUL byte when memory is offered.
    pub status: Option<OwnedFd>,
    /// What is done about control groups.
    pub cgroups: CgroupsMode,
    /// The network namespace comes back empty, for hooks to fill.
    pub empty_network: bool,
}

/// A restore.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// CRIU and its directories.
    pub criu: Criu,
    /// Established TCP connections are brought back.
    pub tcp_established: bool,
    /// See [`CheckpointOptions::external_unix_sockets`].
    pub external_unix_sockets: bool,
    /// See [`CheckpointOptions::shell_job`].
    pub shell_job: bool,
    /// Locks of files are brought back.
    pub file_locks: bool,
    /// Memory is fetched when it is used, from a `criu lazy-pages` with the same work directory.
    pub lazy_pages: bool,
    /// What has been read is dropped from the images.
    pub auto_dedup: bool,
    /// What is done about control groups.
    pub cgroups: CgroupsMode,
    /// The network namespace comes back empty, for hooks to fill.
    pub empty_network: bool,
    /// Another security profile: `apparmor:NAME` or `selinux:LABEL`.
    pub lsm_profile: Option<String>,
    /// Another SELinux context for the mounts that had one.
    pub lsm_mount_context: Option<String>,
}
