use super::*;

/// Shorter than what there is room for at first, and longer than what is read.
#[test]
fn files_are_read_to_their_end() {
    let procfs = Procfs::open().unwrap();
    let limits = procfs.read(format!("{}/limits", std::process::id())).unwrap();
    assert_eq!(limits, std::fs::read("/proc/self/limits").unwrap());
    let symbols = std::fs::read("/proc/kallsyms").unwrap_or_default();
    if symbols.len() <= MOST {
        println!("SKIP: the kernel shows no long list of symbols");
        return;
    }
    assert_eq!(procfs.read("kallsyms").unwrap(), symbols[..MOST]);
}
