use libcontainer::{Stats, Status};

use super::{Key, List, Look};
use crate::top::figures::{Rates, Row};

const PLAIN: Look = Look { colours: false, ascii: true };

fn row(id: &str, cpu: Option<f64>, memory: Option<u64>) -> Row {
    let mut group = cgroups::Stats::default();
    group.memory_stats.usage.usage = memory;
    Row {
        id: id.to_owned(),
        status: Status::Running,
        pid: Some(1),
        created: 0,
        stats: Some(Stats { cgroup: Some(group), ..Stats::default() }),
        rates: Rates { cpu, ..Rates::default() },
        history: cpu.into_iter().collect(),
    }
}

fn ids(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| &*row.id).collect()
}

#[test]
fn the_most_is_first_and_the_unknown_last() {
    let mut rows =
        [row("a", None, Some(1)), row("b", Some(1.0), None), row("c", Some(7.0), Some(3))];
    Key::Cpu.sort(&mut rows, false);
    assert_eq!(ids(&rows), ["c", "b", "a"]);
    Key::Memory.sort(&mut rows, false);
    assert_eq!(ids(&rows), ["c", "a", "b"]);
    Key::Id.sort(&mut rows, false);
    assert_eq!(ids(&rows), ["a", "b", "c"]);
    Key::Id.sort(&mut rows, true);
    assert_eq!(ids(&rows), ["c", "b", "a"]);
}

#[test]
fn it_fits_any_screen_and_shows_the_chosen() {
    let rows: Vec<Row> =
        (0..50).map(|one| row(&format!("box-{one:02}"), Some(1.0), Some(1 << 20))).collect();
    for (height, width) in [(24, 80), (5, 40), (3, 10), (1, 1), (100, 300)] {
        let list = List { sort: Key::Id, reverse: false, chosen: Some("box-40".to_owned()) };
        let lines = list.lines(&rows, (height, width), PLAIN);
        assert_eq!(lines.len(), height.max(1), "{height} {width}");
        if height > 3 {
            assert!(lines.iter().any(|line| line.contains("box-40")), "{lines:#?}");
        }
    }
}

#[test]
fn the_choice_follows_its_container() {
    let mut rows = vec![row("a", None, None), row("b", None, None), row("c", None, None)];
    let mut list = List { sort: Key::Id, reverse: false, chosen: None };
    list.go(&rows, 1);
    assert_eq!(list.chosen.as_deref(), Some("b"));
    rows.reverse();
    assert_eq!(list.index(&rows), 1);
    list.go(&rows, isize::MAX);
    assert_eq!(list.chosen.as_deref(), Some("a"));
    rows.pop();
    assert_eq!(list.index(&rows), 0);
    list.go(&[], 1);
    assert_eq!(list.chosen, None);
}
