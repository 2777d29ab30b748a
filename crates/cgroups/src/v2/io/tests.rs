use super::{settings, weight};
use crate::resources::{BlockIo, ThrottleDevice};
use crate::setting::Setting;

#[test]
fn weights_map_end_to_end() {
    for (blkio, expected) in [(10, 1), (100, 910), (500, 4950), (1000, 10_000)] {
        assert_eq!(weight(blkio), expected, "{blkio}");
    }
}

#[test]
fn a_rate_of_zero_lifts_the_limit() {
    let one = |rate| vec![ThrottleDevice { major: 8, minor: 0, rate }];
    let limits =
        BlockIo { throttle_read_bps: one(4096), throttle_write_iops: one(0), ..BlockIo::default() };
    assert_eq!(
        settings(&limits).unwrap(),
        [Setting::new("io.max", "8:0 rbps=4096"), Setting::new("io.max", "8:0 wiops=max")]
    );
}

#[test]
fn leaf_weights_are_refused() {
    assert!(settings(&BlockIo { leaf_weight: Some(10), ..BlockIo::default() }).is_err());
}
