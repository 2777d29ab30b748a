//! Routes: the family is found, and what makes no route is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{RoutePlan, check_gateway, check_prefix_length};
use crate::config::Route;
use crate::network::names;
use crate::{Error, Result};

/// Resolves `routes[index]`.
pub fn resolve(index: usize, route: &Route) -> Result<RoutePlan> {
    let field = |key: &str| format!("routes[{index}].{key}");
    if let Some(gateway) = route.gateway {
        check_gateway(&field("gateway"), gateway)?;
    } else if route.interface.is_empty() {
        let why = "a route needs a gateway, an interface_name, or both";
        return Err(Error::invalid(format!("routes[{index}]"), why));
    }
    if !route.interface.is_empty() {
        names::check(&field("interface_name"), &route.interface)?;
    }
    let destination = match (route.destination, route.gateway.or(route.source)) {
        (Some((address, length)), _) => {
            check_prefix_length(&field("destination"), address, length)?;
            (network_of(address, length), length)
        }
        (None, Some(IpAddr::V6(_))) => (IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
        (None, _) => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
    };
    for (key, value) in [("gateway", route.gateway), ("source", route.source)] {
        if let Some(value) = value
            && value.is_ipv4() != destination.0.is_ipv4()
        {
            let why = format!("{value} is not of the family of the route's other addresses");
            return Err(Error::invalid(field(key), why));
        }
    }
    let interface = route.interface.clone();
    Ok(RoutePlan { destination, source: route.source, gateway: route.gateway, interface })
}

/// The address with its host bits cleared: the kernel wants no other as a destination.
fn network_of(address: IpAddr, length: u8) -> IpAddr {
    let length = u32::from(length);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}
