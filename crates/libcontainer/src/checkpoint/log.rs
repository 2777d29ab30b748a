//! What CRIU's log says about a failure.

use std::io::{Read, Seek, SeekFrom};

use rustix::fs::{Mode, OFlags, openat};

use crate::checkpoint::{Directories, Failure};
use crate::{Error, ErrorKind};

/// How much of the log's end is looked at.
const LOOKED_AT: i64 = 1024 * 1024;

/// How many lines are told.
const TOLD: usize = 3;

/// What CRIU says when it has failed and takes everything back.
const GIVEN_UP: [&str; 2] = ["Restoring FAILED", "umping FAILED"];

impl Directories {
    /// The error with CRIU's own words, and where the rest of them is.
    pub fn explain(&self, failure: Failure) -> Error {
        let error = match failure {
            Failure::Ours(error) => return error,
            Failure::Criu(error) => error,
        };
        let words = self.end_of_log().map(|text| errors(&text)).unwrap_or_default();
        let place = format!("the whole log is {}", self.log_path.display());
        let kind = error.kind().clone();
        let text = match words.as_str() {
            "" => error.to_string(),
            words => format!("CRIU failed: {words}"),
        };
        // A missing log has nothing to tell.
        match self.end_of_log() {
            Some(_) if kind == ErrorKind::System => Error::new(kind, text).with_hint(place),
            _ => error,
        }
    }

    /// By what the CRIUs call themselves that have locked a network and not unlocked it again.
    pub fn lockers(&self) -> Vec<String> {
        const LONGEST: u64 = 64 << 20;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(log) = openat(&self.work, self.log, flags, Mode::empty()) else { return Vec::new() };
        let mut text = Vec::new();
        let _ = std::fs::File::from(log).take(LONGEST).read_to_end(&mut text);
        lockers(&String::from_utf8_lossy(&text))
    }

    fn end_of_log(&self) -> Option<String> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let log = openat(&self.work, self.log, flags, Mode::empty()).ok()?;
        let mut log = std::fs::File::from(log);
        let length = i64::try_from(log.metadata().ok()?.len()).ok()?;
        log.seek(SeekFrom::End(-length.min(LOOKED_AT))).ok()?;
        let mut text = Vec::new();
        log.read_to_end(&mut text).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    }
}

/// The lines that tell an error, without their times and sources, on one line: the first, which is the
/// cause most likely, and the last ones before CRIU gave up. What comes then are its own parts that miss
/// each other.
pub fn errors(log: &str) -> String {
    let told = |line: &str| {
        let (_, rest) = line.split_once("Error (")?;
        let (_, words) = rest.split_once("): ")?;
        let printable: String = words.chars().filter(|c| !c.is_control()).collect();
        Some(printable.trim().trim_end_matches('.').to_owned())
    };
    let mut lines: Vec<String> = Vec::new();
    for line in log.lines().filter_map(told) {
        if GIVEN_UP.iter().any(|words| line.ends_with(words)) && !lines.is_empty() {
            break;
        }
        // Root that may not raise limits is told so each time, and goes on.
        if !line.is_empty() && !line.starts_with("rlimit: ") && !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.len() > TOLD {
        lines.drain(1..lines.len() + 1 - TOLD);
    }
    lines.join("; ")
}

fn lockers(log: &str) -> Vec<String> {
    let says = |words: &str| log.lines().any(|line| line.ends_with(words));
    if !says("Lock network") || says("Unlock network") {
        return Vec::new();
    }
    let ids = log.lines().filter_map(|line| line.split_once(") CRIU run id = "));
    ids.map(|(_, id)| id.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests;
