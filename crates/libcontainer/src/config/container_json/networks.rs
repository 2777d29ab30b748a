//! `networks`, with the field names of all three forms.

use std::path::PathBuf;

use crate::Result;

use super::super::node::Node;
use super::super::{Config, Namespace, NamespaceKind, Network, Veth, value};

/// Reads the list; a network namespace to join (`ns_path`) becomes one of the namespaces.
pub(super) fn read(root: &Node<'_>, config: &mut Config) -> Result<()> {
    let Some(list) = root.written("networks")? else { return Ok(()) };
    config.networks.clear();
    for item in list.list()? {
        if let Some(path) = joined(&item)? {
            config.namespaces.retain(|namespace| namespace.kind != NamespaceKind::Network);
            config.namespaces.push(Namespace { kind: NamespaceKind::Network, path: Some(path) });
            continue;
        }
        let kind = item.need("type")?;
        config.networks.push(match kind.text()? {
            // Its address, gateway and mtu are what the kernel gives it, whatever the file says.
            "loopback" => Network::Loopback,
            "veth" => Network::Veth(veth(&item)?),
            "netns" => return Err(kind.error("needs ns_path, the namespace to join")),
            other => {
                return Err(kind.error(format!(
                    "unknown network type {other:?}, known are loopback, veth and netns"
                )));
            }
        });
    }
    Ok(())
}

fn joined(item: &Node<'_>) -> Result<Option<PathBuf>> {
    let path = item.get("ns_path")?.filter(|path| !path.is_empty());
    path.map(|path| value::absolute(&path)).transpose()
}

fn veth(item: &Node<'_>) -> Result<Veth> {
    let name = |keys: &[&str]| first(item, keys, value::interface);
    let mut host_prefix = name(&["veth_prefix"])?;
    let mut bridge = name(&["bridge"])?;
    if let Some(context) = item.get("context")? {
        host_prefix = host_prefix.or(first(&context, &["prefix"], value::interface)?);
        bridge = bridge.or(first(&context, &["bridge"], value::interface)?);
    }
    let mut addresses: Vec<_> = first(item, &["address"], value::network)?.into_iter().collect();
    addresses.extend(first(item, &["ipv6_address"], value::network)?);
    addresses.extend(item.each("addresses", value::network)?);
    let mut gateways: Vec<_> = first(item, &["gateway"], value::address)?.into_iter().collect();
    gateways.extend(first(item, &["ipv6_gateway"], value::address)?);
    gateways.extend(item.each("gateways", value::address)?);
    Ok(Veth {
        name: name(&["name", "veth_child"])?.unwrap_or_default(),
        host_name: name(&["host_interface_name", "veth_host"])?.unwrap_or_default(),
        host_prefix: host_prefix.unwrap_or_default(),
        bridge: bridge.unwrap_or_default(),
        mac_address: first(item, &["mac_address"], value::mac_address)?.unwrap_or_default(),
        addresses,
        gateways,
        mtu: item.number_of("mtu")?.unwrap_or(0),
        tx_queue_len: item.number_of("txqueuelen")?.unwrap_or(0),
        hairpin: item.boolean_of("hairpin_mode")?.unwrap_or(false),
    })
}

/// The first of the fields that is there and not empty.
fn first<T>(
    item: &Node<'_>,
    keys: &[&str],
    make: impl Fn(&Node<'_>) -> Result<T>,
) -> Result<Option<T>> {
    for key in keys {
        if let Some(field) = item.get(key)?.filter(|field| !field.is_empty()) {
            return make(&field).map(Some);
        }
    }
    Ok(None)
}
