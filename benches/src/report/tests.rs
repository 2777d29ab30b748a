use super::*;

fn row(name: &str, median_ms: f64) -> Row {
    let summary = Summary { median_ms, p99_ms: median_ms, min_ms: median_ms, peak_kib: 2048 };
    Row { name: name.to_owned(), result: Ok(summary) }
}

fn table() -> Table {
    let failed = Row { name: "crun".to_owned(), result: Err("not here".to_owned()) };
    Table {
        title: "v2: start to exit".to_owned(),
        rows: vec![row("floor", 4.0), row("nsinit", 6.0), failed],
    }
}

#[test]
fn tables_have_ratios_to_their_own_floor() {
    let text = render(&[table()], 10);
    assert!(text.contains("| nsinit | 6.00 | 1.50 | 6.00 | 6.00 | 2.0 |"), "{text}");
    assert!(text.contains("| crun | – not here |"), "{text}");
    assert_eq!(table().ratio("crun"), None);
}

#[test]
fn what_a_child_prints_is_read_back() {
    let text = "table\tv2: start to exit\nrow\tfloor\t4\t4\t4\t2048\nrow\tnsinit\t6\t6\t6\t2048\n\
                none\tcrun\tnot here\n";
    assert_eq!(Table::parse(text).unwrap(), [table()]);
    assert!(Table::parse("what\n").is_err());
}

#[test]
fn what_is_over_its_limit_is_told() {
    let told = |name, ratio, peak_mib| over(&[table()], name, Limits { ratio, peak_mib });
    assert!(told("nsinit", Some(2.0), Some(2.0)).is_empty());
    assert_eq!(
        told("nsinit", Some(1.2), None),
        ["v2: start to exit: nsinit: 1.50 × floor, over 1.2"]
    );
    assert_eq!(told("nsinit", Some(1.2), Some(1.0)).len(), 2);
    assert_eq!(told("crun", Some(1.2), None), ["v2: start to exit: crun was not measured"]);
    assert!(told("crun", None, None).is_empty());
}

#[test]
fn only_the_marked_part_of_a_file_changes() {
    let old = format!("# Title\n{BEGIN}old\n{END}tail\n");
    assert_eq!(splice(&old, "new\n").unwrap(), format!("# Title\n{BEGIN}new\n{END}tail\n"));
    assert_eq!(splice("no marks", "new"), None);
}
