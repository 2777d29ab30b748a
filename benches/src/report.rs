//! Tables: between the processes, for people, and in docs/benchmarks.md.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::Result;
use crate::arguments::Limits;
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

    /// A candidate's figures, if it has any.
    fn summary(&self, name: &str) -> Option<&Summary> {
        self.rows.iter().find(|row| row.name == name)?.result.as_ref().ok()
    }

    /// A candidate's median over the floor's.
    fn ratio(&self, name: &str) -> Option<f64> {
        Some(self.summary(name)?.median_ms / self.summary(FLOOR)?.median_ms)
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

/// One line for each limit that `name` breaks, and for each start in which it was not measured.
/// Executing into a container is not judged: no number was promised for it.
pub fn over(tables: &[Table], name: &str, limits: Limits) -> Vec<String> {
    let mut lines = Vec::new();
    if limits.ratio.is_none() && limits.peak_mib.is_none() {
        return lines;
    }
    for table in tables.iter().filter(|table| !table.title.contains("exec in")) {
        let (Some(ratio), Some(summary)) = (table.ratio(name), table.summary(name)) else {
            lines.push(format!("{}: {name} was not measured", table.title));
            continue;
        };
        let peak = summary.peak_kib as f64 / 1024.0;
        for (value, most, what) in
            [(ratio, limits.ratio, "× floor"), (peak, limits.peak_mib, "MiB at its peak")]
        {
            if let Some(most) = most.filter(|most| value > *most) {
                lines.push(format!("{}: {name}: {value:.2} {what}, over {most}", table.title));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests;
