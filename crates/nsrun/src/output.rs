//! Results as text.

use libcontainer::{Error, ErrorKind, Result};
use serde::Serialize;

/// Something as indented JSON, with a newline at its end.
pub fn json(value: &impl Serialize) -> Result<String> {
    line(serde_json::to_string_pretty(value))
}

/// Something as JSON on one line.
pub fn compact(value: &impl Serialize) -> Result<String> {
    line(serde_json::to_string(value))
}

fn line(text: serde_json::Result<String>) -> Result<String> {
    match text {
        Ok(text) => Ok(text + "\n"),
        Err(error) => Err(Error::new(ErrorKind::System, format!("writing JSON: {error}"))),
    }
}

/// Rows below a headline, for people: every column begins below its headline, three spaces after
/// the widest cell before it, and is at least twelve wide.
pub fn table<const N: usize>(headline: [&str; N], rows: &[[String; N]]) -> String {
    let headline = headline.map(str::to_owned);
    let all = || std::iter::once(&headline).chain(rows);
    let width =
        |column: usize| all().map(|row| row[column].chars().count()).max().map_or(12, |w| w + 3);
    let widths: [usize; N] = std::array::from_fn(|column| width(column).max(12));
    let mut text = String::new();
    for row in all() {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            // A container's words must not move the reader's cursor.
            let plain = cell.chars().map(|c| if c.is_control() { '?' } else { c });
            line.extend(plain);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
