use super::weight;

#[test]
fn shares_map_end_to_end() {
    for (shares, expected) in
        [(0, 1), (2, 1), (3, 1), (1024, 39), (2048, 79), (262_144, 10_000), (u64::MAX, 10_000)]
    {
        assert_eq!(weight(shares), expected, "{shares}");
    }
}
