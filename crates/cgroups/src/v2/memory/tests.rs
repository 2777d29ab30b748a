use super::{settings, swap_only};
use crate::file::Dir;
use crate::resources::Memory;
use crate::setting::Setting;

#[test]
fn swap_is_what_exceeds_memory() {
    assert_eq!(swap_only(-1, None).unwrap(), -1);
    assert_eq!(swap_only(300, Some(100)).unwrap(), 200);
    assert_eq!(swap_only(100, Some(100)).unwrap(), 0);
    assert!(swap_only(300, None).is_err());
    assert!(swap_only(300, Some(301)).is_err());
}

#[test]
fn swap_alone_is_beside_the_present_limit() {
    let place = std::env::temp_dir().join(format!("swap-alone-{}", std::process::id()));
    std::fs::create_dir(&place).unwrap();
    std::fs::write(place.join("memory.max"), "100\n").unwrap();
    let dir = Dir::open(&place).unwrap();
    let memory = Memory { swap: Some(300), ..Memory::default() };
    assert_eq!(settings(&dir, &memory).unwrap(), [Setting::new("memory.swap.max", "200")]);
    std::fs::write(place.join("memory.max"), "max\n").unwrap();
    assert!(settings(&dir, &memory).is_err());
    std::fs::remove_dir_all(&place).unwrap();
    // No limit of memory leaves none of swap.
    let memory = Memory { limit: Some(-1), ..Memory::default() };
    assert_eq!(
        settings(&dir, &memory).unwrap(),
        [Setting::new("memory.max", "max"), Setting::new("memory.swap.max", "max").if_there()]
    );
}

#[test]
fn unlimited_is_max() {
    let dir = Dir::open("/".as_ref()).unwrap();
    let memory = Memory { limit: Some(-1), swap: Some(-1), ..Memory::default() };
    assert_eq!(
        settings(&dir, &memory).unwrap(),
        [Setting::new("memory.max", "max"), Setting::new("memory.swap.max", "max").if_there()]
    );
}

#[test]
fn what_version_2_lacks_is_refused() {
    let dir = Dir::open("/".as_ref()).unwrap();
    let swappy = Memory { swappiness: Some(10), ..Memory::default() };
    assert!(settings(&dir, &swappy).is_err());
    let patient = Memory { disable_oom_killer: Some(true), ..Memory::default() };
    assert!(settings(&dir, &patient).is_err());
    let tcp = Memory { kernel_tcp: Some(1), ..Memory::default() };
    assert!(settings(&dir, &tcp).is_err());
    let alone = Memory { use_hierarchy: Some(false), ..Memory::default() };
    assert!(settings(&dir, &alone).is_err());
    let usual = Memory { kernel_tcp: Some(-1), use_hierarchy: Some(true), ..Memory::default() };
    assert!(settings(&dir, &usual).unwrap().is_empty());
    let usual = Memory { disable_oom_killer: Some(false), kernel: Some(1), ..Memory::default() };
    assert!(settings(&dir, &usual).unwrap().is_empty());
}
