use super::presentable;

#[test]
fn a_message_is_one_line_that_leaves_the_terminal_alone() {
    assert_eq!(presentable("a\nb\u{1b}[1m"), "a\u{fffd}b\u{fffd}[1m");
    let long = presentable(&"x".repeat(100_000));
    assert!(long.len() < 5000 && long.contains(" [...] "));
}
