use super::number;

#[test]
fn signals_as_they_are_typed() {
    for (text, signal) in [
        ("0", 0),
        ("9", 9),
        ("KILL", 9),
        ("SIGKILL", 9),
        ("sigterm", 15),
        ("usr1", 10),
        ("RTMIN+1", 35),
    ] {
        assert_eq!(number(text).unwrap(), signal);
    }
    for text in ["", "65", "-1", "SIGNOTHING", "00x"] {
        assert!(number(text).unwrap_err().to_string().contains("unknown signal"), "{text}");
    }
}
