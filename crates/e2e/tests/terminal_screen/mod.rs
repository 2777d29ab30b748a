//! What is on a terminal's screen after a program has written to it: the few control sequences
//! that a careful program needs (ECMA-48).

/// Rows of characters.
pub struct Screen {
    rows: Vec<Vec<char>>,
}

impl Screen {
    /// After all of `written`, beginning with an empty screen of this size.
    pub fn of(written: &str, height: usize, width: usize) -> Self {
        let mut rows = vec![vec![' '; width]; height];
        let (mut row, mut column) = (0, 0);
        let mut rest = written;
        while let Some(first) = rest.chars().next() {
            rest = &rest[first.len_utf8()..];
            match first {
                '\u{1b}' if rest.starts_with('[') => {
                    let Some(end) = rest[1..].find(|c: char| ('@'..='~').contains(&c)) else {
                        break;
                    };
                    let (parameters, kind) = (&rest[1..1 + end], &rest[1 + end..2 + end]);
                    rest = &rest[2 + end..];
                    match kind {
                        "H" => {
                            let mut numbers = parameters.split(';').map(|n| n.parse().unwrap_or(1));
                            row = numbers.next().unwrap_or(1_usize) - 1;
                            column = numbers.next().unwrap_or(1_usize) - 1;
                        }
                        "J" => rows.iter_mut().for_each(|row| row.fill(' ')),
                        "K" => {
                            if let Some(row) = rows.get_mut(row) {
                                row.iter_mut().skip(column).for_each(|c| *c = ' ');
                            }
                        }
                        // Colours and modes.
                        "m" | "h" | "l" => {}
                        other => panic!("{other:?} with {parameters:?} is not known"),
                    }
                }
                '\r' => column = 0,
                '\n' => row += 1,
                other => {
                    // Without wrapping, what is too long stays at the last column.
                    if let Some(cells) = rows.get_mut(row) {
                        cells[column.min(width - 1)] = other;
                    }
                    column += 1;
                }
            }
        }
        Self { rows }
    }

    /// Its lines, without spaces at their ends.
    pub fn lines(&self) -> Vec<String> {
        let line = |row: &Vec<char>| row.iter().collect::<String>().trim_end().to_owned();
        self.rows.iter().map(line).collect()
    }

    /// All of it.
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }
}
