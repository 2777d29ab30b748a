use super::*;
use crate::ErrorKind;
use crate::config::Hooks;

fn config(hooks: Hooks) -> Config {
    let annotations = [("key".to_owned(), "value".to_owned())].into();
    Config { hooks, bundle: Some("/bundle".into()), annotations, ..Config::default() }
}

fn hook(path: &str) -> Hook {
    Hook { path: path.into(), ..Hook::default() }
}

fn refused(config: &Config) -> String {
    let error = plan(config, "id").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidConfig { .. }));
    error.to_string()
}

#[test]
fn no_hooks_and_those_after_the_start_are_none_of_the_inits_business() {
    assert_eq!(plan(&Config::default(), "id").unwrap(), None);
    let late =
        Hooks { poststart: vec![hook("/a")], poststop: vec![hook("/b")], ..Hooks::default() };
    assert_eq!(plan(&config(late), "id").unwrap(), None);
}

#[test]
fn the_init_knows_whom_to_wait_for_and_what_to_run() {
    let hooks = Hooks { prestart: vec![hook("/a")], ..Hooks::default() };
    let planned = plan(&config(hooks), "id").unwrap().unwrap();
    assert!(planned.creators && planned.create_container.is_empty());
    let run = Hook {
        args: vec!["name".into(), "".into()],
        env: vec!["A=1".into(), "odd".into()],
        timeout: Some(3),
        ..hook("/b c")
    };
    let hooks = Hooks {
        create_container: vec![hook("/a"), run],
        start_container: vec![],
        ..Hooks::default()
    };
    let planned = plan(&config(hooks), "id").unwrap().unwrap();
    assert!(!planned.creators);
    assert_eq!(planned.subject.annotations, [("key".to_owned(), "value".to_owned())]);
    let [plain, full] = &planned.create_container[..] else { panic!("{planned:?}") };
    assert_eq!(plain.args, [c"/a".to_owned()]);
    assert_eq!((plain.env.len(), plain.timeout), (0, None));
    assert_eq!(full.args, [c"name".to_owned(), c"".to_owned()]);
    assert_eq!(full.env, [c"A=1".to_owned(), c"odd".to_owned()]);
    assert_eq!(full.timeout, Some(Duration::from_secs(3)));
}

#[test]
fn what_is_wrong_is_named() {
    let prestart = |hook| config(Hooks { prestart: vec![hook], ..Hooks::default() });
    assert_eq!(
        refused(&prestart(hook("bin/x"))),
        "hooks.prestart[0].path: \"bin/x\" is not an absolute path"
    );
    let at_once = Hook { timeout: Some(0), ..hook("/x") };
    assert_eq!(refused(&prestart(at_once)), "hooks.prestart[0].timeout: must be greater than 0");
    let odd = Hook { args: vec!["\0".into()], ..hook("/x") };
    assert_eq!(refused(&prestart(odd)), "hooks.prestart[0].args[0]: has a NUL byte");
    for bundle in [None, Some("here".into())] {
        let config = Config { bundle, ..prestart(hook("/x")) };
        assert!(refused(&config).starts_with("bundle: "));
    }
    for late in [
        Hooks { poststart: vec![hook("x")], ..Hooks::default() },
        Hooks { poststop: vec![hook("x")], ..Hooks::default() },
    ] {
        assert!(refused(&config(late)).contains("is not an absolute path"));
    }
}
