use super::*;

#[test]
fn a_line_of_mountinfo_becomes_columns() {
    let got = columns(
        r"36 35 98:0 /mnt1 /a\040b rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue",
    )
    .unwrap();
    let wanted = [
        "/a b",
        "ext3",
        "/dev/root",
        "rw,noatime",
        "rw,errors=continue",
        "shared:1,master:2",
        "/mnt1",
        "98:0",
    ];
    assert_eq!(got, wanted);
    let private = columns("22 1 0:20 / /proc rw - proc proc rw").unwrap();
    assert_eq!(private[5], "private");
    assert_eq!(columns("nonsense"), None);
}
