use super::*;

fn record() -> Record {
    Record {
        version: VERSION,
        id: "one".into(),
        created: 1,
        brief: Brief::default(),
        configured: Configured::by(Config::default()),
        cgroup: BTreeMap::new(),
        cgroup_delegated: false,
        cgroup_levels: 0,
        systemd: None,
        resctrl: None,
        links: Vec::new(),
        namespaces: 0,
        chroot: false,
        init: None,
    }
}

fn text(record: &Record, lines: &[&str]) -> Vec<u8> {
    let mut text = record.text().unwrap();
    lines.iter().for_each(|line| text.extend_from_slice(line.as_bytes()));
    text
}

fn pid_of(text: &[u8]) -> Option<i32> {
    parse(text, "one").unwrap().unwrap().init.map(|init| init.pid)
}

#[test]
fn the_last_whole_line_counts() {
    let line = |pid: i32| {
        let init = InitRecord { pid, inode: Some(5), start_time: None, idle: false, made: None };
        serde_json::to_string(&Some(init)).unwrap() + "\n"
    };
    assert_eq!(pid_of(&text(&record(), &[])), None);
    assert_eq!(pid_of(&text(&record(), &[&line(7)])), Some(7));
    assert_eq!(pid_of(&text(&record(), &[&line(7), "null\n"])), None);
    assert_eq!(pid_of(&text(&record(), &[&line(7), "{\"pid\":"])), Some(7));
}

#[test]
fn a_record_that_was_not_written_whole_is_none() {
    let whole = text(&record(), &[]);
    for length in 0..whole.len() {
        assert_eq!(parse(&whole[..length], "one").unwrap().map(|record| record.id), None);
    }
}

#[test]
fn a_foreign_newer_or_tampered_record_is_refused() {
    let newer = Record { version: VERSION + 1, ..record() };
    let foreign = Record { id: "two".into(), ..record() };
    for text in [text(&newer, &[]), text(&foreign, &[]), b"{}\n".to_vec(), b"\0\n".to_vec()] {
        assert!(parse(&text, "one").is_err());
    }
}

/// As after the process's end on Linux before 6.15, while its group or session lives on.
#[test]
fn a_number_that_names_no_process_any_more_is_nobodys() {
    std::thread::spawn(|| {
        let pid = rustix::thread::gettid().as_raw_nonzero().get();
        let init = InitRecord { pid, inode: Some(5), start_time: None, idle: false, made: None };
        assert!(init.open().unwrap().is_none());
    })
    .join()
    .unwrap();
}

#[test]
fn the_configuration_is_read_when_it_is_asked_for() {
    let config = Config { hostname: Some("one".into()), ..Config::default() };
    let record = Record { configured: Configured::by(config.clone()), ..record() };
    let text = text(&record, &["null\n"]);
    assert_eq!(parse(&text, "one").unwrap().unwrap().config().unwrap(), &config);
    // One that is damaged keeps nobody from what does not ask for it.
    let damaged = String::from_utf8(text).unwrap().replace("\n{", "\n[");
    let damaged = parse(damaged.as_bytes(), "one").unwrap().unwrap();
    assert!(damaged.config().unwrap_err().to_string().contains("is broken"));
}

#[test]
fn what_its_end_asks_for_is_known_without_it() {
    let mut config = Config::default();
    assert!(!Brief::of(&config).intricate_end);
    config.hooks.poststop.push(Default::default());
    assert!(Brief::of(&config).intricate_end);
    let config = Config { net_devices: [Default::default()].into(), ..Config::default() };
    assert!(Brief::of(&config).intricate_end);
}

/// As a file, which is read as far as it is needed.
fn file(text: &[u8]) -> OwnedFd {
    let file = rustix::fs::memfd_create("record", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    assert_eq!(rustix::io::write(&file, text).unwrap(), text.len());
    file
}

#[test]
fn the_middle_of_a_long_configuration_is_left_out() {
    let init = "{\"pid\":7,\"inode\":5,\"start_time\":null}\n";
    for length in [1, 15_000, 16_000, 16_384, 17_000, 18_000, 100_000] {
        let config = Config { hostname: Some("x".repeat(length)), ..Config::default() };
        let record = Record { configured: Configured::by(config.clone()), ..record() };
        for (lines, pid) in [(&[][..], None), (&[init], Some(7)), (&["null\n"; 9], None)] {
            let text = text(&record, lines);
            let mut ends = Vec::new();
            let cut = read_ends(file(&text), &mut ends).unwrap();
            assert_eq!(cut, text.len() > 17 << 10, "{length}");
            assert!(ends == text || cut && ends.len() <= 18 << 10);
            let found = read_file(file(&text), "one").unwrap().unwrap();
            assert_eq!(found.init.map(|init| init.pid), pid, "{length} {lines:?}");
            assert_eq!(found.config().unwrap(), &config);
        }
        // Not whole.
        let text = text(&record, &[]);
        assert!(read_file(file(&text[..text.len() - 1]), "one").unwrap().is_none());
    }
}

#[test]
fn a_long_first_line_is_read_whole() {
    let annotations = [("a".to_owned(), "x".repeat(40_000))].into();
    let record = Record { brief: Brief { annotations, ..Brief::default() }, ..record() };
    let found = read_file(file(&text(&record, &["null\n"])), "one").unwrap().unwrap();
    assert_eq!(found.brief, record.brief);
    assert_eq!(found.config().unwrap(), &Config::default());
}
