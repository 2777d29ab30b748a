//! Pressure stall information (Documentation/accounting/psi.rst).

use serde::{Deserialize, Serialize};

/// Time lost waiting for one resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Psi {
    /// While at least one process waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub some: Option<Stall>,
    /// While all processes waited. (None for the processor before kernel 5.13.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<Stall>,
}

/// Time lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Stall {
    /// Percent of the last 10 s.
    pub avg10: f64,
    /// Percent of the last minute.
    pub avg60: f64,
    /// Percent of the last 5 minutes.
    pub avg300: f64,
    /// Microseconds since the group was made.
    pub total: u64,
}

impl Psi {
    /// Reads the text of a pressure file.
    pub(crate) fn parse(text: &str) -> Self {
        let mut psi = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let stall = match words.next() {
                Some("some") => psi.some.get_or_insert_default(),
                Some("full") => psi.full.get_or_insert_default(),
                _ => continue,
            };
            for (key, value) in words.filter_map(|word| word.split_once('=')) {
                match key {
                    "avg10" => stall.avg10 = value.parse().unwrap_or(0.0),
                    "avg60" => stall.avg60 = value.parse().unwrap_or(0.0),
                    "avg300" => stall.avg300 = value.parse().unwrap_or(0.0),
                    "total" => stall.total = value.parse().unwrap_or(0),
                    _ => {}
                }
            }
        }
        psi
    }
}

#[cfg(test)]
mod tests;
