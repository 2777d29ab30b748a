//! What was promised, and whether it is kept.

use std::fmt::Write;

use crate::layout::Layout;
use crate::table::Table;

/// How a promise is measured.
#[derive(Debug, Clone, Copy)]
enum By {
    /// At most so many times another's first figure.
    Times(&'static str, f64),
    /// At least so many times another's first figure.
    AtLeastTimes(&'static str, f64),
    /// The first figure at most so much over another's.
    Over(&'static str, f64),
    /// A column at most so much.
    Most(&'static str, f64),
}

/// One promise.
#[derive(Debug, Clone, Copy)]
struct Target {
    what: &'static str,
    key: &'static str,
    name: &'static str,
    by: By,
}

const fn ours(what: &'static str, key: &'static str, by: By) -> Target {
    Target { what, key, name: "nsrun", by }
}

const TARGETS: [Target; 23] = [
    ours("run /bin/true to exit", "run", By::Times("floor", 1.5)),
    ours("", "run", By::Times("crun", 0.5)),
    ours("", "run", By::Times("runc", 0.2)),
    ours("", "run", By::Times("youki", 0.2)),
    ours("the same with Docker's seccomp profile", "seccomp", By::Over("nsrun without", 0.3)),
    ours("", "seccomp", By::Times("crun", 0.5)),
    ours("create + start + delete", "lifecycle", By::Times("crun", 0.5)),
    ours("exec /bin/true", "exec", By::Times("crun", 0.4)),
    ours("", "exec", By::Times("floor", 1.5)),
    ours("state", "state", By::Times("crun", 0.4)),
    ours("list of 100", "list", By::Times("crun", 0.4)),
    ours("kill", "kill", By::Times("crun", 0.4)),
    ours("peak resident memory of run, MiB", "run", By::Most("peak memory, MiB", 2.0)),
    ours("left beside a detached container, KiB", "left", By::Most(LEFT, 0.0)),
    ours("smallest memory limit that starts /bin/true, KiB", "limit", By::Most("KiB", 384.0)),
    ours("16 starts at a time, containers per second", "burst", By::AtLeastTimes("crun", 2.0)),
    ours("", "burst", By::Most("p99 / median", 3.0)),
    ours(
        "16 deletes at a time, containers per second",
        "burst-delete",
        By::AtLeastTimes("crun", 1.0),
    ),
    Target {
        what: "library in a loop",
        key: "library",
        name: "library",
        by: By::Times("floor", 1.3),
    },
    ours("run /bin/true, rootless", "rootless", By::Times("crun", 0.5)),
    ours("exec /bin/true, rootless", "rootless-exec", By::Times("crun", 0.4)),
    ours("size of nsrun, MiB", "size", By::Most("MiB", 4.0)),
    Target { what: "size of nsinit, MiB", key: "size", name: "nsinit", by: By::Most("MiB", 4.0) },
];
const LEFT: &str = "resident memory of the runtime's processes, KiB";

/// Where a promise is looked at: layout, and what is put after the key.
const PLACES: [(Layout, &str, &str); 4] = [
    (Layout::V2, "", "v2"),
    (Layout::V2, "-paused", "v2, 100 ms between"),
    (Layout::Host, "", "hybrid"),
    (Layout::Host, "-paused", "hybrid, 100 ms between"),
];

impl Target {
    fn wanted(&self) -> String {
        match self.by {
            By::Times(other, most) => format!("≤ {most} × {other}"),
            By::AtLeastTimes(other, least) => format!("≥ {least} × {other}"),
            By::Over(_, most) => format!("≤ + {most} ms"),
            By::Most(_, most) => format!("≤ {most}"),
        }
    }

    /// The figure, and whether it is within.
    fn look(&self, table: &Table) -> Option<(f64, bool)> {
        Some(match self.by {
            By::Times(other, most) => {
                let ratio = table.ratio(self.name, other)?;
                (ratio, ratio <= most)
            }
            By::AtLeastTimes(other, least) => {
                let ratio = table.ratio(self.name, other)?;
                (ratio, ratio >= least)
            }
            By::Over(other, most) => {
                let over = table.cell(self.name, 0)? - table.cell(other, 0)?;
                (over, over <= most)
            }
            By::Most(column, most) => {
                let value = table.cell(self.name, table.column(column)?)?;
                (value, value <= most)
            }
        })
    }
}

/// The promises as a table in Markdown; what is not kept is bold.
pub fn markdown(tables: &[Table]) -> String {
    let titles: Vec<&str> = PLACES.iter().map(|(_, _, title)| *title).collect();
    let mut text = format!("| | promised | {} |\n|---|---|", titles.join(" | "));
    text.push_str(&"---|".repeat(titles.len()));
    text.push('\n');
    for target in &TARGETS {
        let _ = write!(text, "| {} | {} |", target.what, target.wanted());
        for (layout, suffix, _) in PLACES {
            let key = format!("{}{suffix}", target.key);
            let table = tables.iter().find(|table| table.key == key && table.layout == layout);
            let cell = match table.and_then(|table| target.look(table)) {
                Some((value, true)) => shown(value),
                Some((value, false)) => format!("**{}**", shown(value)),
                None => String::new(),
            };
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text
}

fn shown(value: f64) -> String {
    if value >= 100.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests;
