use super::*;

#[test]
fn a_message_is_one_line_that_can_be_read() {
    assert_eq!(presentable("a\nb\u{1b}[2Jc", 100), "a\u{fffd}b\u{fffd}[2Jc");
    let long = presentable(&format!("begin{}end", "ü".repeat(1 << 20)), 2000);
    assert!(long.starts_with("begin") && long.ends_with("üend") && long.contains(" [...] "));
    assert!(long.chars().count() <= 2000 + 10);
}
