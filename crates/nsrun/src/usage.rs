//! Mistakes in the command line.

use clap::error::ErrorKind as Mistake;
use libcontainer::{Error, ErrorKind};

use crate::arguments;
use crate::failure::FAILED;
use crate::log::Log;
use crate::output::print;

/// Tells what is wrong with the command line, or the help that was asked for; the exit code.
pub fn tell(error: &clap::Error) -> u8 {
    // A reader that has gone away, as `head` does, is content.
    match error.kind() {
        Mistake::DisplayVersion => {
            let _ = print(&arguments::version());
            return 0;
        }
        Mistake::DisplayHelp => {
            let _ = error.print();
            return 0;
        }
        Mistake::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            return FAILED;
        }
        _ => {}
    }
    // What was typed well enough may still name the log file.
    let typed = arguments::command().ignore_errors(true).try_get_matches();
    let log = typed.ok().and_then(|typed| Log::of(&typed).ok()).unwrap_or_default();
    log.error(&one_line(&error.to_string()));
    FAILED
}

/// The parser's paragraphs as one line: what is wrong, and its tips as a hint.
fn one_line(text: &str) -> Error {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines = |part: &str| part.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let message = lines(text.split("\n\n").next().unwrap_or(text));
    let tips = text.lines().filter_map(|line| line.trim().strip_prefix("tip: "));
    let tips: Vec<&str> = tips.chain(["see --help"]).collect();
    Error::new(ErrorKind::System, message).with_hint(tips.join("; "))
}
