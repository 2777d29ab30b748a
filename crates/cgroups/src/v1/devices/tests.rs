use super::{difference, parse};

#[test]
fn the_kernels_list_is_read() {
    let policy = parse("c *:* m\nb 8:0 rw\nc 136:* rwm\n");
    assert!(!policy.allow);
    let lines: Vec<String> = policy.exceptions.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["c *:* m", "b 8:0 rw", "c 136:* rwm"]);
    assert!(parse("a *:* rwm\n").allow);
    assert!(!parse("").allow);
}

#[test]
fn only_differences_are_written() {
    let before = parse("c 1:3 rwm\nc 1:5 rw\nb 8:0 r\n").exceptions;
    let after = parse("c 1:3 rwm\nc 1:5 rwm\nc 5:0 r\n").exceptions;
    assert_eq!(difference(&after, &before), ["c 1:5 m", "c 5:0 r"]);
    assert_eq!(difference(&before, &after), ["b 8:0 r"]);
}
