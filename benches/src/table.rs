//! Tables of measurements: between processes, kept in files, and read by the reports.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::layout::Layout;

/// One measurement of all candidates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What was measured, for `--only` and the targets.
    pub key: String,
    pub layout: Layout,
    pub title: String,
    /// What the cells are, with their units. The first one is what candidates are compared by.
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
}

/// One candidate, with its figures or the reason why there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub name: String,
    pub cells: std::result::Result<Vec<Option<f64>>, String>,
}

impl Table {
    /// A candidate's figure, if it has one.
    pub fn cell(&self, name: &str, column: usize) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.name == name)?;
        row.cells.as_ref().ok()?.get(column).copied().flatten()
    }

    /// The first figure of `name` over that of `other`.
    pub fn ratio(&self, name: &str, other: &str) -> Option<f64> {
        Some(self.cell(name, 0)? / self.cell(other, 0)?).filter(|ratio| ratio.is_finite())
    }

    /// The number of the column that is called so.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

/// Keeps tables in a file of the results directory: those of the same measurement are replaced,
/// others stay, so that a part can be measured anew.
pub fn save(results: &Path, file: &str, new: Vec<Table>) -> Result<()> {
    let path = results.join(file);
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut tables: Vec<Table> = match fs::read(&path) {
        Ok(old) => serde_json::from_slice(&old).map_err(|error| told(&error))?,
        Err(_) => Vec::new(),
    };
    for table in new {
        match tables.iter_mut().find(|old| old.title == table.title) {
            Some(old) => *old = table,
            None => tables.push(table),
        }
    }
    fs::create_dir_all(results).map_err(|error| told(&error))?;
    let text = serde_json::to_string_pretty(&tables).map_err(|error| told(&error))?;
    fs::write(&path, text).map_err(|error| told(&error))
}

/// What is kept in these files; a file that is not there has nothing.
pub fn load(results: &Path, files: &[&str]) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    for path in files.iter().map(|file| results.join(file)) {
        let Ok(text) = fs::read(&path) else { continue };
        let kept: Vec<Table> = serde_json::from_slice(&text)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        tables.extend(kept);
    }
    Ok(tables)
}
