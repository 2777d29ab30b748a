use super::*;

#[test]
fn median_and_p99_lie_between_neighbours() {
    let samples: Vec<Sample> =
        (0..=100).map(|ms| Sample { ns: ms * 1_000_000, peak_kib: 1000 + ms }).collect();
    let got = summarize(&samples).unwrap();
    assert_eq!(got, Summary { median_ms: 50.0, p99_ms: 99.0, min_ms: 0.0, peak_kib: 1100 });
    assert_eq!(quantile(&[1.0, 2.0], 0.5), Some(1.5));
}

#[test]
fn nothing_has_no_summary() {
    assert_eq!(summarize(&[]), None);
}
