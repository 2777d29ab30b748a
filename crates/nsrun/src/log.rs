//! What nsrun tells beside its results: on standard error, and in the file that engines read.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use cli::line::presentable;
use cli::verb::Given;
use libcontainer::Error;
use serde::Serialize;
use sys::{Context, SysError};

use crate::arguments::{path_of, text};
use crate::time;

/// Where lines go.
#[derive(Debug, Default)]
pub struct Log {
    file: Option<File>,
    json: bool,
    debug: bool,
}

/// A line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    level: &'a str,
    msg: &'a str,
    time: &'a str,
}

impl Log {
    /// As the global flags ask for.
    ///
    /// # Errors
    /// The file cannot be opened; the log then only knows standard error.
    pub fn of(given: &Given) -> std::result::Result<Self, (Self, Error)> {
        let json = text(given, "log-format") == Some("json");
        let mut log = Self { file: None, json, debug: given.is_on("debug") };
        if let Some(path) = path_of(given, "log") {
            let opened = OpenOptions::new().append(true).create(true).mode(0o644).open(&path);
            match opened.sys("open", || path.display().to_string()) {
                Ok(file) => log.file = Some(file),
                Err(error) => return Err((log, Error::from(error).within("opening the log file"))),
            }
        }
        Ok(log)
    }

    /// What failed: one line on standard error, and one in the file.
    pub fn error(&self, error: &Error) {
        let text = presentable(&in_small_letters(error), LONGEST);
        on_stderr(&text);
        self.line("error", &text);
        if self.debug {
            self.debug(|| format!("kind {:?}, errno {:?}", error.kind(), error.errno()));
        }
    }

    /// What is not as asked for, and no reason to stop: in the file where there is one, since
    /// engines take what they read on standard error for an error.
    pub fn warning(&self, text: &str) {
        let text = presentable(text, LONGEST);
        match self.file {
            Some(_) => self.line("warning", &text),
            None => on_stderr(&format!("warning: {text}")),
        }
    }

    /// One line for those who asked; the text is only made for them.
    pub fn debug(&self, text: impl FnOnce() -> String) {
        if !self.debug {
            return;
        }
        let text = presentable(&text(), LONGEST);
        match self.file {
            Some(_) => self.line("debug", &text),
            // As in a file, so that nobody takes it for an error.
            None => drop(std::io::stderr().write_all(self.format("debug", &text).as_bytes())),
        }
    }

    fn line(&self, level: &str, msg: &str) {
        if let Some(mut file) = self.file.as_ref() {
            // In one write, since others append, too. There is nobody left to tell when this fails.
            let _ = file.write_all(self.format(level, msg).as_bytes());
        }
    }

    fn format(&self, level: &str, msg: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = time::rfc3339(now.as_secs());
        match self.json {
            true => {
                serde_json::to_string(&Line { level, msg, time: &time }).unwrap_or_default() + "\n"
            }
            false => format!("time=\"{time}\" level={level} msg={msg:?}\n"),
        }
    }
}

/// The error's line, with errno's words beginning with a small letter: engines look for "no such
/// file or directory" and "permission denied" to tell what kind of failure it was.
fn in_small_letters(error: &Error) -> String {
    let mut line = error.to_string();
    let Some(errno) = error.errno() else { return line };
    let words = SysError { call: "".into(), args: String::new(), errno }.words();
    if let Some(place) = line.rfind(&words)
        && let Some(letter) = line.get_mut(place..=place)
    {
        letter.make_ascii_lowercase();
    }
    line
}

fn on_stderr(text: &str) {
    let _ = std::io::stderr().write_all(format!("nsrun: {text}\n").as_bytes());
}

/// The most of a message that is told, in characters; what is beyond is cut out of its middle.
const LONGEST: usize = 4000;

#[cfg(test)]
mod tests;
