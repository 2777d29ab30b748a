use super::{Limit, Microseconds, Nanoseconds, escaped, shown};

#[test]
fn times_are_exact() {
    assert_eq!(shown(Nanoseconds(1_500_000_000)), "1.5");
    assert_eq!(shown(Nanoseconds(1)), "0.000000001");
    assert_eq!(shown(Nanoseconds(0)), "0");
    assert_eq!(shown(Microseconds(20_000_001)), "20.000001");
    assert_eq!(shown(Nanoseconds(u64::MAX)), "18446744073.709551615");
}

#[test]
fn no_limit_is_infinite() {
    for none in [u64::MAX, 9_223_372_036_854_771_712, 9_223_372_035_781_033_984] {
        assert_eq!(shown(Limit(none)), "+Inf");
    }
    assert_eq!(shown(Limit(1 << 40)), "1099511627776");
}

#[test]
fn labels_are_escaped() {
    assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
}
