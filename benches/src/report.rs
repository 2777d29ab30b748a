//! Tables for people, and in docs/.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::arguments::Arguments;
use crate::candidate::REFERENCE;
use crate::table::{self, Row, Table};
use crate::{Result, chart, curves, machine, targets};

const BEGIN: &str = "<!-- bench: begin -->\n";
const END: &str = "<!-- bench: end -->\n";
/// What the others are compared with.
const FLOOR: &str = "floor";

/// Writes all reports of what is kept.
pub fn write(arguments: &Arguments) -> Result<()> {
    let tables = table::load(&arguments.results, &["v2.json", "host.json", "docker.json"])?;
    if !tables.is_empty() {
        let text = format!(
            "{}\nWhat was promised, and what was measured; bold is what is not kept.\n\n{}\n\
             ![What starts and commands take](benchmarks.svg)\n\n{}",
            machine::describe(arguments),
            targets::markdown(&tables),
            markdown(&tables)
        );
        between_marks(&arguments.docs.join("benchmarks.md"), &text)?;
        put(&arguments.docs.join("benchmarks.svg"), &chart::bars(&tables))?;
    }
    let grown = table::load(&arguments.results, &["curves-v2.json", "curves-host.json"])?;
    if !grown.is_empty() {
        let text = format!("{}\n{}", machine::describe(arguments), curves::markdown(&grown));
        between_marks(&arguments.docs.join("curves.md"), &text)?;
        put(&arguments.docs.join("curves.svg"), &chart::lines(&grown))?;
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// All tables as Markdown. Beside the first figure stand its ratios to the floor's and to the
/// reference's, where those are measured and it is a time.
pub fn markdown(tables: &[Table]) -> String {
    let mut text = String::new();
    for table in tables {
        let compared: Vec<&str> = [FLOOR, REFERENCE]
            .into_iter()
            .filter(|name| table.cell(name, 0).is_some_and(|value| value > 0.0))
            .collect();
        let mut heads = vec![table.columns.first().cloned().unwrap_or_default()];
        heads.extend(compared.iter().map(|name| format!("× {name}")));
        heads.extend(table.columns.iter().skip(1).cloned());
        let _ = write!(text, "**{}**\n\n| | {} |\n", table.title, heads.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(heads.len()));
        for row in &table.rows {
            let _ =
                writeln!(text, "| {} | {} |", row.name, cells(table, row, &compared).join(" | "));
        }
        text.push('\n');
    }
    text
}

fn cells(table: &Table, row: &Row, compared: &[&str]) -> Vec<String> {
    let figures = match &row.cells {
        Ok(figures) => figures,
        Err(why) => return vec![format!("– {}", why.replace('|', "/"))],
    };
    let mut shown: Vec<String> =
        figures.iter().zip(&table.columns).map(|(figure, column)| show(*figure, column)).collect();
    let ratios = compared.iter().map(|name| {
        table.ratio(&row.name, name).map_or("–".to_owned(), |ratio| format!("{ratio:.2}"))
    });
    shown.splice(1..1, ratios);
    shown
}

/// Counts without decimals, memory with one, times with two.
fn show(figure: Option<f64>, column: &str) -> String {
    let Some(figure) = figure else { return "–".to_owned() };
    if column.contains(" ms") || column.contains(" / ") {
        format!("{figure:.2}")
    } else if column.contains("MiB") {
        format!("{figure:.1}")
    } else {
        format!("{figure:.0}")
    }
}

/// Replaces what stands between the marks of `path`.
fn between_marks(path: &Path, text: &str) -> Result<()> {
    let old = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let new = splice(&old, text).ok_or_else(|| format!("{} has no bench marks", path.display()))?;
    put(path, &new)
}

fn splice(old: &str, text: &str) -> Option<String> {
    let (before, rest) = old.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{text}{END}{after}"))
}

#[cfg(test)]
mod tests;
