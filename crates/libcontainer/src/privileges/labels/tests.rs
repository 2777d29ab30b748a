use super::super::testing::in_child;
use super::*;

#[test]
fn a_kernel_without_apparmor_says_so() {
    in_child(module_path!(), "a_kernel_without_apparmor_says_so", || {
        if std::path::Path::new("/proc/self/attr/apparmor").exists() {
            return println!("SKIP: this kernel has AppArmor");
        }
        let proc = Procfs::open().unwrap();
        let error = apparmor("docker-default", &proc).unwrap_err();
        assert!(error.to_string().contains("profile \"docker-default\""), "{error}");
        assert!(error.hint().unwrap().contains("not enabled in this kernel"));
        apparmor("unconfined", &proc).unwrap();
    });
}

#[test]
fn a_kernel_without_selinux_says_so() {
    in_child(module_path!(), "a_kernel_without_selinux_says_so", || {
        let proc = Procfs::open().unwrap();
        if selinux_runs(&proc).unwrap() {
            return println!("SKIP: this kernel has SELinux");
        }
        for keyring in [false, true] {
            let error = selinux("system_u:system_r:container_t:s0", keyring, &proc).unwrap_err();
            assert!(error.hint().unwrap().contains("not enabled in this kernel"), "{error}");
        }
    });
}

#[test]
fn a_kernel_with_apparmor_refuses_an_unknown_profile() {
    in_child(module_path!(), "a_kernel_with_apparmor_refuses_an_unknown_profile", || {
        if !std::path::Path::new("/proc/self/attr/apparmor").exists() {
            return println!("SKIP: this kernel has no AppArmor");
        }
        let error = apparmor("no-such-profile-here", &Procfs::open().unwrap()).unwrap_err();
        assert!(error.hint().unwrap().contains("no such profile"), "{error}");
    });
}
