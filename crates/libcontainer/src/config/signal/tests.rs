use super::*;

#[test]
fn names_and_numbers() {
    for (text, expected) in [
        ("9", 9),
        ("KILL", 9),
        ("sigkill", 9),
        ("SIGTERM", 15),
        ("SYS", 31),
        ("SIGIOT", 6),
        ("RTMIN", 34),
        ("SIGRTMIN+3", 37),
        ("rtmax-1", 63),
        ("64", 64),
    ] {
        assert_eq!(number(text), Some(expected), "{text}");
    }
    for text in [
        "",
        "0",
        "65",
        "-9",
        "SIG",
        "SIGSIGKILL",
        "FOO",
        "RTMIN-1",
        "RTMIN+31",
        "RTMAX+1",
        "99999999999999999999",
        "RTMIN+",
        "RTMINx",
        "+9",
    ] {
        assert_eq!(number(text), None, "{text}");
    }
}
