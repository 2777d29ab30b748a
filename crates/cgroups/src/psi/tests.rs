use super::Psi;

#[test]
fn both_lines_are_read() {
    let psi = Psi::parse(
        "some avg10=1.50 avg60=0.25 avg300=0.00 total=4242\n\
         full avg10=0.00 avg60=0.00 avg300=0.01 total=17\n",
    );
    assert_eq!((psi.some.avg10, psi.some.avg60, psi.some.total), (1.5, 0.25, 4242));
    assert_eq!((psi.full.avg300, psi.full.total), (0.01, 17));
}
