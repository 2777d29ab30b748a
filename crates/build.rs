//! Lets the linker lay out the functions that a start enters side by side and in their order, so
//! that a start maps a part of the program instead of all of it. `hot` is written by `make hot`;
//! names in it that are no longer there are passed over.

fn main() {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    println!("cargo::rerun-if-changed=hot");
    println!("cargo::rerun-if-env-changed=KEEP_SYMBOLS");
    // Not by the profile: that would give every function another name, and `hot` has names.
    if var("PROFILE") == "release" && var("KEEP_SYMBOLS").is_empty() {
        println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
    }
    // Elsewhere the linker is not lld.
    if var("CARGO_CFG_TARGET_ARCH") == "x86_64" && var("CARGO_CFG_TARGET_ENV") == "gnu" {
        let here = var("CARGO_MANIFEST_DIR");
        println!("cargo::rustc-link-arg-bins=-Wl,--symbol-ordering-file={here}/hot");
        println!("cargo::rustc-link-arg-bins=-Wl,--no-warn-symbol-ordering");
    }
}
