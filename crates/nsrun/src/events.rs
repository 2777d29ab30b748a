//! `nsrun events`

mod figures;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use cgroups::{Event, Notifier};
use cli::print;
use cli::verb::Given;
use libcontainer::{Container, Error, ErrorKind, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde::Serialize;
use serde_json::Value;

use crate::arguments::text;
use crate::output::compact;
use crate::settings::Settings;
use crate::time;

/// The time between two lines of figures unless another is asked for.
const USUAL: Duration = Duration::from_secs(5);

/// A line.
#[derive(Serialize)]
struct Line<'a> {
    r#type: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

/// Prints what the container uses, once or again and again, and when it runs out of memory; ends
/// when it does.
pub fn run(settings: &Settings, given: &Given) -> Result<u8> {
    let interval = interval(given)?;
    let container = settings.container(given)?;
    let init = match container.init()? {
        Some((_, init)) if container.status()?.is_alive() => init,
        _ => {
            let message = format!("container not running: {:?}", container.id());
            return Err(Error::new(ErrorKind::NotRunning, message));
        }
    };
    if given.is_on("stats") {
        print_figures(&container)?;
        return Ok(0);
    }
    let notifier = container.notify_oom().map_err(|error| {
        settings.log.debug(|| format!("without events of memory: {error}"));
    });
    follow(&container, &init, notifier.ok(), interval)?;
    Ok(0)
}

fn interval(given: &Given) -> Result<Duration> {
    let Some(text) = text(given, "interval") else { return Ok(USUAL) };
    time::duration(text).filter(|interval| !interval.is_zero()).ok_or_else(|| {
        let message = format!("--interval: {text:?} is not a duration greater than 0, like 500ms");
        Error::new(ErrorKind::System, message)
    })
}

/// Until the container ends, or nobody reads any more.
fn follow(
    container: &Container,
    init: &OwnedFd,
    mut notifier: Option<Notifier>,
    interval: Duration,
) -> Result<()> {
    let stdout = std::io::stdout();
    let mut due = Instant::now() + interval;
    loop {
        let seen = wait(due, stdout.as_fd(), init.as_fd(), notifier.as_ref())?;
        // What happened before the end is told before the end.
        while let Some(event) = notifier.as_mut().map(Notifier::take).transpose()?.flatten() {
            match event {
                Event::OutOfMemory { .. } => print_line(container, "oom", None)?,
                Event::Gone => return Ok(()),
                _ => {}
            }
        }
        if seen.over {
            return Ok(());
        }
        if seen.due {
            match print_figures(container) {
                Err(_) if container.init()?.is_none() => return Ok(()),
                result => result?,
            }
            // Lines that were missed, because this program was stopped, are not caught up with.
            due = (due + interval).max(Instant::now());
        }
    }
}

/// What a wait ended with.
struct Seen {
    /// The container has ended, or nobody reads.
    over: bool,
    /// It is time for figures.
    due: bool,
}

fn wait(
    due: Instant,
    stdout: BorrowedFd<'_>,
    init: BorrowedFd<'_>,
    notifier: Option<&Notifier>,
) -> Result<Seen> {
    let left = due.saturating_duration_since(Instant::now());
    let timeout = Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(left.subsec_nanos()),
    };
    let mut fds = vec![
        // Only asked whether its reader is gone.
        PollFd::from_borrowed_fd(stdout, PollFlags::empty()),
        PollFd::from_borrowed_fd(init, PollFlags::IN),
    ];
    if let Some(notifier) = notifier {
        fds.push(PollFd::from_borrowed_fd(notifier.as_fd(), notifier.interest()));
    }
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(sys::SysError::new("poll", "", errno).into()),
    }
    let over = fds.iter().take(2).any(|fd| !fd.revents().is_empty());
    Ok(Seen { over, due: Instant::now() >= due })
}

fn print_figures(container: &Container) -> Result<()> {
    print_line(container, "stats", Some(figures::data(&container.stats()?)))
}

fn print_line(container: &Container, kind: &str, data: Option<Value>) -> Result<()> {
    print(&compact(&Line { r#type: kind, id: container.id(), data })?)
}
