use std::time::Duration;

use super::{duration, rfc3339, rfc3339_milliseconds};

#[test]
fn points_in_time() {
    for (seconds, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"),
        (1_795_366_800, "2026-11-22T17:00:00Z"),
    ] {
        assert_eq!(rfc3339(seconds), text);
    }
    assert_eq!(rfc3339_milliseconds(1_000), "1970-01-01T00:00:01Z");
    assert_eq!(rfc3339_milliseconds(1_250), "1970-01-01T00:00:01.25Z");
    assert_eq!(rfc3339_milliseconds(1_007), "1970-01-01T00:00:01.007Z");
}

#[test]
fn lengths_of_time() {
    for (text, milliseconds) in [
        ("5s", Some(5000)),
        ("500ms", Some(500)),
        ("1m30s", Some(90_000)),
        ("1.5h", Some(5_400_000)),
        ("2h0m", Some(7_200_000)),
        ("2000us", Some(2)),
        ("0s", Some(0)),
        ("", None),
        ("5", None),
        ("s", None),
        ("-5s", None),
        ("5 s", None),
        ("5sx", None),
        ("1.2.3s", None),
        ("99999999999999999999h", None),
    ] {
        assert_eq!(duration(text), milliseconds.map(Duration::from_millis), "{text}");
    }
}
