//! The regression check: ratios to the floor of the same run, and counts of system calls.

use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;

use crate::Result;
use crate::arguments::Arguments;
use crate::layout::Layout;
use crate::table::Table;

/// What may not be exceeded.
#[derive(Debug, Clone, Copy)]
struct Limit {
    key: &'static str,
    name: &'static str,
    /// The number of the column in a table of times.
    column: usize,
    other: &'static str,
    /// So many times the other's figure.
    most: f64,
    /// The same of programs that are not built for musl: their C library takes its part of each
    /// start.
    elsewhere: f64,
}

const WALL: usize = 0;
const CPU: usize = 3;

const fn limit(
    key: &'static str,
    name: &'static str,
    column: usize,
    other: &'static str,
    most: f64,
    elsewhere: f64,
) -> Limit {
    Limit { key, name, column, other, most, elsewhere }
}

/// Time on the processors hardly depends on who else is busy, so that its limits are about a third
/// over what was measured; those of time by the clock, with neighbours, about twice.
const LIMITS: [Limit; 12] = [
    limit("run", "nsrun", CPU, "floor", 2.1, 2.6),
    limit("run", "nsinit", CPU, "floor", 2.3, 2.9),
    limit("seccomp", "nsrun", CPU, "nsrun without", 1.35, 1.6),
    limit("exec", "nsrun", CPU, "floor", 2.2, 3.6),
    limit("exec", "nsinit", CPU, "floor", 2.7, 4.2),
    limit("state", "nsrun", CPU, "(host)", 1.2, 2.7),
    limit("list", "nsrun", CPU, "(host)", 7.0, 9.0),
    limit("run", "nsrun", WALL, "floor", 2.8, 4.0),
    limit("run", "nsinit", WALL, "floor", 3.0, 4.5),
    limit("exec", "nsrun", WALL, "floor", 3.0, 6.0),
    limit("exec", "nsinit", WALL, "floor", 3.8, 8.0),
    limit("state", "nsrun", WALL, "(host)", 2.0, 5.0),
];
/// A neighbour may disturb a run, a regression disturbs all: the best of so many is judged.
const TRIES: u32 = 3;

/// Measures up to three times and judges; prints what is over.
pub fn check(arguments: &Arguments) -> Result<ExitCode> {
    let mut best = [f64::MAX; LIMITS.len()];
    let mut calls: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..TRIES {
        let tables = Layout::V2.measure(arguments)?;
        for (limit, best) in LIMITS.iter().zip(&mut best) {
            *best = best.min(limit.look(&tables)?);
        }
        for row in &find(&tables, "calls")?.rows {
            let cells = row.cells.as_ref().map_err(|why| format!("{}: {why}", row.name))?;
            let count = cells.first().copied().flatten().unwrap_or(0.0) as u64;
            let fewest = calls.entry(row.name.clone()).or_insert(count);
            *fewest = count.min(*fewest);
        }
        let kept = |(limit, best): (&Limit, &f64)| *best <= limit.most(arguments);
        if arguments.renew || LIMITS.iter().zip(&best).all(kept) {
            break;
        }
    }
    let text: String = calls.iter().map(|(name, calls)| format!("{name} {calls}\n")).collect();
    if arguments.renew {
        let told = |error: std::io::Error| format!("{}: {error}", arguments.counts.display());
        fs::write(&arguments.counts, format!("{HEAD}{text}")).map_err(told)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut over = 0;
    for (limit, ratio) in LIMITS.iter().zip(best) {
        let (Limit { key, name, column, other, .. }, most) = (limit, limit.most(arguments));
        let what = if *column == CPU { "on the processors" } else { "by the clock" };
        let word = if ratio <= most { "" } else { ": OVER" };
        over += u32::from(ratio > most);
        println!("{name} {key}: {ratio:.2} × {other} {what}, at most {most}{word}");
    }
    if arguments.uncounted {
        println!("system calls are told, not judged: these programs are not built for musl");
    } else {
        for line in more_calls(&kept(arguments)?, &calls) {
            over += 1;
            println!("{line}: OVER");
        }
    }
    print!("{text}");
    println!("{over} over");
    Ok(if over == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

const HEAD: &str = "# The most system calls that each may take in all its processes, those that wait not counted:\n\
                    # checked by make bench-check, written by make bench-counts. Change it deliberately.\n\
                    # Of programs built for musl (scripts/triple): with glibc each asks for some more.\n";

impl Limit {
    fn most(&self, arguments: &Arguments) -> f64 {
        if arguments.uncounted { self.elsewhere } else { self.most }
    }

    fn look(&self, tables: &[Table]) -> Result<f64> {
        let table = find(tables, self.key)?;
        let cell = |name: &str| {
            table.cell(name, self.column).ok_or(format!("{}: {name} was not measured", self.key))
        };
        Ok(cell(self.name)? / cell(self.other)?)
    }
}

fn find<'a>(tables: &'a [Table], key: &str) -> Result<&'a Table> {
    tables.iter().find(|table| table.key == key).ok_or(format!("{key} was not measured"))
}

/// What the file allows.
fn kept(arguments: &Arguments) -> Result<BTreeMap<String, u64>> {
    let told = |what: &dyn std::fmt::Display| format!("{}: {what}", arguments.counts.display());
    let text = fs::read_to_string(&arguments.counts).map_err(|error| told(&error))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, calls) = line.rsplit_once(' ').ok_or(told(&line))?;
            Ok((name.to_owned(), calls.parse().map_err(|_| told(&line))?))
        })
        .collect()
}

/// One line for each that takes more calls than it may, or is not in the file.
fn more_calls(kept: &BTreeMap<String, u64>, calls: &BTreeMap<String, u64>) -> Vec<String> {
    let over =
        calls.iter().filter(|(name, calls)| kept.get(*name).is_none_or(|most| *calls > most));
    over.map(|(name, calls)| match kept.get(name) {
        Some(most) => {
            format!("{name}: {calls} system calls, at most {most} (make bench-counts, if meant)")
        }
        None => format!("{name}: {calls} system calls, and no word on it in the file"),
    })
    .collect()
}

#[cfg(test)]
mod tests;
