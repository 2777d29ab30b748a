use super::*;
use crate::table::Row;

fn table() -> Table {
    let row = |name: &str, ms| Row { name: name.to_owned(), cells: Ok(vec![Some(ms), Some(1.5)]) };
    Table {
        key: "run".to_owned(),
        layout: Layout::V2,
        title: "run".to_owned(),
        columns: vec!["median, ms".to_owned(), "peak memory, MiB".to_owned()],
        rows: vec![row("floor", 4.0), row("nsrun", 6.4), row("crun", 16.0)],
    }
}

#[test]
fn what_is_not_kept_is_bold() {
    let text = markdown(&[table()]);
    assert!(text.contains("| ≤ 1.5 × floor | **1.60** |  |  |  |"), "{text}");
    assert!(text.contains("| ≤ 0.5 × crun | 0.40 |"), "{text}");
    assert!(text.contains("| ≤ 2 | 1.50 |"), "{text}");
    // Nobody measured it.
    assert!(text.contains("| ≤ 0.2 × runc |  |"), "{text}");
}
