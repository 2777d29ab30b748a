//! `hooks` of an OCI config, which a container.json may have too.

use crate::Result;

use super::super::node::Node;
use super::super::{Hook, Hooks, value};

/// In the order in which they run.
pub(super) const KINDS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// Reads `hooks` below `root`.
pub(in super::super) fn read(root: &Node<'_>) -> Result<Hooks> {
    let Some(node) = root.get("hooks")? else { return Ok(Hooks::default()) };
    Ok(Hooks {
        prestart: node.each("prestart", hook)?,
        create_runtime: node.each("createRuntime", hook)?,
        create_container: node.each("createContainer", hook)?,
        start_container: node.each("startContainer", hook)?,
        poststart: node.each("poststart", hook)?,
        poststop: node.each("poststop", hook)?,
    })
}

fn hook(node: &Node<'_>) -> Result<Hook> {
    let timeout = node.number_of("timeout")?;
    if timeout == Some(0) {
        return Err(node.need("timeout")?.error("must be greater than 0"));
    }
    Ok(Hook {
        path: value::absolute(&node.need("path")?)?,
        args: node.texts_of("args")?,
        env: node.texts_of("env")?,
        timeout,
    })
}
