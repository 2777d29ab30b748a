//! How many system calls a start takes, by strace.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Result;
use crate::candidate::Candidate;
use crate::layout::Layout;

/// The most frequent calls that are shown.
const SHOWN: usize = 15;

/// Prints each candidate's calls of one start to exit, all its processes together.
pub fn count(layout: Layout, candidates: &[Candidate], work: &Path) -> Result<()> {
    for candidate in candidates {
        let file = work.join("strace");
        let status = Command::new("strace")
            .args(["-f", "-c", "-S", "calls", "-U", "calls,errors,name", "-o"])
            .arg(&file)
            .args(&candidate.run.argv)
            .current_dir(&candidate.run.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .map_err(|error| format!("strace: {error}"))?;
        let text = fs::read_to_string(&file).map_err(|error| format!("strace: {error}"))?;
        let rows: Vec<&str> = text
            .lines()
            .filter(|l| l.split_whitespace().any(|w| w.parse::<u64>().is_ok()))
            .collect();
        let total = rows.last().copied().unwrap_or("no calls").trim();
        println!("{}: {}: {total} ({status})", layout.title(), candidate.name);
        rows.iter().take(SHOWN).for_each(|row| println!("{row}"));
    }
    Ok(())
}
