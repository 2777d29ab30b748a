//! Control files of version 2, a controller each (Documentation/admin-guide/cgroup-v2.rst).

pub(crate) mod controllers;
pub(crate) mod cpu;
pub(crate) mod hugetlb;
pub(crate) mod io;
pub(crate) mod memory;
mod vacate;

use crate::Result;
use crate::file::Dir;
use crate::psi::Psi;
use crate::stats::Stats;

/// Reads the pressure figures, which need no controller.
pub(crate) fn psi_stats(dir: &Dir, stats: &mut Stats) -> Result<()> {
    let read = |file: &str| Ok(dir.read_optional(file)?.map(|text| Psi::parse(&text)));
    stats.psi.cpu = read("cpu.pressure")?;
    stats.psi.memory = read("memory.pressure")?;
    stats.psi.io = read("io.pressure")?;
    Ok(())
}
