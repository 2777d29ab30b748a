//! What CRIU takes to serve memory that stays behind (`CheckpointOptions::lazy_pages`).

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use sys::{Context, SysError};

use crate::{Error, Result};

/// CRIU copies what precedes a page into one pipe of this many pages (`PIPE_MAX_SIZE` of its
/// criu/include/page-pipe.h: as many `struct pipe_buffer`s as fit into eight), and does not look
/// whether it got it: the transfer would fail with the first page, when the container is gone.
const PIPE: usize = 8 * 4096 / 40;

/// Whether a process like this one may make such a pipe (pipe(7), "Pipe capacity").
pub fn check_pipes() -> Result<()> {
    let (reader, _writer) = pipe_with(PipeFlags::CLOEXEC).sys("pipe2", || "")?;
    let size = PIPE * rustix::param::page_size();
    match fcntl_setpipe_size(&reader, size) {
        Err(Errno::PERM) => {
            let error = SysError::new("fcntl", format!("F_SETPIPE_SZ, {size}"), Errno::PERM);
            let error = Error::from(error).within("the pipes of lazy pages");
            Err(error.with_hint(
                "longer pipes than fs.pipe-max-size take CAP_SYS_RESOURCE: sysctl \
                 fs.pipe-max-size=4194304 is enough for CRIU",
            ))
        }
        // What else there may be, CRIU comes to as well.
        _ => Ok(()),
    }
}
