use super::*;

const STATUS: &str = "Name:\tsl eep)\nUmask:\t0022\nState:\tS (sleeping)\nPPid:\t7\n\
                      Uid:\t1\t2\t3\t4\nNSpid:\t300\t5\n";
const STAT: &str = "300 (sl eep)) S 7 300 300 0 -1 4194560 99 0 0 0 150 50 0 0 20 0 1 0 5 6 7";

#[test]
fn a_process_is_read() {
    let row = parse(300, STATUS, STAT, b"sleep\x00100\x00", 100).unwrap();
    assert_eq!((row.inside, row.parent, row.uid, row.state.as_str()), (5, 7, 2, "S"));
    assert_eq!((row.milliseconds, row.command.as_str()), (2000, "sleep 100"));
}

#[test]
fn one_without_a_command_line_has_its_name() {
    assert_eq!(parse(300, STATUS, STAT, b"", 100).unwrap().command, "[sl eep)]");
}

#[test]
fn this_process_is_there_and_none_has_id_0() {
    let pid = i32::try_from(std::process::id()).unwrap();
    assert_eq!(row(pid).unwrap().pid, pid);
    assert_eq!(row(0), None);
}
