//! The programs as files.

use std::fs;

use crate::Result;
use crate::candidate::Kind;
use crate::figures;
use crate::layout::Layout;
use crate::table::Table;
use crate::world::World;

/// Without the libraries that others are linked to.
pub fn size(world: &World) -> Result<Vec<Table>> {
    if world.layout != Layout::V2 {
        return Ok(Vec::new());
    }
    let rows = world.of(&[Kind::Floor, Kind::Nsinit, Kind::Oci]).into_iter().map(|candidate| {
        let size = fs::metadata(&candidate.program).map(|meta| vec![meta.len() as f64 / 1048576.0]);
        (candidate.name.clone(), size.map_err(|error| error.to_string()))
    });
    Ok(vec![figures::table(world, "size", "size of the program's file", &["MiB"], rows.collect())])
}
