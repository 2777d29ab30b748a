//! How far a checkpoint is, told on a terminal when it takes long.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use libcontainer::{CheckpointOptions, Container};

/// What does not take longer is not worth a word.
const LONG: Duration = Duration::from_millis(300);

/// How often it is told.
const OFTEN: Duration = Duration::from_millis(100);

const MIB: u64 = 1024 * 1024;

/// Tells it until it is dropped.
#[derive(Debug)]
pub struct Progress(Option<(Sender<()>, JoinHandle<bool>)>);

impl Progress {
    /// Of this checkpoint, if standard error is a terminal and its memory comes to be where that
    /// can be seen.
    pub fn of(container: &Container, options: &CheckpointOptions) -> Self {
        let elsewhere = options.page_server.is_some() || options.lazy_pages;
        if elsewhere || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let total = container.processes().map_or(0, |all| all.iter().map(|pid| memory(*pid)).sum());
        let images = options.criu.images.clone();
        let (sender, receiver) = channel();
        Self(Some((sender, std::thread::spawn(move || tell(&receiver, &images, total)))))
    }

    /// The end: whether anything was told.
    pub fn end(mut self) -> bool {
        self.stop()
    }

    fn stop(&mut self) -> bool {
        let Some((sender, teller)) = self.0.take() else { return false };
        drop(sender);
        teller.join().unwrap_or(false)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Writes a line over the one before, until whoever waits has gone.
fn tell(waits: &Receiver<()>, images: &Path, total: u64) -> bool {
    let (begin, old) = (Instant::now(), written(images));
    let mut told = false;
    while waits.recv_timeout(OFTEN) == Err(RecvTimeoutError::Timeout) {
        if begin.elapsed() > LONG {
            let now = written(images).saturating_sub(old);
            draw(&format!("\r\x1b[K{}", line(now, total, begin.elapsed())));
            told = true;
        }
    }
    if told {
        draw("\r\x1b[K");
    }
    told
}

fn draw(text: &str) {
    // Nobody reads it: then nobody misses it.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// `saving: 81 of 1024 MiB (20736 of 262144 pages), 480 MiB/s`
fn line(written: u64, total: u64, time: Duration) -> String {
    let page = rustix::param::page_size() as u64;
    // What processes share is counted once when it is written; and there may be more by now.
    let total = total.max(written);
    let rate = (written as f64 / MIB as f64 / time.as_secs_f64()) as u64;
    format!(
        "saving: {} of {} MiB ({} of {} pages), {rate} MiB/s",
        written / MIB,
        total / MIB,
        written / page,
        total / page
    )
}

/// Bytes of memory that are in a directory of images.
fn written(images: &Path) -> u64 {
    let files = std::fs::read_dir(images).into_iter().flatten().flatten();
    let pages = files.filter(|file| {
        let name: PathBuf = file.file_name().into();
        name.to_str().is_some_and(|name| name.starts_with("pages-"))
    });
    pages.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

/// Bytes of memory of a process that are in no file (proc_pid_status(5)).
fn memory(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    ["RssAnon:", "RssShmem:"].iter().filter_map(|name| field(name)).sum::<u64>() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_progress() {
        let two = Duration::from_secs(2);
        let told = line(512 * MIB, 1024 * MIB, two);
        assert_eq!(told, "saving: 512 of 1024 MiB (131072 of 262144 pages), 256 MiB/s");
        // More than there was at the beginning.
        assert!(line(5 * MIB, MIB, two).starts_with("saving: 5 of 5 MiB"));
    }

    #[test]
    fn a_process_has_memory() {
        assert!(memory(std::process::id() as i32) > 0);
        assert_eq!(memory(-1), 0);
    }
}
