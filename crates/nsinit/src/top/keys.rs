//! What is typed.

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// A character, control characters too.
    Char(char),
    /// Up.
    Up,
    /// Down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first.
    Home,
    /// To the last.
    End,
    /// Escape by itself.
    Escape,
}

/// The keys of these bytes. Sequences that mean none of them are passed over.
pub fn parse(mut bytes: &[u8]) -> Vec<Typed> {
    let mut keys = Vec::new();
    while let [first, rest @ ..] = bytes {
        bytes = rest;
        let key = match (first, rest) {
            (0x1b, [b'[' | b'O', ..]) => {
                // Parameters, then a letter or `~` (ECMA-48, "Control sequences").
                let end = rest.iter().skip(1).position(|byte| (0x40..=0x7e).contains(byte));
                let sequence = &rest[1..end.map_or(rest.len(), |end| end + 2)];
                bytes = &rest[1 + sequence.len()..];
                match sequence {
                    b"A" => Typed::Up,
                    b"B" => Typed::Down,
                    b"H" | b"1~" => Typed::Home,
                    b"F" | b"4~" => Typed::End,
                    b"5~" => Typed::PageUp,
                    b"6~" => Typed::PageDown,
                    _ => continue,
                }
            }
            (0x1b, _) => Typed::Escape,
            (byte, _) => Typed::Char(char::from(*byte)),
        };
        keys.push(key);
    }
    keys
}

#[cfg(test)]
mod tests;
