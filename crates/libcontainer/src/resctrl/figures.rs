//! What a container may have and has used of the processor's cache and memory bandwidth.

use std::path::Path;

use serde::Serialize;

use super::{Place, shown_of};
use crate::Result;
use sys::Context;

/// The figures, with the keys that readers of a runtime's events know. What the processor does not
/// count or share out is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RdtStats {
    /// How the cache can be shared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l3_cache_info: Option<CacheInfo>,
    /// The shares of the default class in the cache, as `schemata` has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l3_cache_schema_root: Option<String>,
    /// The shares of the container's class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l3_cache_schema: Option<String>,
    /// How memory bandwidth can be shared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_bw_info: Option<BandwidthInfo>,
    /// The shares of the default class in memory bandwidth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_bw_schema_root: Option<String>,
    /// The shares of the container's class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_bw_schema: Option<String>,
    /// Memory traffic, by cache.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mbm_stats: Vec<Traffic>,
    /// Cache in use, by cache.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cmt_stats: Vec<Occupancy>,
}

/// `info/L3`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CacheInfo {
    /// All parts of the cache, as a mask.
    pub cbm_mask: String,
    /// The least parts that a class may have.
    pub min_cbm_bits: u64,
    /// How many classes there can be.
    pub num_closids: u64,
}

/// `info/MB`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BandwidthInfo {
    /// The step of a share, in percent.
    pub bandwidth_gran: u64,
    /// Whether shares are proportional to delays.
    pub delay_linear: u64,
    /// The least share, in percent.
    pub min_bandwidth: u64,
    /// How many classes there can be.
    pub num_closids: u64,
}

/// Bytes moved between one cache and memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// All of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mbm_total_bytes: Option<u64>,
    /// With the memory of the same socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mbm_local_bytes: Option<u64>,
}

/// Bytes in one cache.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Occupancy {
    /// Of the container's.
    pub llc_occupancy: u64,
}

impl Place {
    /// Reads the figures.
    ///
    /// # Errors
    /// The class is gone.
    pub fn stats(&self) -> Result<RdtStats> {
        let class = self.directory();
        let schemata = read(&class.join("schemata"))?.unwrap_or_default();
        let root = match class == self.root {
            true => schemata.clone(),
            false => read(&self.root.join("schemata"))?.unwrap_or_default(),
        };
        let info = self.root.join("info");
        let mut stats = RdtStats {
            l3_cache_info: cache(&info.join("L3"))?,
            l3_cache_schema_root: line(&root, "L3"),
            l3_cache_schema: line(&schemata, "L3"),
            mem_bw_info: bandwidth(&info.join("MB"))?,
            mem_bw_schema_root: line(&root, "MB"),
            mem_bw_schema: line(&schemata, "MB"),
            ..RdtStats::default()
        };
        // Without a group of its own, the container's class is counted as a whole.
        let counted = self.monitoring().unwrap_or(class).join("mon_data");
        for cache in caches(&counted)? {
            let traffic = Traffic {
                mbm_total_bytes: number(&cache.join("mbm_total_bytes"))?,
                mbm_local_bytes: number(&cache.join("mbm_local_bytes"))?,
            };
            if traffic != Traffic::default() {
                stats.mbm_stats.push(traffic);
            }
            let used = number(&cache.join("llc_occupancy"))?;
            stats.cmt_stats.extend(used.map(|llc_occupancy| Occupancy { llc_occupancy }));
        }
        Ok(stats)
    }
}

fn cache(info: &Path) -> Result<Option<CacheInfo>> {
    let Some(cbm_mask) = read(&info.join("cbm_mask"))? else { return Ok(None) };
    Ok(Some(CacheInfo {
        cbm_mask: cbm_mask.trim().to_owned(),
        min_cbm_bits: number(&info.join("min_cbm_bits"))?.unwrap_or_default(),
        num_closids: number(&info.join("num_closids"))?.unwrap_or_default(),
    }))
}

fn bandwidth(info: &Path) -> Result<Option<BandwidthInfo>> {
    let Some(bandwidth_gran) = number(&info.join("bandwidth_gran"))? else { return Ok(None) };
    Ok(Some(BandwidthInfo {
        bandwidth_gran,
        delay_linear: number(&info.join("delay_linear"))?.unwrap_or_default(),
        min_bandwidth: number(&info.join("min_bandwidth"))?.unwrap_or_default(),
        num_closids: number(&info.join("num_closids"))?.unwrap_or_default(),
    }))
}

/// The directories `mon_L3_00`, `mon_L3_01` and so on, in order.
fn caches(directory: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.sys("open", || shown_of(directory))?,
    };
    let named = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("mon_L3_");
    let mut found: Vec<_> = entries
        .flatten()
        .filter(|entry| named(&entry.file_name()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    Ok(found)
}

/// A resource's line of schemata, as one would write it.
fn line(schemata: &str, resource: &str) -> Option<String> {
    let line = schemata
        .lines()
        .map(str::trim)
        .find(|line| line.split_once(':').is_some_and(|(name, _)| name == resource))?;
    Some(line.to_owned())
}

/// A number; none for a file that is not there, and for the `Unavailable` of a counter that the
/// processor has for too few groups.
fn number(path: &Path) -> Result<Option<u64>> {
    Ok(read(path)?.and_then(|text| text.trim().parse().ok()))
}

fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        text => Ok(text.map(Some).sys("read", || shown_of(path))?),
    }
}
