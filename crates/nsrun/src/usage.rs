//! Mistakes in the command line.

use clap::error::ErrorKind as Mistake;
use cli::line::mistake;
use cli::print;

use crate::arguments;
use crate::failure::FAILED;
use crate::log::Log;

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
    let typed = arguments::PROGRAM.guess(sys::start::arguments());
    let log = Log::of(&typed.globals).unwrap_or_default();
    log.error(&mistake(error));
    FAILED
}
