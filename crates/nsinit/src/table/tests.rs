use super::*;

#[test]
fn columns_are_aligned_and_control_characters_harmless() {
    let mut table = Table::new(&["ID", "WHAT"]);
    table.row(["long-name".into(), "a\u{1b}[31m".into()]);
    table.row(["x".into(), String::new()]);
    assert_eq!(table.text(|_, _| None), "ID         WHAT\nlong-name  a?[31m\nx\n");
}

#[test]
fn a_colour_does_not_count_as_width() {
    let mut table = Table::new(&["A", "B"]);
    table.row(["1".into(), "2".into()]);
    let text = table.text(|_, cell| (cell == "1").then_some("32"));
    assert_eq!(text, "A  B\n\u{1b}[32m1\u{1b}[0m  2\n");
}
