//! A [`Config`] as container.json of 2015, with fields of ours for what that cannot say.
//!
//! Reading it again gives the same config, provided that this one's paths are absolute and its
//! names are as the files' reader leaves them (capabilities without `CAP_`).

mod cgroups;
mod mounts;
mod networks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::{Error, Result};

use super::{
    Capabilities, Clock, Config, Device, DeviceKind, ExecAffinity, Hooks, Id, IdMap, IntelRdt,
    IoPriority, Landlock, MemoryPolicy, Namespace, Personality, ProcessSpec, Propagation, Rlimit,
    Rootfs, Scheduler, TimeOffset, User, container_json, template,
};

/// The text of a container.json, with a newline at its end.
///
/// # Errors
/// A path that is not UTF-8, which JSON has no way to write.
pub fn print(config: &Config) -> Result<String> {
    let mut text = serde_json::to_string_pretty(&document(config))
        .map_err(|error| Error::invalid("", format!("cannot be written as JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}

/// The same as something to put into a larger JSON document, such as nsinit's state.json.
pub fn document(config: &Config) -> impl Serialize {
    Document::of(config)
}

pub(super) fn is_false(value: &bool) -> bool {
    !value
}

fn is_true(value: &bool) -> bool {
    *value
}

fn no_text(text: &Option<String>) -> bool {
    text.as_deref().is_none_or(str::is_empty)
}

/// The fields of 2015 in the order in which files of 2015 have them, then ours. A field that is
/// not always there is one whose absence means the same as its default.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(skip_serializing_if = "is_false")]
    no_pivot_root: bool,
    parent_death_signal: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rootfs: Option<&'a Path>,
    #[serde(skip_serializing_if = "is_false")]
    host_rootfs: bool,
    #[serde(skip_serializing_if = "is_false")]
    rootfs_idmap: bool,
    readonlyfs: bool,
    #[serde(skip_serializing_if = "is_false")]
    privatefs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rootfs_propagation: Option<Propagation>,
    mounts: Vec<mounts::Mount<'a>>,
    #[serde(skip_serializing_if = "is_true")]
    system_mounts: bool,
    devices: Vec<Node<'a>>,
    #[serde(skip_serializing_if = "no_text")]
    mount_label: &'a Option<String>,
    hostname: &'a Option<String>,
    #[serde(skip_serializing_if = "no_text")]
    domainname: &'a Option<String>,
    namespaces: Vec<Joined<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    time_offsets: &'a BTreeMap<Clock, TimeOffset>,
    networks: Vec<networks::Network<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<networks::Route<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    net_devices: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intel_rdt: &'a Option<IntelRdt>,
    cgroups: cgroups::Group<'a>,
    #[serde(skip_serializing_if = "<[IdMap]>::is_empty")]
    uid_mappings: &'a [IdMap],
    #[serde(skip_serializing_if = "<[IdMap]>::is_empty")]
    gid_mappings: &'a [IdMap],
    mask_paths: &'a [PathBuf],
    readonly_paths: &'a [PathBuf],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    system_properties: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seccomp_profiles: Option<&'a [seccomp::Profile]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    landlock: &'a Option<Landlock>,
    #[serde(skip_serializing_if = "Option::is_none")]
    personality: Option<Personality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_policy: &'a Option<MemoryPolicy>,
    #[serde(skip_serializing_if = "is_true")]
    new_keyring: bool,
    #[serde(skip_serializing_if = "is_false")]
    reaper: bool,
    #[serde(skip_serializing_if = "is_false")]
    oci: bool,
    #[serde(flatten)]
    process: Process<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Hooks::is_empty")]
    hooks: &'a Hooks,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<&'a Path>,
}

impl<'a> Document<'a> {
    // Every field is named, so that none can be forgotten.
    fn of(config: &'a Config) -> Self {
        let Config {
            rootfs,
            rootfs_idmap,
            readonly_rootfs,
            rootfs_propagation,
            no_pivot_root,
            hostname,
            domainname,
            namespaces,
            uid_mappings,
            gid_mappings,
            time_offsets,
            mounts,
            devices,
            masked_paths,
            readonly_paths,
            networks,
            routes,
            net_devices,
            intel_rdt,
            cgroup,
            // Who reads it again implies the same, or names it.
            cgroup_implied: _,
            // A command line says so, and no file.
            cgroup_manager: _,
            slice,
            resources,
            sysctl,
            seccomp,
            landlock,
            personality,
            memory_policy,
            mount_label,
            new_keyring,
            reaper,
            process,
            oci,
            annotations,
            hooks,
            bundle,
        } = config;
        let private = *rootfs_propagation == Some(Propagation::Private);
        let is_default = *seccomp == template::default_seccomp(process);
        Self {
            no_pivot_root: *no_pivot_root,
            parent_death_signal: process.parent_death_signal,
            rootfs: match rootfs {
                Rootfs::Directory(path) => Some(path),
                Rootfs::Host => None,
            },
            host_rootfs: *rootfs == Rootfs::Host,
            rootfs_idmap: *rootfs_idmap,
            readonlyfs: *readonly_rootfs,
            privatefs: private,
            rootfs_propagation: rootfs_propagation.filter(|_| !private),
            mounts: mounts.iter().map(mounts::Mount::of).collect(),
            system_mounts: !container_json::lacks_system(mounts),
            devices: devices.iter().map(Node::of).collect(),
            mount_label,
            hostname,
            domainname,
            namespaces: namespaces.iter().map(Joined::of).collect(),
            time_offsets,
            networks: networks.iter().map(networks::Network::of).collect(),
            routes: routes.iter().map(networks::Route::of).collect(),
            net_devices,
            intel_rdt,
            cgroups: cgroups::Group::of(cgroup.as_deref(), slice, resources),
            uid_mappings,
            gid_mappings,
            mask_paths: masked_paths,
            readonly_paths,
            system_properties: sysctl,
            seccomp_profiles: Some(seccomp.as_slice()).filter(|_| !is_default),
            landlock,
            personality: *personality,
            memory_policy,
            new_keyring: *new_keyring,
            reaper: *reaper,
            oci: *oci,
            process: Process::of(process),
            annotations,
            hooks,
            bundle: bundle.as_deref(),
        }
    }
}

/// What a process is, beside the rest as in 2014.
#[derive(Serialize)]
struct Process<'a> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    args: &'a [String],
    environment: &'a Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: &'a Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_groups: Option<Vec<String>>,
    groups_from_file: Option<bool>,
    capabilities: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capability_sets: Option<&'a Capabilities>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_new_privileges: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rlimits: Option<Vec<Limit>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oom_score_adj: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    umask: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduler: &'a Option<Scheduler>,
    #[serde(skip_serializing_if = "Option::is_none")]
    io_priority: Option<IoPriority>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exec_affinity: &'a Option<ExecAffinity>,
    #[serde(skip_serializing_if = "no_text")]
    apparmor_profile: &'a Option<String>,
    #[serde(skip_serializing_if = "no_text")]
    process_label: &'a Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    tty: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    console_size: Option<Size>,
}

impl<'a> Process<'a> {
    fn of(process: &'a ProcessSpec) -> Self {
        let ProcessSpec {
            args,
            env,
            cwd,
            user,
            additional_groups,
            groups_from_file,
            capabilities,
            rlimits,
            no_new_privileges,
            oom_score_adj,
            umask,
            scheduler,
            io_priority,
            exec_affinity,
            parent_death_signal: _, // Beside the other fields of 2015.
            apparmor_profile,
            selinux_label,
            terminal,
            console_size,
        } = process;
        let plain = |sets: &Capabilities| *sets == Capabilities::of(sets.bounding.iter().cloned());
        Self {
            args,
            environment: env,
            working_dir: cwd,
            user: user.as_ref().map(user_text),
            additional_groups: additional_groups
                .as_ref()
                .map(|ids| ids.iter().map(id_text).collect()),
            groups_from_file: *groups_from_file,
            capabilities: capabilities.as_ref().map(|sets| sets.bounding.as_slice()),
            capability_sets: capabilities.as_ref().filter(|sets| !plain(sets)),
            no_new_privileges: *no_new_privileges,
            rlimits: rlimits.as_ref().map(|limits| limits.iter().map(Limit::of).collect()),
            oom_score_adj: *oom_score_adj,
            umask: *umask,
            scheduler,
            io_priority: *io_priority,
            exec_affinity,
            apparmor_profile,
            process_label: selinux_label,
            tty: *terminal,
            console_size: console_size.map(|(rows, columns)| Size { rows, columns }),
        }
    }
}

fn user_text(user: &User) -> String {
    match &user.group {
        Some(group) => format!("{}:{}", id_text(&user.user), id_text(group)),
        None => id_text(&user.user),
    }
}

fn id_text(id: &Id) -> String {
    match id {
        Id::Number(number) => number.to_string(),
        Id::Name(name) => name.clone(),
    }
}

#[derive(Serialize)]
struct Size {
    rows: u16,
    columns: u16,
}

#[derive(Serialize)]
struct Limit {
    r#type: u32,
    hard: u64,
    soft: u64,
}

impl Limit {
    fn of(limit: &Rlimit) -> Self {
        let Rlimit { resource, soft, hard } = *limit;
        Self { r#type: resource, hard, soft }
    }
}

#[derive(Serialize)]
struct Joined<'a> {
    r#type: &'static str,
    #[serde(serialize_with = "path_or_empty")]
    path: Option<&'a Path>,
}

impl<'a> Joined<'a> {
    fn of(namespace: &'a Namespace) -> Self {
        Self { r#type: namespace.kind.clone_name(), path: namespace.path.as_deref() }
    }
}

fn path_or_empty<S: Serializer>(
    path: &Option<&Path>,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    path.unwrap_or(Path::new("")).serialize(to)
}

/// A device node.
#[derive(Serialize)]
struct Node<'a> {
    r#type: u32,
    path: &'a Path,
    major: u32,
    minor: u32,
    permissions: &'static str,
    file_mode: u32,
    uid: u32,
    gid: u32,
}

impl<'a> Node<'a> {
    fn of(device: &'a Device) -> Self {
        let Device { path, kind, major, minor, mode, uid, gid } = device;
        let letter = match kind {
            DeviceKind::Char => 'c',
            DeviceKind::Block => 'b',
            DeviceKind::Fifo => 'p',
        };
        Self {
            r#type: letter.into(),
            path,
            major: *major,
            minor: *minor,
            permissions: "rwm",
            file_mode: *mode,
            uid: *uid,
            gid: *gid,
        }
    }
}

#[cfg(test)]
mod tests;
