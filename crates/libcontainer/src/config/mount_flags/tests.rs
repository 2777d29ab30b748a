use super::*;

fn options(text: &str) -> MountOptions {
    parse(&[text.to_owned()]).unwrap()
}

fn refused(list: &[&str]) -> String {
    let list: Vec<String> = list.iter().map(|&text| text.to_owned()).collect();
    parse(&list).unwrap_err().to_string()
}

#[test]
fn every_name_of_the_specification_is_known() {
    let names = "async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand \
        noatime nodev nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime \
        nosuid nosymfollow private ratime rbind rdev rdiratime relatime rexec rnoatime rnodiratime \
        rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw \
        rshared rslave rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime \
        suid symfollow sync tmpcopyup unbindable remount idmap ridmap";
    for name in names.split_ascii_whitespace() {
        assert_eq!(TABLE.iter().filter(|known| known.name == name).count(), 1, "{name}");
    }
}

#[test]
fn opposites_undo_each_other_and_the_later_counts() {
    assert_eq!(options("ro").set, attr::RDONLY);
    assert_eq!((options("ro,rw").set, options("ro,rw").clear), (0, attr::RDONLY));
    assert_eq!((options("rw,ro").set, options("rw,ro").clear), (attr::RDONLY, 0));
    assert_eq!(options("nosuid,nodev,noexec,nosymfollow").set, 0x20_000e);
    assert_eq!(options("sync,async,lazytime").superblock.len(), 2);
    assert!(options("rro").read_only() && options("ro").read_only() && !options("rw").read_only());
}

/// mount(8) on a kernel of today gives the same, seen in /proc/self/mounts, but for
/// strictatime,atime, where the bits of mount(2) are not a field.
#[test]
fn access_time_modes_are_a_field() {
    for (text, set) in [
        ("noatime", attr::NOATIME),
        ("strictatime", attr::STRICTATIME),
        ("noatime,strictatime", attr::STRICTATIME),
        ("noatime,atime", 0),
        ("strictatime,nostrictatime", 0),
        ("relatime,nodiratime", attr::NODIRATIME),
        ("noatime,norelatime", attr::NOATIME),
    ] {
        assert_eq!(options(text).set, set, "{text}");
        assert_eq!(options(text).clear & attr::ATIME, attr::ATIME, "{text}");
    }
    assert_eq!(options("norelatime"), MountOptions::default());
    let recursive = options("rnoatime,rnosuid,rdev");
    assert_eq!(recursive.rec_set, attr::NOATIME | attr::NOSUID);
    assert_eq!(recursive.rec_clear, attr::ATIME | attr::NODEV);
    assert_eq!((recursive.set, recursive.clear), (0, 0));
}

#[test]
fn binds_propagation_and_data() {
    let all = options("rbind,rslave,private,tmpcopyup,mode=755,newinstance,x-note,defaults");
    assert!(all.bind && all.recursive && all.copy_up);
    assert_eq!(all.propagation, [(Propagation::Slave, true), (Propagation::Private, false)]);
    let data = [("mode".to_owned(), Some("755".to_owned())), ("newinstance".to_owned(), None)];
    assert_eq!(all.data, data);
    assert!(options("bind").bind && !options("bind").recursive);
    assert!(options("remount").remount && !options("bind").remount);
    let idmap = |text: &str| options(text).idmap;
    assert_eq!(
        (idmap("bind"), idmap("idmap"), idmap("ridmap,idmap")),
        (None, Some(false), Some(true))
    );
}

#[test]
fn what_cannot_be_had_is_refused_with_its_place() {
    let error = refused(&["ro", "move"]);
    assert!(error.starts_with("options[1]: \"move\" is refused"), "{error}");
    assert!(refused(&["X-mount.subdir=a"]).contains("mount(8)"));
}

#[test]
fn what_fstab_has_for_mount_is_no_business_of_the_kernel() {
    let none = options("auto,noauto,nouser,nofail,_netdev,comment=a,x-b,X-mount.mkdir");
    assert_eq!(none, MountOptions::default());
    // What mount(8) says that such a word implies, unless another follows.
    assert_eq!(options("users").set, attr::NOSUID | attr::NODEV | attr::NOEXEC);
    assert_eq!(options("user,exec").set, attr::NOSUID | attr::NODEV);
    assert_eq!(options("owner,group").set, attr::NOSUID | attr::NODEV);
}

#[test]
fn a_comma_may_be_part_of_a_value() {
    let all = options(r#"context="u:r:t:s0:c1,c2",mpol=bind:0,2,lowerdir=/a\,b,mode=700"#);
    let values: Vec<_> = all.data.iter().map(|(_, value)| value.as_deref().unwrap()).collect();
    assert_eq!(values, ["u:r:t:s0:c1,c2", "bind:0,2", r"/a\,b", "700"]);
    let list: Vec<String> = split_data("a,b=1,,c").map(str::to_owned).collect();
    assert_eq!(list, ["a", "b=1", "c"]);
    assert_eq!(join_data(&list).as_deref(), Some("a,b=1,c"));
    assert_eq!(join_data(&["a,b".to_owned()]), None);
}

#[test]
fn the_bits_of_2015() {
    let names = |flags| names_of_ms_flags(flags).map(|names| names.join(","));
    assert_eq!(names(14).as_deref(), Ok("nosuid,nodev,noexec"));
    assert_eq!(names(15).as_deref(), Ok("ro,nosuid,nodev,noexec"));
    assert_eq!(names(4096).as_deref(), Ok("bind"));
    assert_eq!(names(20481).as_deref(), Ok("rbind,ro"));
    assert_eq!(names(1 << 19 | 1 << 14).as_deref(), Ok("rslave"));
    assert_eq!(names(1 << 18).as_deref(), Ok("private"));
    assert_eq!(names(1 << 24 | 2).as_deref(), Ok("nosuid,strictatime"));
    assert_eq!(names(0xC0ED_0000 | 14).as_deref(), Ok("nosuid,nodev,noexec"));
    assert_eq!(names(1 << 40 | 1), Err(1 << 40));
    for flags in [0, 14, 15, 20481, 1 << 19 | 1 << 14, 1 << 18, 1 << 24 | 2] {
        assert_eq!(ms_flags_of(&names_of_ms_flags(flags).unwrap()), Some(flags));
    }
    assert_eq!(ms_flags_of(&["nodev".to_owned(), "nosuid".to_owned()]), None);
    assert_eq!(ms_flags_of(&["mode=1".to_owned()]), None);
}
