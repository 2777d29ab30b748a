//! The configurations that docs/engines.md shows.

/// The first block of this language below this heading, with the runtime under test in nsrun's
/// place.
///
/// # Panics
/// If there is none, or no runtime.
#[track_caller]
pub fn documented(heading: &str, language: &str) -> String {
    let page = include_str!("../../../docs/engines.md");
    let heading = format!("\n## {heading}\n");
    let (_, section) = page.split_once(&heading).expect("the heading is in docs/engines.md");
    let section = section.split("\n## ").next().unwrap_or_default();
    let opened = section.split_once(&format!("```{language}\n")).expect("it has such a block");
    let (block, _) = opened.1.split_once("```").expect("the block ends");
    let runtime = crate::runtime().unwrap().display().to_string();
    assert!(block.contains("/usr/local/bin/nsrun"), "it names the runtime: {block}");
    block.replace("/usr/local/bin/nsrun", &runtime)
}
