//! What nsinit tells beside its results: errors, warnings, and what `--debug` asks for.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Instant;

use cli::line::presentable;
use libcontainer::{Error, Result};
use rustix::fs::{CWD, Mode, OFlags, openat};
use sys::Context;

/// Where lines go: standard error, and the log file where there is one.
#[derive(Debug)]
pub struct Report {
    begun: Instant,
    debug: bool,
    log: Option<File>,
}

impl Report {
    /// Tells errors and warnings only.
    pub fn new(begun: Instant) -> Self {
        Self { begun, debug: false, log: None }
    }

    /// From now on tells what `--debug` and `--log-file` ask for.
    pub fn configure(&mut self, debug: bool, log: Option<&Path>) -> Result<()> {
        self.debug = debug;
        if let Some(path) = log {
            let flags = OFlags::WRONLY
                | OFlags::APPEND
                | OFlags::CREATE
                | OFlags::NOFOLLOW
                | OFlags::NOCTTY
                | OFlags::CLOEXEC;
            let fd = openat(CWD, path, flags, Mode::RUSR | Mode::WUSR)
                .sys("open", || path.display().to_string())
                .map_err(|error| Error::from(error).within("opening the log file"))?;
            self.log = Some(File::from(fd));
        }
        Ok(())
    }

    /// One line about what failed.
    pub fn error(&self, error: &Error) {
        self.line("error", &error.to_string());
        if self.debug {
            for step in error.steps() {
                self.debug(|| format!("while {step}"));
            }
            self.debug(|| format!("kind {:?}, errno {:?}", error.kind(), error.errno()));
        }
    }

    /// One line about something that is not as asked for, and no reason to stop.
    pub fn warning(&self, text: &str) {
        self.line("warning", text);
    }

    /// One line for those who asked; the text is only made for them.
    pub fn debug(&self, text: impl FnOnce() -> String) {
        if self.debug {
            let since = self.begun.elapsed().as_micros();
            let text = format!("{}.{:03} ms: {}", since / 1000, since % 1000, text());
            self.line("debug", &text);
        }
    }

    fn line(&self, kind: &str, text: &str) {
        let text = presentable(text, LONGEST);
        let kind = if kind == "error" { String::new() } else { format!("{kind}: ") };
        let name = match style(std::io::stderr().is_terminal()) {
            true if kind.is_empty() => "\u{1b}[1;31mnsinit:\u{1b}[0m",
            _ => "nsinit:",
        };
        // There is nobody left to tell when this fails.
        let _ = writeln!(std::io::stderr(), "{name} {kind}{text}");
        if let Some(mut log) = self.log.as_ref() {
            let _ = writeln!(log, "nsinit: {kind}{text}");
        }
    }
}

/// The most of a message that is told, in characters; what is beyond is cut out of its middle.
const LONGEST: usize = 2000;

/// Whether to use colours (<https://no-color.org>).
pub fn style(terminal: bool) -> bool {
    terminal
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_some_and(|value| value != "dumb")
}
