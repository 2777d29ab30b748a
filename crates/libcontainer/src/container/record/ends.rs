//! A record's text, but for the middle of a long configuration.

use std::os::fd::AsFd;

use rustix::buffer::spare_capacity;
use rustix::fs::fstat;
use rustix::io::pread;
use sys::Context;

use crate::Result;

/// Most records are shorter: one read gets all.
const USUAL: usize = 16 << 10;

/// Holds the lines of several inits, the last of which counts.
const LAST: u64 = 1 << 10;

/// Reads a record. Whether something of its configuration's line was left out.
pub(crate) fn read_ends(file: impl AsFd, text: &mut Vec<u8>) -> Result<bool> {
    text.clear();
    text.reserve(USUAL);
    if read_more(&file, text, 0)? {
        return Ok(false);
    }
    let size = fstat(&file).sys("fstat", || "record.json")?.st_size;
    let last = u64::try_from(size).unwrap_or(0).saturating_sub(LAST);
    if last > text.len() as u64 && text.contains(&b'\n') {
        text.reserve(2 * LAST as usize);
        read_more(&file, text, last)?;
        return Ok(true);
    }
    read_rest(&file, text)?;
    Ok(false)
}

/// Reads all of a file that was not read by then.
pub(crate) fn read_rest(file: impl AsFd, text: &mut Vec<u8>) -> Result<()> {
    loop {
        text.reserve(USUAL);
        let from = text.len() as u64;
        if read_more(&file, text, from)? {
            return Ok(());
        }
    }
}

/// Whether it has come to the end of the file: it has where less was there than there was space for.
fn read_more(file: impl AsFd, text: &mut Vec<u8>, from: u64) -> Result<bool> {
    pread(file, spare_capacity(text), from).sys("pread", || "record.json")?;
    Ok(text.len() < text.capacity())
}
