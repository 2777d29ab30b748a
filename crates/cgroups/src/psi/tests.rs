use super::Psi;

#[test]
fn both_lines_are_read() {
    let psi = Psi::parse(
        "some avg10=1.50 avg60=0.25 avg300=0.00 total=4242\n\
         full avg10=0.00 avg60=0.00 avg300=0.01 total=17\n",
    );
    let (some, full) = (psi.some.unwrap(), psi.full.unwrap());
    assert_eq!((some.avg10, some.avg60, some.total), (1.5, 0.25, 4242));
    assert_eq!((full.avg300, full.total), (0.01, 17));
}

#[test]
fn a_line_that_is_not_there_is_none() {
    let psi = Psi::parse("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
    assert!(psi.some.is_some());
    assert_eq!(psi.full, None);
}
