//! A thread that lasts as long as the process.
//!
//! The kernel sends PR_SET_PDEATHSIG when the *thread* ends that made a child (prctl(2)). A
//! program that asks for it means its process, so such a child is made by a thread that never
//! ends. It is made when the first one is asked for.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use sys::spawn::{Spawned, spawn};

use crate::{Error, ErrorKind, Result};

struct Job {
    program: OwnedFd,
    args: Vec<CString>,
    keep: OwnedFd,
    reply: Sender<sys::Result<Spawned>>,
}

static QUEUE: Mutex<Option<Sender<Job>>> = Mutex::new(None);

/// As [`sys::spawn::spawn`] with an empty environment, by the lasting thread.
pub(super) fn spawn_lasting(
    program: OwnedFd,
    args: Vec<CString>,
    keep: OwnedFd,
) -> Result<Spawned> {
    let ended = || Error::new(ErrorKind::System, "the thread that makes containers has ended");
    let (reply, answer) = channel();
    let job = Job { program, args, keep, reply };
    {
        let mut queue = QUEUE.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = match &mut *queue {
            Some(sender) => sender,
            none => none.insert(begin()?),
        };
        sender.send(job).map_err(|_| ended())?;
    }
    Ok(answer.recv().map_err(|_| ended())??)
}

fn begin() -> Result<Sender<Job>> {
    let (sender, jobs) = channel();
    thread::Builder::new()
        .name("libcontainer".to_owned())
        .spawn(move || serve(&jobs))
        .map_err(|error| Error::new(ErrorKind::System, format!("starting a thread: {error}")))?;
    Ok(sender)
}

fn serve(jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        let spawned = spawn(job.program.as_fd(), &job.args, &[], job.keep.as_fd());
        // Whoever asked waits for this answer.
        let _ = job.reply.send(spawned);
    }
}
