//! The terminal as a screen (ECMA-48, xterm's control sequences). No terminal library: what is
//! needed of one is little, and the smallest that is well kept cost a tenth of the peak memory of
//! every start (docs/design.md).

use std::io::Write;
use std::sync::OnceLock;

use libcontainer::Result;
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use sys::Context;

/// The alternate screen, no cursor, no wrapping of lines.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l";
/// The opposite, in the opposite order.
const LEAVE: &str = "\u{1b}[0m\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l";

/// How the terminal was, for whoever restores it: also a panic, after which no destructor runs.
static BEFORE: OnceLock<Termios> = OnceLock::new();

/// The screen, until it is dropped.
pub struct Screen {
    rows: usize,
    columns: usize,
    /// The lines that are there.
    shown: Vec<String>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Standard input is none, or it is gone.
    pub fn enter() -> Result<Self> {
        let before = tcgetattr(stdin()).sys("tcgetattr", || "")?;
        if BEFORE.set(before).is_ok() {
            let usual = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                leave();
                usual(panic);
            }));
        }
        let mut screen = Self { rows: 0, columns: 0, shown: Vec::new() };
        screen.again()?;
        Ok(screen)
    }

    /// Takes it again after [`leave`], or after somebody else had it.
    pub fn again(&mut self) -> Result<()> {
        if let Some(before) = BEFORE.get() {
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(stdin(), OptionalActions::Now, &raw).sys("tcsetattr", || "")?;
        }
        write(ENTER)?;
        self.resized();
        Ok(())
    }

    /// Looks how large the terminal is; the next drawing is a new one.
    pub fn resized(&mut self) {
        let (rows, columns) = match tcgetwinsize(stdout()) {
            Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row, size.ws_col),
            // A serial line does not know.
            _ => (24, 80),
        };
        (self.rows, self.columns) = (rows.into(), columns.into());
        self.shown.clear();
    }

    /// Rows and columns.
    pub fn size(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// Shows these lines, by one write(2) of what has changed.
    pub fn draw(&mut self, mut lines: Vec<String>) -> Result<()> {
        lines.resize(self.rows, String::new());
        let mut text = String::new();
        if self.shown.is_empty() {
            text.push_str("\u{1b}[0m\u{1b}[2J");
        }
        for (row, line) in lines.iter().enumerate() {
            if self.shown.get(row) != Some(line) {
                text.push_str(&format!("\u{1b}[{};1H{line}\u{1b}[0m\u{1b}[K", row + 1));
            }
        }
        self.shown = lines;
        write(&text)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// Gives the terminal back as it was.
pub fn leave() {
    // Nothing can be done where the terminal is gone.
    let _ = write(LEAVE);
    if let Some(before) = BEFORE.get() {
        let _ = tcsetattr(stdin(), OptionalActions::Now, before);
    }
}

fn write(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .sys("write", || "standard output")?;
    Ok(())
}
