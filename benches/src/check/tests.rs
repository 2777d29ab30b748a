use super::*;

fn counts(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
    list.iter().map(|(name, calls)| ((*name).to_owned(), *calls)).collect()
}

#[test]
fn more_calls_than_kept_are_told() {
    let kept = counts(&[("nsrun run", 500), ("nsrun state", 70)]);
    assert!(more_calls(&kept, &counts(&[("nsrun run", 500), ("nsrun state", 60)])).is_empty());
    assert_eq!(more_calls(&kept, &counts(&[("nsrun run", 501), ("nsrun kill", 1)])).len(), 2);
}

#[test]
fn a_limit_looks_at_its_own_column() {
    let row = |name: &str, cpu| crate::table::Row {
        name: name.to_owned(),
        cells: Ok(vec![Some(9.0), None, None, Some(cpu)]),
    };
    let table = Table {
        key: "run".to_owned(),
        layout: Layout::V2,
        title: String::new(),
        columns: Vec::new(),
        rows: vec![row("floor", 2.0), row("nsrun", 5.0)],
    };
    assert_eq!(limit("run", "nsrun", CPU, "floor", 2.0, 3.0).look(&[table]), Ok(2.5));
    assert!(limit("exec", "nsrun", CPU, "floor", 2.0, 3.0).look(&[]).is_err());
}
