//! docs/security.md is true of the tree: each file that it names is there, each test exists in the
//! file it is said to be in, every attack has a row, and no test of an attack is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use e2e::workspace;

/// What is in single backquotes.
fn tokens(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| !line.starts_with("```"));
    lines.flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "target" {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn is_name(text: &str) -> bool {
    let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !text.is_empty() && text.chars().all(name)
}

/// The functions of all source files, and the names that the library's own harness gives its tests, by
/// the file (or the harness's group) that they are in.
fn names() -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    sources(&workspace().join("crates"), &mut files);
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let stem = file.file_stem().unwrap().to_str().unwrap();
        for rest in text.split("fn ").skip(1) {
            let name = rest.split(['(', '<']).next().unwrap();
            if is_name(name) {
                all.entry(stem.to_owned()).or_default().insert(name.to_owned());
            }
        }
        for rest in text.split("test(\"").skip(1) {
            if let Some((group, name)) = rest.split('"').next().unwrap().split_once("::") {
                all.entry(group.to_owned()).or_default().insert(name.to_owned());
            }
        }
    }
    all
}

fn is_there(names: &BTreeSet<String>, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => names.iter().any(|name| name.starts_with(start)),
        None => names.contains(wanted),
    }
}

fn document() -> String {
    std::fs::read_to_string(workspace().join("docs/security.md")).unwrap()
}

#[test]
fn each_file_is_there() {
    let roots = ["", "crates", "crates/libcontainer", "crates/libcontainer/src"];
    let text = document();
    let mut seen = 0;
    for token in tokens(&text) {
        let is_file =
            token.ends_with(".rs") || (token.ends_with('/') && !token.starts_with(['/', '$']));
        if !is_file {
            continue;
        }
        seen += 1;
        let mut places: Vec<PathBuf> =
            roots.iter().map(|root| Path::new(root).join(token)).collect();
        // `nsinit/name.rs` is crates/nsinit/src/name.rs.
        if let Some((package, rest)) = token.split_once('/') {
            places.push(Path::new("crates").join(package).join("src").join(rest));
        }
        let found = places.iter().any(|place| workspace().join(place).exists());
        assert!(found, "docs/security.md names {token}, which is nowhere");
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn each_test_is_there() {
    let names = names();
    let all: BTreeSet<String> = names.values().flatten().cloned().collect();
    let text = document();
    let mut seen = 0;
    for token in tokens(&text) {
        let bare = token.strip_suffix('*').unwrap_or(token);
        if let Some((file, name)) = bare
            .split_once("::")
            .filter(|(file, name)| is_name(file) && (is_name(name) || name.is_empty()))
        {
            seen += 1;
            let wanted = if bare == token { name.to_owned() } else { format!("{name}*") };
            let found = names.get(file).is_some_and(|names| is_there(names, &wanted));
            assert!(found, "docs/security.md names {token}, which is not in {file}.rs");
        } else if is_name(bare) && bare.matches('_').count() >= 2 {
            // Without the file's name: functions, and tests where a table says what file they are in.
            seen += 1;
            assert!(is_there(&all, token), "docs/security.md names {token}, which is no function");
        }
    }
    assert!(seen > 80, "{seen}");
}

/// The rows that a name tells: `rows_12_and_18_x`, `row_4_x`.
fn rows_of(name: &str) -> Vec<u32> {
    let parts = name.strip_prefix("rows_").or_else(|| name.strip_prefix("row_"));
    let numbers = parts.into_iter().flat_map(|parts| parts.split('_'));
    numbers
        .map_while(|part| if part == "and" { Some(None) } else { part.parse().ok().map(Some) })
        .flatten()
        .collect()
}

#[test]
fn each_attack_has_its_row() {
    let text = document();
    let mut table = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let (Ok(row), 6) = (cells[1].parse::<u32>(), cells.len()) {
            assert!(table.insert(row, (cells[3], cells[4])).is_none(), "row {row} twice");
        }
    }
    assert_eq!(table.keys().copied().collect::<Vec<_>>(), (1..=29).collect::<Vec<u32>>());
    for (row, (nsinit, nsrun)) in &table {
        for (runtime, cell) in [("nsinit", nsinit), ("nsrun", nsrun)] {
            let told = cell.contains("::") || cell.starts_with("–: ");
            assert!(told, "row {row} has no test for {runtime}, and no reason: {cell}");
        }
    }
    // Each test of an attack is found from its row.
    let mut seen = 0;
    for (file, names) in names() {
        for (name, row) in
            names.iter().flat_map(|name| rows_of(name).into_iter().map(move |row| (name, row)))
        {
            seen += 1;
            let (nsinit, nsrun) = &table[&row];
            let named = tokens(nsinit).into_iter().chain(tokens(nsrun)).any(|token| {
                let Some((of, wanted)) = token.split_once("::") else { return false };
                of == file && is_there(&BTreeSet::from([name.clone()]), wanted)
            });
            assert!(named, "row {row} does not name {file}::{name}");
        }
    }
    assert!(seen > 50, "{seen}");
}
