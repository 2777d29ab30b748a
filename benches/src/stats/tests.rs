use super::*;

#[test]
fn median_and_p99_lie_between_neighbours() {
    let sample = |ms: u64| Sample { ns: ms * 1_000_000, peak_kib: 1000 + ms, ..Sample::default() };
    let samples: Vec<Sample> = (0..=100).map(sample).collect();
    let got = summarize(&samples).unwrap();
    assert_eq!((got.median_ms, got.p99_ms, got.min_ms), (50.0, 99.0, 0.0));
    assert_eq!(got.peak_kib, 1100.0);
    assert_eq!(quantile(vec![2.0, 1.0], 0.5), Some(1.5));
    assert_eq!(summarize(&[]), None);
}

#[test]
fn a_line_of_the_launcher_is_read() {
    let wanted = Sample { ns: 5, cpu_us: 6, peak_kib: 7, faults: 8, switches: 9, code: 1 };
    assert_eq!(Sample::parse("3 5 6 7 8 9 1"), Some((3, wanted)));
    assert_eq!(Sample::parse("3 5"), None);
    assert_eq!(Sample::parse("spawn: no"), None);
}
