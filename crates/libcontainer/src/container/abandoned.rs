//! Executed processes whose handles were dropped before they ended.
//!
//! The PID 1 of their container cannot end before they have been waited for (pid_namespaces(7)),
//! and a program that drops a handle does not mean to keep it from that. A thread waits for them.
//! It is there only while one of them is, and takes no signal.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::event::epoll;
use rustix::io::Errno;
use sys::Context;
use sys::signal::BlockAll;

use crate::Result;
use crate::container::unwaited::{self, Started, locked};

/// Those that the thread waits for.
struct Abandoned {
    epoll: Arc<OwnedFd>,
    all: Vec<Arc<Started>>,
}

static ABANDONED: Mutex<Option<Abandoned>> = Mutex::new(None);

/// Has the thread wait for a process. Where there can be none, whoever waits for an init does it
/// later.
pub(super) fn look_after(started: Arc<Started>) -> Result<()> {
    let mut abandoned = locked(&ABANDONED);
    let abandoned = match &mut *abandoned {
        Some(abandoned) => abandoned,
        none => none.insert(begin()?),
    };
    let data = epoll::EventData::new_u64(0);
    epoll::add(&*abandoned.epoll, started.as_fd(), data, epoll::EventFlags::IN)
        .sys("epoll_ctl", || "of a pidfd")?;
    abandoned.all.push(started);
    Ok(())
}

fn begin() -> Result<Abandoned> {
    let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC).sys("epoll_create1", || "")?);
    let seen = Arc::clone(&epoll);
    // The host's handlers run in threads of the host's.
    let _blocked = BlockAll::new()?;
    thread::Builder::new()
        .name("container-wait".to_owned())
        .spawn(move || serve(&seen))
        .sys("clone", || "of a thread")?;
    Ok(Abandoned { epoll, all: Vec::new() })
}

fn serve(epoll: &OwnedFd) {
    loop {
        let mut events = [MaybeUninit::uninit(); 8];
        match epoll::wait(epoll, &mut events, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        unwaited::reap();
        let mut abandoned = locked(&ABANDONED);
        let Some(known) = &mut *abandoned else { return };
        known.all.retain(|started| {
            let ended = started.reap();
            if ended {
                let _ = epoll::delete(epoll, started.as_fd());
            }
            !ended
        });
        if known.all.is_empty() {
            *abandoned = None;
            return;
        }
    }
}
