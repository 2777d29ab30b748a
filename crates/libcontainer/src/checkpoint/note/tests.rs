use super::is_key;

#[test]
fn keys_name_open_files_and_nothing_else() {
    for good in ["file[1b:98c03a]", "tty[8801:18]", "pipe:[123]"] {
        assert!(is_key(good), "{good}");
    }
    for bad in [
        "",
        "file[1b]",
        "file[:]",
        "file[1:2",
        "/etc/passwd",
        "pipe:[x]",
        "fd[0]:file[1:2]",
        "extRootNetNS",
        "socket:[5]",
        "pipe:[1]:x",
        "tty[1:2]]",
    ] {
        assert!(!is_key(bad), "{bad}");
    }
}
