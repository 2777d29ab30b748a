use super::*;

fn response(fill: impl FnOnce(&mut Message)) -> Message {
    let mut message = Message::default();
    fill(&mut message);
    message
}

#[test]
fn answers_are_read() {
    let version = response(|m| {
        m.number(1, 4).number(2, 1).number(4, 2).text(6, b"Tuscan");
    });
    let packet = response(|m| {
        m.number(1, Type::Version as u64).number(2, 1).nested(10, &version);
    });
    let heard = Response::parse(packet.as_bytes()).unwrap();
    assert!(heard.success);
    assert_eq!(heard.version, [4, 1, 2]);

    let notify = response(|m| {
        m.text(1, b"setup-namespaces").number(2, 123);
    });
    let packet = response(|m| {
        m.number(1, Type::Notify as u64).number(2, 1).nested(5, &notify);
    });
    let heard = Response::parse(packet.as_bytes()).unwrap();
    assert_eq!((heard.script.as_str(), heard.script_pid), ("setup-namespaces", Some(123)));

    for broken in [&b""[..], b"\x08", b"\x08\x01", b"\xff"] {
        assert!(Response::parse(broken).is_none(), "{broken:?}");
    }
}

#[test]
fn a_failure_has_criu_s_words() {
    let said = b"Error (criu/x.c:1): Can't lock\n";
    let packet = response(|m| {
        m.number(1, 1).number(2, 0).number(7, 16).text(9, said);
    });
    let error = failed(&Response::parse(packet.as_bytes()).unwrap()).to_string();
    assert_eq!(error, "CRIU failed (Device or resource busy): Can't lock");
}
