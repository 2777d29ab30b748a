//! `make bench`: what a container costs, as a multiple of the floor, measured in the same run.
//!
//! The floor (floor.c) asks the kernel for the least that a container is made of. Candidates are
//! started in turn by a tiny launcher (spawn.c), back to back and with 100 ms between, in the
//! host's own cgroup layout and in the v2 view (a private mount namespace with cgroup2 on
//! /sys/fs/cgroup). Each layout is measured by a process of its own, so that everything it starts
//! sees that layout.
#![forbid(unsafe_code)]

mod arguments;
mod candidate;
mod layout;
mod measure;
mod oci;
mod report;
mod stats;
mod syscalls;

use std::process::ExitCode;

use arguments::Arguments;

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
    if arguments.help {
        print!("{}", arguments::USAGE);
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.inside.is_some() {
        return measure::inside(arguments).map(|()| ExitCode::SUCCESS);
    }
    let mut tables = Vec::new();
    for layout in layout::wanted(arguments) {
        tables.extend(layout.run(arguments)?);
    }
    if arguments.count_syscalls {
        return Ok(ExitCode::SUCCESS);
    }
    let text = report::render(&tables, arguments.rounds);
    print!("{text}");
    if let Some(path) = &arguments.write {
        report::write_between_marks(path, &text)?;
        println!("written into {}", path.display());
    }
    let judged = arguments.judged.iter();
    let over: Vec<_> =
        judged.flat_map(|name| report::over(&tables, name, arguments.limits)).collect();
    over.iter().for_each(|line| println!("{line}"));
    Ok(if over.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
