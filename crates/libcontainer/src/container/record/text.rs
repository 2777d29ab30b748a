//! The text of a record, as it is written.

use std::io;

/// What is no longer than this is put down byte by byte.
const SHORT: usize = 16;

/// A writer for JSON, which comes in thousands of pieces of a byte or two. To copy one of those costs
/// musl's `memcpy` some 25 ns.
#[derive(Debug, Default)]
pub(super) struct Text(pub Vec<u8>);

impl io::Write for Text {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.write_all(piece)?;
        Ok(piece.len())
    }

    fn write_all(&mut self, piece: &[u8]) -> io::Result<()> {
        if piece.len() > SHORT {
            self.0.extend_from_slice(piece);
        } else {
            piece.iter().for_each(|&byte| self.0.push(byte));
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
