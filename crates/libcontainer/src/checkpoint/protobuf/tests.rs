use super::*;

#[test]
fn the_encodings_own_examples() {
    // protobuf.dev, "Encoding": 150 in field 1, "testing" in field 2, and the first as field 3.
    let mut inner = Message::default();
    inner.number(1, 150);
    assert_eq!(inner.as_bytes(), [0x08, 0x96, 0x01]);
    let mut outer = Message::default();
    outer.text(2, b"testing").nested(3, &inner);
    assert_eq!(outer.as_bytes(), b"\x12\x07testing\x1a\x03\x08\x96\x01");
    let mut minus_two = Message::default();
    minus_two.signed(1, -2);
    assert_eq!(minus_two.as_bytes(), b"\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

#[test]
fn what_is_written_is_read() {
    let mut message = Message::default();
    message.number(1, u64::MAX).flag(2, true).flag(3, false).text(71, b"x").number(1, 7);
    let fields = Fields::of(message.as_bytes());
    assert_eq!(fields.number(1), Some(7), "the last one counts");
    assert_eq!((fields.number(2), fields.number(3)), (Some(1), None));
    assert_eq!(
        (fields.bytes(71), fields.bytes(1), fields.number(71)),
        (Some(&b"x"[..]), None, None)
    );
    let mut all = fields.flatten();
    assert_eq!(all.next(), Some((1, Value::Number(u64::MAX))));
}

#[test]
fn fixed_numbers_and_damage() {
    let fields = Fields::of(b"\x0d\x01\x02\x00\x00\x11\x03\x00\x00\x00\x00\x00\x00\x01");
    assert_eq!(fields.number(1), Some(0x201));
    assert_eq!(fields.number(2), Some(0x0100_0000_0000_0003));
    for damaged in
        [&b"\x08"[..], b"\x12\x05abc", b"\x0b", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"]
    {
        let mut fields = Fields::of(damaged);
        assert_eq!(fields.next(), Some(None), "{damaged:?}");
        assert_eq!(fields.next(), None, "{damaged:?}");
    }
}
