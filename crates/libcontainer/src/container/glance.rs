//! What is seen of containers in passing, without a handle of them.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use cgroups::Freezers;
use rustix::fs::{Access, AtFlags, Mode, OFlags, ResolveFlags, accessat, fstat, openat2};

use crate::Result;
use crate::container::brief::Brief;
use crate::container::factory::{Factory, Shared};
use crate::container::handle::Container;
use crate::container::record::{Made, parse_but_config, read_ends};
use crate::container::start_socket::START_SOCKET;
use crate::container::status::Status;
use crate::container::store::{CHECKPOINTED, RECORD};

/// What is seen of a container at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Glance {
    /// Its id.
    pub id: String,
    /// What it is doing.
    pub status: Status,
    /// Its init's pid in this program's PID namespace, while that is there and has not ended.
    pub pid: Option<i32>,
    /// When it was created, in milliseconds since 1970.
    pub created: u64,
    /// The user id of whoever created it, as this program's user namespace has it.
    pub owner: u32,
    /// What is known of its configuration without reading that.
    pub brief: Brief,
}

impl Factory {
    /// What is seen of the container of this id.
    ///
    /// # Errors
    /// As [`load`](Factory::load).
    pub fn glance(&self, id: &str) -> Result<Glance> {
        Looker::new(&self.shared, self.shared.store.root_of(id)?).look(id)
    }

    /// What is seen of all containers, sorted by id; errors are as those of
    /// [`load_all`](Factory::load_all).
    pub fn glances(&self) -> Result<impl Iterator<Item = Result<Glance>>> {
        let all = self.shared.store.open_all()?.into_iter();
        Ok(all.flat_map(move |(root, ids)| {
            let mut looker = Looker::new(&self.shared, root);
            ids.into_iter().map(move |id| looker.look(&id))
        }))
    }
}

impl Container {
    fn glance(&self) -> Result<Glance> {
        let (status, init) = self.status_and_init()?;
        Ok(Glance {
            id: self.id.clone(),
            status,
            pid: init.map(|(pid, _)| pid),
            created: self.created_at()?,
            owner: self.owner()?,
            brief: self.brief()?,
        })
    }
}

/// Looks at one container after the other.
struct Looker {
    shared: Arc<Shared>,
    /// The state root.
    root: OwnedFd,
    freezers: Freezers,
    /// The record of the one that is looked at.
    text: Vec<u8>,
}

impl Looker {
    fn new(shared: &Arc<Shared>, root: OwnedFd) -> Self {
        let shared = shared.clone();
        Self { shared, root, freezers: Freezers::default(), text: Vec::new() }
    }

    fn look(&mut self, id: &str) -> Result<Glance> {
        if let Some(seen) = self.quickly(id) {
            return Ok(seen);
        }
        let entry = self.shared.store.below(self.root.as_fd(), id)?;
        Container::loaded(self.shared.clone(), id, entry)?.glance()
    }

    /// The same of one that is complete by its record, without its directory and its lock. Whatever
    /// else there is, or is wrong, is for who looks at it properly.
    fn quickly(&mut self, id: &str) -> Option<Glance> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        // An id is one name, and none that leads out.
        let path = [id, "/", RECORD].concat();
        let file =
            openat2(&self.root, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS).ok()?;
        let owner = fstat(&file).ok()?.st_uid;
        read_ends(&file, &mut self.text).ok()?;
        let (record, _) = parse_but_config(&self.text, id).ok()??;
        let init = record.init?;
        let made = init.made?;
        let has = |name: &str| {
            let path = [id, "/", name].concat();
            accessat(&self.root, path, Access::EXISTS, AtFlags::empty()).is_ok()
        };
        let pid = init.living().ok()?.map(|_| init.pid);
        let status = match made {
            _ if pid.is_none() && has(CHECKPOINTED) => Status::Checkpointed,
            _ if pid.is_none() => Status::Stopped,
            Made::Begun => Status::Running,
            Made::Held if has(START_SOCKET) => Status::Created,
            Made::Held if record.brief.start_hooks => return None,
            Made::Held => Status::Running,
        };
        let paused = status.can_pause()
            && !record.cgroup.is_empty()
            && self.freezers.freezing(&record.cgroup).ok()?;
        Some(Glance {
            id: record.id,
            status: if paused { Status::Paused } else { status },
            pid,
            created: record.created,
            owner,
            brief: record.brief,
        })
    }
}
