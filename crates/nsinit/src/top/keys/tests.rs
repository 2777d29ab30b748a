use super::Typed::{Char, Down, End, Escape, Home, PageDown, Up};
use super::parse;

#[test]
fn sequences_are_keys() {
    assert_eq!(parse(b"q"), [Char('q')]);
    assert_eq!(parse(b"\x1b[A\x1bOB\x1b[6~"), [Up, Down, PageDown]);
    assert_eq!(parse(b"\x1b[H\x1b[4~x"), [Home, End, Char('x')]);
    assert_eq!(parse(b"\x1b"), [Escape]);
    assert_eq!(parse(b"\x1bq"), [Escape, Char('q')]);
    // With modifiers, unknown, cut off.
    assert_eq!(parse(b"\x1b[1;5Aj"), [Char('j')]);
    assert_eq!(parse(b"\x1b[200~"), []);
    assert_eq!(parse(b"\x1b[1;"), []);
}
