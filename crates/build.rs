//! Lets the linker lay out the functions that a start enters side by side and in their order, so
//! that a start maps a part of the program instead of all of it. `hot` is written by `make hot`;
//! names in it that are no longer there are passed over.

fn main() {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    println!("cargo::rerun-if-changed=hot");
    println!("cargo::rerun-if-env-changed=KEEP_SYMBOLS");
    // With musl the linker is asked directly, and not by way of a C compiler.
    let musl = var("CARGO_CFG_TARGET_ENV") == "musl";
    let link = |flag: String| {
        println!("cargo::rustc-link-arg-bins={}{flag}", if musl { "" } else { "-Wl," });
    };
    // Not by the profile: that would give every function another name, and `hot` has names.
    if var("PROFILE") == "release" && var("KEEP_SYMBOLS").is_empty() {
        link("--strip-all".to_owned());
    }
    // Elsewhere the linker is not lld.
    if musl || (var("CARGO_CFG_TARGET_ARCH") == "x86_64" && var("CARGO_CFG_TARGET_ENV") == "gnu") {
        let here = var("CARGO_MANIFEST_DIR");
        link(format!("--symbol-ordering-file={here}/hot"));
        link("--no-warn-symbol-ordering".to_owned());
    }
}
