use super::*;
use crate::layout::Layout;

fn row(name: &str, ms: f64) -> Row {
    Row { name: name.to_owned(), cells: Ok(vec![Some(ms), Some(120.0)]) }
}

fn table() -> Table {
    let failed = Row { name: "youki".to_owned(), cells: Err("not here".to_owned()) };
    Table {
        key: "run".to_owned(),
        layout: Layout::V2,
        title: "v2: start to exit".to_owned(),
        columns: vec!["median, ms".to_owned(), "system calls".to_owned()],
        rows: vec![row("floor", 4.0), row("nsrun", 6.0), row("crun", 12.0), failed],
    }
}

#[test]
fn tables_have_ratios_to_floor_and_reference() {
    let text = markdown(&[table()]);
    assert!(text.contains("| | median, ms | × floor | × crun | system calls |"), "{text}");
    assert!(text.contains("| nsrun | 6.00 | 1.50 | 0.50 | 120 |"), "{text}");
    assert!(text.contains("| youki | – not here |"), "{text}");
    let mut alone = table();
    alone.rows.retain(|row| row.name == "nsrun");
    assert!(markdown(&[alone]).contains("| nsrun | 6.00 | 120 |"));
}

#[test]
fn only_the_marked_part_of_a_file_changes() {
    let old = format!("# Title\n{BEGIN}old\n{END}tail\n");
    assert_eq!(splice(&old, "new\n").unwrap(), format!("# Title\n{BEGIN}new\n{END}tail\n"));
    assert_eq!(splice("no marks", "new"), None);
}
