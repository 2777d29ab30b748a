//! How cost grows: the same command with more and more of something.

mod config;
mod devices;
mod filters;
mod live;
mod mounts;
mod processes;

use crate::Result;
use crate::candidate::{Candidate, Kind};
use crate::launch::{self, Case, Step};
use crate::stats;
use crate::table::{Row, Table};
use crate::world::World;

/// Makes curves.
type Measurement = fn(&World) -> Result<Vec<Table>>;

const ALL: [(&str, Measurement); 9] = [
    ("live", live::containers),
    ("mounts", mounts::inside),
    ("host-mounts", mounts::on_the_host),
    ("devices", devices::nodes),
    ("rules", devices::rules),
    ("filter", filters::calls),
    ("arguments", filters::arguments),
    ("processes", processes::processes),
    ("config", config::sizes),
];

/// All that are wanted. What fails as a whole is told and left out.
pub fn all(world: &World) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    for (key, measurement) in ALL.into_iter().filter(|(key, _)| world.arguments.wants(key)) {
        eprintln!("bench: {key}");
        match measurement(world) {
            Ok(made) => tables.extend(made),
            Err(why) => eprintln!("bench: {key}: {why}"),
        }
    }
    Ok(tables)
}

/// Medians in milliseconds, by name and size.
#[derive(Debug)]
struct Curve {
    key: &'static str,
    title: &'static str,
    sizes: Vec<String>,
    rows: Vec<Row>,
}

impl Curve {
    fn new(key: &'static str, title: &'static str) -> Self {
        Self { key, title, sizes: Vec::new(), rows: Vec::new() }
    }

    /// Measures these, interleaved, and puts the medians at `size`. What does not work there has
    /// no figure there.
    fn measure(&mut self, world: &World, size: &str, rounds: u32, cases: &[Case]) -> Result<()> {
        let tried: Vec<Case> = cases.iter().map(|case| launch::try_once(world, case)).collect();
        let samples = launch::in_turn(world, rounds, 0, &tried)?;
        let medians = samples.into_iter().map(|(name, samples)| {
            let told = |why| eprintln!("bench: {}: {name} at {size}: {why}", self.key);
            let samples = samples.map_err(told).unwrap_or_default();
            (name.clone(), stats::summarize(&samples).map(|summary| summary.median_ms))
        });
        let medians: Vec<_> = medians.collect();
        self.put(size, medians);
        Ok(())
    }

    fn put(&mut self, size: &str, figures: Vec<(String, Option<f64>)>) {
        let before = self.sizes.len();
        self.sizes.push(size.to_owned());
        for (name, figure) in figures {
            let place = self.rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
                self.rows.push(Row { name, cells: Ok(vec![None; before]) });
                self.rows.len() - 1
            });
            if let Ok(cells) = &mut self.rows[place].cells {
                cells.push(figure);
            }
        }
        for row in &mut self.rows {
            if let Ok(cells) = &mut row.cells {
                cells.resize(before + 1, None);
            }
        }
    }

    fn table(self, world: &World) -> Table {
        Table {
            key: self.key.to_owned(),
            layout: world.layout,
            title: self.title.to_owned(),
            columns: self.sizes,
            rows: self.rows,
        }
    }
}

/// Ours and the reference.
fn compared(world: &World) -> Vec<&Candidate> {
    let oci = world.of(&[Kind::Oci]);
    oci.into_iter().filter(|c| ["nsrun", "crun"].contains(&c.name.as_str())).collect()
}

/// A case of one step.
fn one(name: &str, step: Result<Step>) -> Case {
    Case::new(name, step.map(|step| vec![step]))
}

/// The tables, with how many times the first figure the last one is.
pub fn markdown(tables: &[Table]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for table in tables {
        let _ = write!(
            text,
            "**{}**, ms\n\n| | {} | last / first |\n|---|",
            table.title,
            table.columns.join(" | ")
        );
        let _ = writeln!(text, "{}", "---|".repeat(table.columns.len() + 1));
        for row in &table.rows {
            let cells = row.cells.as_deref().unwrap_or_default();
            let shown =
                cells.iter().map(|cell| cell.map_or("–".to_owned(), |ms| format!("{ms:.2}")));
            let shown: Vec<String> = shown.collect();
            let ends = cells.first().copied().flatten().zip(cells.last().copied().flatten());
            let ratio =
                ends.map_or("–".to_owned(), |(first, last)| format!("{:.2}", last / first));
            let _ = writeln!(text, "| {} | {} | {ratio} |", row.name, shown.join(" | "));
        }
        text.push('\n');
    }
    text
}
