//! `process` of an OCI config.

use crate::Result;

use super::super::node::Node;
use super::super::{Id, ProcessSpec, User, capability, value};
use super::scheduling;

/// Reads `process`. Environment, user and groups are exactly what stands there.
pub(in crate::config) fn read(node: &Node<'_>, warnings: &mut Vec<String>) -> Result<ProcessSpec> {
    let terminal = node.boolean_of("terminal")?.unwrap_or(false);
    let mut process = ProcessSpec {
        args: node.texts_of("args")?,
        env: Some(node.texts_of("env")?),
        cwd: Some(value::absolute(&node.need("cwd")?)?),
        groups_from_file: Some(false),
        // A further process has what stands here, and not the container's own value.
        no_new_privileges: Some(node.boolean_of("noNewPrivileges")?.unwrap_or(false)),
        oom_score_adj: value::oom_score_adj(node, "oomScoreAdj")?,
        apparmor_profile: node.text_of("apparmorProfile")?,
        selinux_label: node.text_of("selinuxLabel")?,
        scheduler: scheduling::scheduler(node)?,
        io_priority: scheduling::io_priority(node)?,
        exec_affinity: scheduling::exec_affinity(node)?,
        terminal,
        console_size: if terminal { console_size(node)? } else { None },
        ..ProcessSpec::default()
    };
    user(node, &mut process)?;
    if let Some(field) = node.get("capabilities")? {
        let mut sets = capability::sets(&field, &mut capability::Unknown::Warned(warnings))?;
        capability::drop_unraisable(&mut sets, &field, warnings);
        process.capabilities = Some(sets);
    }
    if let Some(list) = node.get("rlimits")? {
        process.rlimits = Some(value::rlimits(&list, value::rlimit_named)?);
    }
    Ok(process)
}

fn user(node: &Node<'_>, process: &mut ProcessSpec) -> Result<()> {
    let mut ids = (0, 0);
    let mut groups = Vec::new();
    if let Some(field) = node.get("user")? {
        let id = |key| field.get(key)?.map(|id| value::id(&id)).transpose();
        ids = (id("uid")?.unwrap_or(0), id("gid")?.unwrap_or(0));
        groups = field.each("additionalGids", |gid| value::id(gid).map(Id::Number))?;
        process.umask = value::umask(&field)?;
    }
    process.user = Some(User { user: Id::Number(ids.0), group: Some(Id::Number(ids.1)) });
    process.additional_groups = Some(groups);
    Ok(())
}

fn console_size(node: &Node<'_>) -> Result<Option<(u16, u16)>> {
    let Some(size) = node.get("consoleSize")? else { return Ok(None) };
    Ok(Some((size.need("height")?.number()?, size.need("width")?.number()?)))
}
