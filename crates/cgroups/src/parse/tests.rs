use super::{device, flat, flat_value, nested, number};

#[test]
fn numbers_and_max() {
    assert_eq!(number("42\n"), Some(42));
    assert_eq!(number("max\n"), None);
}

#[test]
fn flat_keys_are_whole_words() {
    let text = "oom_kill_disable 1\nunder_oom 0\noom_kill 3\nstrange\nnegative -1\n";
    assert_eq!(flat_value(text, "oom_kill"), Some(3));
    assert_eq!(flat_value(text, "oom"), None);
    assert_eq!(flat(text).len(), 3);
}

#[test]
fn nested_values() {
    let all: Vec<_> = nested("8:16 rbytes=1 wbytes=2\nmlx4_0 hca_handle=max\n").collect();
    assert_eq!(all[0].0, "8:16");
    assert_eq!(all[0].1["wbytes"], Some(2));
    assert_eq!(all[1].1["hca_handle"], None);
    assert_eq!(device("8:16"), Some((8, 16)));
    assert_eq!(device("Total"), None);
}
