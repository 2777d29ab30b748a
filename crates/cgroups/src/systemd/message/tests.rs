use super::super::Property;
use super::super::value::Value;
use super::{Call, FIXED, Incoming, decode, length};

#[test]
fn a_call_is_as_the_specification_has_it() {
    let call = Call {
        destination: "d.d",
        path: "/p",
        interface: "i.i",
        member: "M",
        body: vec![Value::text("x.scope"), Value::Boolean(true)],
    };
    let message = call.encode(7).unwrap();
    assert_eq!(&message[..4], b"l\x01\0\x01");
    assert_eq!(message[4..8], 16_u32.to_le_bytes(), "the body: a string of 4 + 7 + 1, a boolean");
    assert_eq!(message[8..12], 7_u32.to_le_bytes());
    assert_eq!(message.len() % 4, 0);
    assert_eq!(length(message.first_chunk::<FIXED>().unwrap()), Some(message.len()));
    let body = &message[message.len() - 16..];
    assert_eq!(body, b"\x07\0\0\0x.scope\0\x01\0\0\0");
    let expected = Incoming {
        member: Some("M".to_owned()),
        texts: vec!["x.scope".to_owned()],
        ..Incoming::default()
    };
    assert_eq!(decode(&message), Some(expected));
}

#[test]
fn properties_are_variants_in_an_array() {
    let pids = Value::Array("u".to_owned(), vec![Value::Uint32(5)]);
    let list = [
        Property::new("PIDs", pids),
        Property::new("DeviceAllow", Value::Array("(ss)".to_owned(), Vec::new())),
    ];
    let call = Call {
        destination: "d.d",
        path: "/p",
        interface: "i.i",
        member: "M",
        body: vec![Value::properties(&list)],
    };
    let message = call.encode(1).unwrap();
    let text = String::from_utf8_lossy(&message).into_owned();
    assert!(text.contains("\x05a(sv)\0"), "{text:?}");
    assert!(text.contains("\x02au\0") && text.contains("\x05a(ss)\0"), "{text:?}");
}

#[test]
fn nonsense_is_no_message() {
    assert_eq!(length(&[0; FIXED]), None);
    let mut huge = [0xff_u8; FIXED];
    huge[0] = b'l';
    assert_eq!(length(&huge), None);
    assert_eq!(decode(b"l\x02\0\x01"), None);
    assert_eq!(decode(&[]), None);
}

#[test]
fn a_body_of_several_values_has_a_signature_without_parentheses() {
    let body = vec![Value::text("a"), Value::text("b")];
    let call = Call { destination: "d.d", path: "/p", interface: "i.i", member: "M", body };
    let message = call.encode(1).unwrap();
    assert!(String::from_utf8_lossy(&message).contains("\x01g\0\x02ss\0"));
}
