use super::*;

fn ranges(of: &[(u32, u32)]) -> Vec<Range> {
    of.iter().map(|(start, value)| Range { start: *start, leaf: Leaf::Return(*value) }).collect()
}

#[test]
fn points_over_background() {
    let background = ranges(&[(0, 1), (10, 2), (u32::MAX, 1)]);
    assert_eq!(overlay(&background, &[]), background);
    let points = ranges(&[(0, 5), (1, 5), (3, 1), (9, 7), (10, 7), (11, 2), (u32::MAX, 8)]);
    assert_eq!(
        overlay(&background, &points),
        ranges(&[(0, 5), (2, 1), (9, 7), (11, 2), (u32::MAX, 8)])
    );
    assert_eq!(
        overlay(&ranges(&[(0, 1)]), &ranges(&[(u32::MAX, 2)])),
        ranges(&[(0, 1), (u32::MAX, 2)])
    );
}
