use super::weight;

#[test]
fn shares_map_end_to_end() {
    // 100 and 10000 are where the curve meets them exactly; an ulp more would be 101.
    for (shares, expected) in [
        (0, 1),
        (2, 1),
        (3, 2),
        (10, 4),
        (102, 17),
        (512, 59),
        (1000, 99),
        (1024, 100),
        (1025, 101),
        (2048, 174),
        (262_143, 10_000),
        (262_144, 10_000),
        (u64::MAX, 10_000),
    ] {
        assert_eq!(weight(shares), expected, "{shares}");
    }
}

#[test]
fn more_shares_are_never_less_weight() {
    let weights: Vec<u64> = (0..=262_144).map(weight).collect();
    assert!(weights.is_sorted());
    assert_eq!((weights[0], weights[262_144]), (1, 10_000));
}
