use super::*;
use crate::ErrorKind;
use crate::config::Namespace;

fn config(kinds: &[(NamespaceKind, Option<&str>)]) -> Config {
    let namespaces = kinds
        .iter()
        .map(|(kind, path)| Namespace { kind: *kind, path: path.map(PathBuf::from) })
        .collect();
    Config { namespaces, ..Config::default() }
}

fn field(config: &Config) -> String {
    match plan(config).unwrap_err().kind() {
        ErrorKind::InvalidConfig { field } => field.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_mount_namespace_is_joined_last() {
    let config = config(&[(NamespaceKind::Mount, Some("/m")), (NamespaceKind::Uts, Some("/u"))]);
    let kinds: Vec<_> = plan(&config).unwrap().join.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [NamespaceKind::Uts, NamespaceKind::Mount]);
}

#[test]
fn what_a_host_namespace_cannot_give_is_refused() {
    let mut host = config(&[]);
    host.hostname = Some("h".into());
    assert_eq!(field(&host), "hostname");
    let joined = config(&[(NamespaceKind::Uts, Some("/u"))]);
    assert!(plan(&Config { hostname: Some("h".into()), ..joined }).is_ok());
    assert_eq!(field(&config(&[(NamespaceKind::User, None)])), "uid_mappings");
    let twice = config(&[(NamespaceKind::Ipc, None), (NamespaceKind::Ipc, Some("/i"))]);
    assert_eq!(field(&twice), "namespaces[1]");
}

#[test]
fn id_maps_are_checked() {
    let map = |container_id, host_id, size| IdMap { container_id, host_id, size };
    assert!(check_maps("m", &[map(0, 100_000, 65_536), map(65_536, 0, 1)]).is_ok());
    assert!(check_maps("m", &[map(0, 0, 0)]).is_err());
    assert!(check_maps("m", &[map(0, 0, u32::MAX)]).is_ok());
    assert!(check_maps("m", &[map(1, 0, u32::MAX)]).is_err());
    assert!(check_maps("m", &[map(0, 0, 10), map(9, 100, 1)]).is_err());
    assert!(check_maps("m", &[map(0, 0, 10), map(10, 9, 1)]).is_err());
}
