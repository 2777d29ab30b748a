//! Tables for people.

/// Rows of cells below a headline.
#[derive(Debug)]
pub struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// An empty one with this headline.
    pub fn new(headline: &[&str; N]) -> Self {
        Self { rows: vec![headline.map(str::to_owned)] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [String; N]) {
        // What a container calls its programs must not move the reader's cursor.
        let plain = |c: char| if c.is_control() { '?' } else { c };
        self.rows.push(cells.map(|cell| cell.chars().map(plain).collect()));
    }

    /// Its lines, columns aligned to the left. `colour` tells the SGR code of a cell by its column
    /// and text.
    pub fn text(&self, colour: impl Fn(usize, &str) -> Option<&'static str>) -> String {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                let gap = " ".repeat(width - cell.chars().count() + 2);
                match colour(column, cell) {
                    Some(code) => line.push_str(&format!("\u{1b}[{code}m{cell}\u{1b}[0m{gap}")),
                    None => line.push_str(&format!("{cell}{gap}")),
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests;
