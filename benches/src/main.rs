//! `make bench`: what a container costs, as a multiple of the floor, measured in the same run.
//!
//! The floor (floor.c) asks the kernel for the least that a container is made of. Candidates are
//! started in turn by a tiny launcher (spawn.c), back to back and with 100 ms between, in the
//! host's own cgroup layout and in the v2 view (a private mount namespace with cgroup2 on
//! /sys/fs/cgroup). Each layout is measured by a process of its own, so that everything it starts
//! sees that layout; what it found is kept in a file, from which the report is written.
#![forbid(unsafe_code)]

mod arguments;
mod candidate;
mod chart;
mod check;
mod curves;
mod figures;
mod launch;
mod layout;
mod machine;
mod report;
mod scenarios;
mod stats;
mod syscalls;
mod table;
mod targets;
mod world;

use std::process::ExitCode;

use arguments::{Arguments, Verb};

/// What went wrong, for one line on stderr.
pub type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)).and_then(|arguments| run(&arguments)) {
        Ok(code) => code,
        Err(what) => {
            eprintln!("bench: {what}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(layout) = arguments.inside {
        return layout.inside(arguments).map(|()| ExitCode::SUCCESS);
    }
    match arguments.verb {
        Verb::Help => print!("{}", arguments::USAGE),
        Verb::Measure | Verb::Curves => {
            for layout in layout::wanted(arguments) {
                let tables = layout.measure(arguments)?;
                let curves = arguments.verb == Verb::Curves;
                let markdown = if curves { curves::markdown } else { report::markdown };
                print!("{}", markdown(&tables));
                if arguments.save {
                    table::save(&arguments.results, &arguments.file_of(layout), tables)?;
                }
            }
        }
        Verb::Write => report::write(arguments)?,
        Verb::Check => return check::check(arguments),
    }
    Ok(ExitCode::SUCCESS)
}
