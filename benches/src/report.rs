//! Tables: between the processes, for people, and in docs/benchmarks.md.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::Result;
use crate::stats::Summary;

const BEGIN: &str = "<!-- bench: begin -->\n";
const END: &str = "<!-- bench: end -->\n";
/// What the others are compared with.
const FLOOR: &str = "floor";

/// One measurement of all candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub title: String,
    pub rows: Vec<Row>,
}

/// One candidate, with its figures or the reason why there are none.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub name: String,
    pub result: std::result::Result<Summary, String>,
}

impl Table {
    /// Prints it for [`Table::parse`] in the process above.
    pub fn send(&self) {
        println!("table\t{}", self.title);
        for Row { name, result } in &self.rows {
            match result {
                Ok(s) => println!(
                    "row\t{name}\t{}\t{}\t{}\t{}",
                    s.median_ms, s.p99_ms, s.min_ms, s.peak_kib
                ),
                Err(why) => println!("none\t{name}\t{}", why.replace(['\t', '\n'], " ")),
            }
        }
    }

    /// The tables that a child printed.
    pub fn parse(text: &str) -> Result<Vec<Self>> {
        let mut tables: Vec<Self> = Vec::new();
        for line in text.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let row = match fields[..] {
                ["table", title] => {
                    tables.push(Self { title: title.to_owned(), rows: Vec::new() });
                    continue;
                }
                ["row", name, median, p99, min, peak] => Row {
                    name: name.to_owned(),
                    result: Ok(Summary {
                        median_ms: number(median)?,
                        p99_ms: number(p99)?,
                        min_ms: number(min)?,
                        peak_kib: number(peak)?,
                    }),
                },
                ["none", name, why] => Row { name: name.to_owned(), result: Err(why.to_owned()) },
                _ => return Err(format!("not understood: {line}")),
            };
            if let Some(table) = tables.last_mut() {
                table.rows.push(row);
            }
        }
        Ok(tables)
    }

    /// A candidate's median over the floor's.
    pub fn ratio(&self, name: &str) -> Option<f64> {
        let median = |name: &str| {
            let row = self.rows.iter().find(|row| row.name == name)?;
            row.result.as_ref().ok().map(|summary| summary.median_ms)
        };
        Some(median(name)? / median(FLOOR)?)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

/// All tables as Markdown.
pub fn render(tables: &[Table], rounds: u32) -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut text = format!(
        "Kernel {}, {processors} processors, {rounds} rounds (a third as many with pauses), \
         candidates in turn.\n",
        kernel.trim()
    );
    for table in tables {
        let _ = write!(
            text,
            "\n**{}**\n\n| | median, ms | × floor | p99, ms | min, ms | peak memory, MiB |\n\
             |---|---|---|---|---|---|\n",
            table.title
        );
        for Row { name, result } in &table.rows {
            let _ = match result {
                Ok(s) => writeln!(
                    text,
                    "| {name} | {:.2} | {} | {:.2} | {:.2} | {:.1} |",
                    s.median_ms,
                    table.ratio(name).map_or("–".to_owned(), |ratio| format!("{ratio:.2}")),
                    s.p99_ms,
                    s.min_ms,
                    s.peak_kib as f64 / 1024.0
                ),
                Err(why) => writeln!(text, "| {name} | – {why} | | | | |"),
            };
        }
    }
    text
}

/// Replaces what stands between the marks of `path`.
pub fn write_between_marks(path: &Path, text: &str) -> Result<()> {
    let old = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let new = splice(&old, text).ok_or_else(|| format!("{} has no bench marks", path.display()))?;
    fs::write(path, new).map_err(|error| format!("{}: {error}", path.display()))
}

fn splice(old: &str, text: &str) -> Option<String> {
    let (before, rest) = old.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{text}{END}{after}"))
}

/// One line for each measurement in which `name` is over `most` times the floor, or has none.
/// Executing into a container is not judged: no number was promised for it.
pub fn over(tables: &[Table], name: &str, most: Option<f64>) -> Vec<String> {
    let Some(most) = most else { return Vec::new() };
    let mut lines = Vec::new();
    for table in tables.iter().filter(|table| !table.title.contains("exec in")) {
        match table.ratio(name) {
            Some(ratio) if ratio <= most => {}
            Some(ratio) => {
                lines.push(format!("{}: {name} is {ratio:.2} × floor, over {most}", table.title))
            }
            None => lines.push(format!("{}: {name} was not measured", table.title)),
        }
    }
    lines
}

#[cfg(test)]
mod tests;
