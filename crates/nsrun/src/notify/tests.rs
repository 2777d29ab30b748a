use super::outside;

#[test]
fn what_is_told_outside() {
    let told = |message: &str| {
        let (told, ready) = outside(message.as_bytes(), 42);
        (String::from_utf8(told).unwrap(), ready)
    };
    assert_eq!(told("READY=1"), ("READY=1\nMAINPID=42\n".into(), true));
    assert_eq!(
        told("STATUS=a\nMAINPID=7\nREADY=1\n"),
        ("STATUS=a\nREADY=1\nMAINPID=42\n".into(), true)
    );
    assert_eq!(told("STATUS=half\n"), ("STATUS=half\n".into(), false));
    assert_eq!(told("BARRIER=1"), (String::new(), false));
    assert_eq!(told("MAINPIDFDID=1\nFDSTORE=1\nREADY=0"), ("READY=0\n".into(), false));
}
