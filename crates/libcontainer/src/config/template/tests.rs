use super::*;

fn rule(rules: &[DeviceRule], major: i64, minor: i64) -> bool {
    rules.iter().any(|rule| {
        rule.allow
            && rule.kind == cgroups::DeviceKind::Char
            && rule.major == Some(major)
            && rule.minor.is_none_or(|any| any == minor)
            && rule.access == Access::ALL
    })
}

#[test]
fn the_template_is_as_documented() {
    let config = template(Rootfs::Directory("/r".into()));
    let sets = config.process.capabilities.as_ref().unwrap();
    assert_eq!(sets.bounding.len(), 14);
    assert!(sets.inheritable.is_empty() && sets.ambient.is_empty());
    assert!(sets.bounding.iter().all(|name| capability::number(name).is_some()));
    assert_eq!(config.namespaces.len(), 5);
    assert_eq!(config.devices.len(), 7);
    assert!(config.devices.iter().all(|device| device.mode == 0o666));
    let rules = &config.resources.devices;
    assert_eq!(rules.len(), 1 + 2 + 12);
    assert!(!rules[0].allow && rules[0].kind == cgroups::DeviceKind::All);
    for (major, minor) in [
        (5, 1),
        (4, 0),
        (4, 1),
        (136, 9),
        (5, 2),
        (10, 200),
        (1, 3),
        (1, 5),
        (1, 7),
        (5, 0),
        (1, 9),
        (1, 8),
    ] {
        assert!(rule(rules, major, minor), "{major}:{minor}");
    }
    assert!(!rule(rules, 10, 229), "fuse is there, but opened only where the file allows it");
    assert_eq!(config.process.parent_death_signal, Some(9));
    for path in ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware"] {
        assert!(config.masked_paths.contains(&path.into()), "{path}");
    }
    for path in ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"] {
        assert!(config.readonly_paths.contains(&path.into()), "{path}");
    }
    let env = config.process.env.unwrap();
    assert!(env[0].starts_with("PATH=") && env[1] == "HOSTNAME=nsinit" && env[2] == "TERM=xterm");
}

#[test]
fn levels_of_security() {
    let at = |level: &str| {
        let mut config = template(Rootfs::Host);
        level.parse::<Security>().unwrap().apply(&mut config);
        config
    };
    let bounding = |config: &Config| config.process.capabilities.clone().unwrap().bounding;
    let high = at("high");
    assert_eq!(high.process.no_new_privileges, Some(true));
    assert_eq!(bounding(&high).len(), 11);
    assert!(!bounding(&high).contains(&"NET_RAW".to_owned()));
    assert_eq!(at("medium"), template(Rootfs::Host));
    let low = at("low");
    assert_eq!(bounding(&low).len(), 41);
    assert!(low.masked_paths.is_empty() && low.readonly_paths.is_empty());
    assert_eq!(low.resources.devices, [allow_all_devices()]);
    for config in [high, low, at("medium")] {
        assert_eq!(config.seccomp.last(), Some(&seccomp::tiocsti_filter()));
    }
    assert!("High".parse::<Security>().is_err() && Security::default() == Security::Medium);
}

#[test]
fn a_name_is_in_the_environment_too() {
    let mut config = template(Rootfs::Host);
    config.set_hostname("web");
    assert_eq!(config.hostname.as_deref(), Some("web"));
    assert_eq!(config.process.env.unwrap()[1], "HOSTNAME=web");
}
