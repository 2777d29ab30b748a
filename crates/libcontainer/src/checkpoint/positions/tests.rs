use super::*;

fn image(files: &[(u64, bool, u64)]) -> Vec<u8> {
    let mut image = vec![7; HEAD];
    for (id, external, position) in files {
        let mut file = Message::default();
        file.number(1, *id).number(2, 0x8000).number(3, *position).text(6, b"dev/null");
        file.signed(7, -1);
        if *position != NOWHERE {
            file.number(8, 5);
        }
        file.flag(9, *external);
        if *position != NOWHERE {
            file.number(10, 0o20666);
        }
        let mut entry = Message::default();
        entry.number(1, 1).number(2, *id).nested(3, &file);
        image.extend((entry.as_bytes().len() as u32).to_le_bytes());
        image.extend(entry.as_bytes());
    }
    image
}

#[test]
fn only_the_hosts_files_are_nowhere() {
    let before = image(&[(1, false, 300), (2, true, 5), (3, true, 0)]);
    let after = image(&[(1, false, 300), (2, true, NOWHERE), (3, true, NOWHERE)]);
    assert_eq!(forgotten(&before), Some(after));
}

#[test]
fn what_is_none_is_left() {
    for broken in [&b"short"[..], &[0; 9], &image(&[(1, true, 0)])[..20]] {
        assert_eq!(forgotten(broken), None);
    }
}
