use super::*;

fn shown(attributes: &Attributes) -> Vec<(u64, u64, u64, bool)> {
    calls(attributes).into_iter().map(|(a, r)| (a.set, a.clear, a.propagation, r)).collect()
}

const SLAVE: u64 = 1 << 19;
const SHARED: u64 = 1 << 20;

#[test]
fn as_few_calls_as_can_be() {
    assert!(calls(&Attributes::default()).is_empty());
    let read_only = Attributes {
        set: attr::RDONLY,
        propagation: vec![(Propagation::Slave, false)],
        ..Attributes::default()
    };
    assert_eq!(shown(&read_only), [(attr::RDONLY, 0, SLAVE, false)]);
    let tree = Attributes {
        rec_set: attr::NODEV,
        set: attr::RDONLY,
        propagation: vec![(Propagation::Slave, true)],
        ..Attributes::default()
    };
    assert_eq!(shown(&tree), [(attr::RDONLY, 0, 0, false), (attr::NODEV, 0, SLAVE, true)]);
}

#[test]
fn several_changes_of_propagation_stay_in_order() {
    let both = vec![(Propagation::Slave, true), (Propagation::Shared, true)];
    let attributes = Attributes { propagation: both, ..Attributes::default() };
    assert_eq!(shown(&attributes), [(0, 0, SLAVE, true), (0, 0, SHARED, true)]);
}

#[test]
fn attributes_become_flags_of_mount() {
    let bits = attr::RDONLY | attr::NOSYMFOLLOW | attr::NOATIME;
    let wanted = MountFlags::RDONLY | MountFlags::NOATIME | MountFlags::from_bits_retain(256);
    assert_eq!(to_mount_flags(bits), wanted);
    let flags = StatVfsMountFlags::NOSUID | StatVfsMountFlags::RELATIME;
    assert_eq!(to_attr(flags), attr::NOSUID);
    assert_eq!(to_attr(StatVfsMountFlags::empty()), attr::STRICTATIME);
}
