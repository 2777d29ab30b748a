use super::*;

#[test]
fn signals_by_every_name() {
    for (text, wanted) in
        [("TERM", 15), ("sigkill", 9), ("9", 9), ("-9", 9), ("-HUP", 1), ("RTMIN+1", 35)]
    {
        assert_eq!(number(text).unwrap(), wanted, "{text}");
    }
    for text in ["", "0", "65", "SIGNOTHING", "--9"] {
        assert!(number(text).is_err(), "{text}");
    }
}
