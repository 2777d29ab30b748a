use super::*;
use crate::checkpoint::Message;

#[test]
fn they_are_read_where_logs_are() {
    let top = std::env::temp_dir().join(format!("statistics-{}", std::process::id()));
    std::fs::create_dir_all(&top).unwrap();
    let criu = Criu { images: "/nowhere".into(), work: Some(top.clone()), ..Criu::default() };
    assert!(criu.dump_statistics().is_err());
    let (mut dump, mut entry) = (Message::default(), Message::default());
    dump.number(1, 100).number(2, 20).number(5, 7).number(7, 5).number(14, 3);
    entry.nested(1, &dump);
    let mut image = vec![0; 8];
    image.extend((entry.as_bytes().len() as u32).to_le_bytes());
    image.extend(entry.as_bytes());
    std::fs::write(top.join("stats-dump"), &image).unwrap();
    let wanted = DumpStatistics {
        freezing_time: 100,
        frozen_time: 20,
        pages_scanned: 7,
        pages_written: 8,
        ..DumpStatistics::default()
    };
    assert_eq!(criu.dump_statistics().unwrap(), wanted);
    // Of a dump, where those of a restore should be.
    std::fs::write(top.join("stats-restore"), &image).unwrap();
    assert!(criu.restore_statistics().is_err());
    std::fs::remove_dir_all(top).unwrap();
}
