//! Results on standard output.

use std::io::{ErrorKind, Write};

use libcontainer::Result;
use sys::Context;

/// Prints a result.
///
/// # Errors
/// As write(2); a reader that has gone away, as `head` does, is none.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result.sys("write", || "to standard output")?),
    }
}
