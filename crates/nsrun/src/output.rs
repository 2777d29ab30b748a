//! Results as text.

use std::borrow::Cow;

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
pub fn table<'a, const N: usize>(headline: [&'a str; N], rows: &[[Cow<'a, str>; N]]) -> String {
    let headline = headline.map(Cow::Borrowed);
    let all = || std::iter::once(&headline).chain(rows);
    let mut widths = [12; N];
    for row in all() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(width_of(cell) + 3);
        }
    }
    let mut text = String::new();
    for row in all() {
        let mut gap = 0;
        for (cell, width) in row.iter().zip(widths) {
            if !cell.is_empty() {
                text.extend(std::iter::repeat_n("        ", gap / 8));
                text.push_str(&"        "[..gap % 8]);
                gap = 0;
                match is_plain(cell) {
                    true => text.push_str(cell),
                    // A container's words must not move the reader's cursor.
                    false => {
                        text.extend(cell.chars().map(|c| if c.is_control() { '?' } else { c }))
                    }
                }
            }
            gap += width - width_of(cell);
        }
        text.push('\n');
    }
    text
}

fn width_of(cell: &str) -> usize {
    if is_plain(cell) { cell.len() } else { cell.chars().count() }
}

fn is_plain(cell: &str) -> bool {
    cell.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}
