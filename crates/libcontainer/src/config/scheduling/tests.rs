use super::*;

#[test]
fn lists_are_read_strictly() {
    let numbers = |text: &str| text.parse::<NumberList>().unwrap().numbers().to_vec();
    assert_eq!(numbers("0-3,7"), [0, 1, 2, 3, 7]);
    assert_eq!(numbers(" 1 , 0 - 1,1"), [0, 1]);
    assert_eq!(numbers("1023"), [1023]);
    for text in [
        "", " ", ",", "1,", ",1", "1,,2", "-", "1-", "-1", "3-1", "1-2-3", "a", "+1", "1;2", "0x1",
        "\t1",
    ] {
        let error = text.parse::<NumberList>().unwrap_err().to_string();
        assert!(error.contains("is not a list of numbers and ranges"), "{text:?}: {error}");
    }
    for text in ["1024", "0-4294967295"] {
        assert!(text.parse::<NumberList>().unwrap_err().to_string().contains("is too large"));
    }
    assert!("99999999999".parse::<NumberList>().is_err());
    let list: NumberList = "5,1-2".parse().unwrap();
    assert_eq!(serde_json::to_string(&list).unwrap(), "\"1,2,5\"");
}
