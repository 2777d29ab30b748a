use super::super::value::Value::{self, *};
use super::parse;

fn array(element: &str, values: Vec<Value>) -> Value {
    Array(element.to_owned(), values)
}

fn text(text: &str) -> Value {
    Value::text(text)
}

#[test]
fn values() {
    for (written, expected) in [
        ("true", Boolean(true)),
        (" false ", Boolean(false)),
        ("3", Int32(3)),
        ("-3", Int32(-3)),
        ("0x10", Int32(16)),
        ("010", Int32(8)),
        ("uint64 3", Uint64(3)),
        ("@t 18446744073709551615", Uint64(u64::MAX)),
        ("byte 0xff", Byte(255)),
        ("int64 -5", Int64(-5)),
        ("1.5", Double(1.5)),
        ("double 2", Double(2.0)),
        ("'multi-user.target'", text("multi-user.target")),
        ("\"it's\"", text("it's")),
        (r"'a\'b\n\u00e4'", text("a'b\nä")),
        ("objectpath '/a'", Path("/a".to_owned())),
        ("['a', 'b']", array("s", vec![text("a"), text("b")])),
        ("@as []", array("s", vec![])),
        ("[uint32 1, 2]", array("u", vec![Uint32(1), Uint32(2)])),
        ("@au [1]", array("u", vec![Uint32(1)])),
        ("[('/dev/sda', uint64 5)]", array("(st)", vec![Tuple(vec![text("/dev/sda"), Uint64(5)])])),
        ("b'a'", array("y", vec![Byte(97), Byte(0)])),
        ("<3>", Variant(Box::new(Int32(3)))),
    ] {
        assert_eq!(parse(written), Ok(expected), "{written}");
    }
}

#[test]
fn what_is_no_value() {
    for written in [
        "",
        "x",
        "multi-user.target",
        "'a",
        "[",
        "[]",
        "[1, 'a']",
        "(1",
        "()",
        "3 4",
        "byte 256",
        "uint64 -1",
        "uint32 'a'",
        "@s 3",
        "@as 3",
        "boolean 3",
        "99999999999",
        "--3",
        "0x",
        "[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]",
        r"'\u12'",
    ] {
        assert!(parse(written).is_err(), "{written}");
    }
}
