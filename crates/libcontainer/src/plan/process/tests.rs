use super::*;
use crate::ErrorKind;
use crate::config::Capabilities;

const AROUND: Surroundings<'static> = Surroundings {
    id: "web",
    new_keyring: false,
    filters: &Filters::NONE,
    oci: false,
    hold: false,
};

fn spec() -> ProcessSpec {
    ProcessSpec { args: vec!["true".to_owned()], ..ProcessSpec::default() }
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

fn planned(process: &ProcessSpec) -> ProcessPlan {
    plan(&ProcessSpec::default(), process, &AROUND).unwrap().0
}

/// The field that is refused, and the words.
fn refusal(process: &ProcessSpec) -> (String, String) {
    let error = plan(&ProcessSpec::default(), process, &AROUND).unwrap_err();
    match error.kind() {
        ErrorKind::InvalidConfig { field } => (field.clone(), error.to_string()),
        other => panic!("{other:?}: {error}"),
    }
}

#[test]
fn what_nobody_sets() {
    let plan = planned(&spec());
    assert_eq!(plan.args, [c"true".to_owned()]);
    assert!(plan.env.is_empty());
    assert_eq!(plan.cwd, Path::new("/"));
    assert_eq!((plan.user, plan.umask), (None, Some(0o022)));
    assert_eq!(plan.capabilities, CapabilitySets::default());
    assert!(!plan.no_new_privileges && !plan.groups_from_file && !plan.terminal);
    assert_eq!((plan.oom_score_adj, plan.parent_death_signal), (None, None));
    assert_eq!((plan.keyring, plan.listener), (None, None));
}

#[test]
fn what_a_process_sets_replaces_the_default() {
    let defaults = ProcessSpec {
        args: strings(&["sh"]),
        env: Some(strings(&["A=1", "B=2"])),
        cwd: Some("/srv".into()),
        user: Some("1:2".parse().unwrap()),
        additional_groups: Some(vec![Id::Number(3)]),
        capabilities: Some(Capabilities::of(["CHOWN"])),
        no_new_privileges: Some(true),
        umask: Some(0o077),
        parent_death_signal: Some(9),
        terminal: true,
        console_size: Some((24, 80)),
        ..ProcessSpec::default()
    };
    let own = plan(&defaults, &ProcessSpec::default(), &AROUND).unwrap().0;
    assert_eq!(own.args, [c"sh".to_owned()]);
    assert!(own.terminal);
    assert_eq!(own.console_size, Some((24, 80)));

    let process = ProcessSpec {
        args: strings(&["ls", "-l"]),
        env: Some(strings(&["C=3"])),
        additional_groups: Some(Vec::new()),
        no_new_privileges: Some(false),
        parent_death_signal: Some(0),
        ..ProcessSpec::default()
    };
    let plan = plan(&defaults, &process, &AROUND).unwrap().0;
    assert_eq!(plan.args, [c"ls".to_owned(), c"-l".to_owned()]);
    assert_eq!(plan.env, [c"C=3".to_owned()]);
    assert_eq!(plan.cwd, Path::new("/srv"));
    assert_eq!(plan.user, defaults.user);
    assert!(plan.additional_groups.is_empty());
    assert_eq!(plan.capabilities.permitted, 1);
    assert!(!plan.no_new_privileges);
    assert_eq!((plan.umask, plan.parent_death_signal), (Some(0o077), None));
    assert!(!plan.terminal && plan.console_size.is_none(), "another program has its own streams");
}

#[test]
fn the_environment_has_each_key_once() {
    let env = strings(&["A=1", "B=x=y", "A=2", "E="]);
    let plan = planned(&ProcessSpec { env: Some(env), ..spec() });
    assert_eq!(plan.env, [c"A=2", c"B=x=y", c"E="].map(ToOwned::to_owned));
}

#[test]
fn every_wrong_value_is_refused_at_its_field() {
    let limit = |resource, soft, hard| Some(vec![Rlimit { resource, soft, hard }]);
    let env = |entry: &str| Some(strings(&["A=1", entry]));
    let user = |user: Id| Some(User { user, group: None });
    let name = |name: &str| Id::Name(name.to_owned());
    let twice = Some(vec![Rlimit { resource: 7, soft: 1, hard: 1 }; 2]);
    let cases = [
        ("process.args", ProcessSpec { args: Vec::new(), ..spec() }),
        ("process.args[0]", ProcessSpec { args: strings(&[""]), ..spec() }),
        ("process.args[1]", ProcessSpec { args: strings(&["sh", "a\0b"]), ..spec() }),
        ("process.env[1]", ProcessSpec { env: env("NOVALUE"), ..spec() }),
        ("process.env[1]", ProcessSpec { env: env("=x"), ..spec() }),
        ("process.env[1]", ProcessSpec { env: env("X=\0"), ..spec() }),
        ("process.cwd", ProcessSpec { cwd: Some("tmp".into()), ..spec() }),
        ("process.cwd", ProcessSpec { cwd: Some("".into()), ..spec() }),
        ("process.cwd", ProcessSpec { cwd: Some("/a\0b".into()), ..spec() }),
        ("process.rlimits[0]", ProcessSpec { rlimits: limit(16, 0, 0), ..spec() }),
        ("process.rlimits[0]", ProcessSpec { rlimits: limit(7, 2, 1), ..spec() }),
        ("process.rlimits[1]", ProcessSpec { rlimits: twice, ..spec() }),
        ("process.oomScoreAdj", ProcessSpec { oom_score_adj: Some(1001), ..spec() }),
        ("process.oomScoreAdj", ProcessSpec { oom_score_adj: Some(-1001), ..spec() }),
        ("process.user.umask", ProcessSpec { umask: Some(0o1000), ..spec() }),
        ("process.parentDeathSignal", ProcessSpec { parent_death_signal: Some(65), ..spec() }),
        ("process.parentDeathSignal", ProcessSpec { parent_death_signal: Some(-1), ..spec() }),
        (
            "process.apparmorProfile",
            ProcessSpec { apparmor_profile: Some("a\nb".into()), ..spec() },
        ),
        ("process.selinuxLabel", ProcessSpec { selinux_label: Some("a\0".into()), ..spec() }),
        // Built in memory, past the parser (CVE-2016-3697: a numeric name).
        ("process.user", ProcessSpec { user: user(name("1000")), ..spec() }),
        ("process.user", ProcessSpec { user: user(name("")), ..spec() }),
        ("process.user", ProcessSpec { user: user(name("a:b")), ..spec() }),
        ("process.user", ProcessSpec { user: user(name("a\nb")), ..spec() }),
        ("process.user", ProcessSpec { user: user(Id::Number(u32::MAX)), ..spec() }),
        (
            "process.additionalGroups[1]",
            ProcessSpec { additional_groups: Some(vec![Id::Number(1), name("7")]), ..spec() },
        ),
    ];
    for (field, process) in cases {
        let (found, words) = refusal(&process);
        assert_eq!(found, field, "{words}");
    }
}

/// Attack 14: user strings are parsed whole or refused.
#[test]
fn user_strings_are_strict() {
    for text in [
        "",
        ":",
        "1:",
        ":1",
        "a:b:c",
        "1:2:3",
        "4294967295",
        "4294967296",
        "18446744073709551616",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "bob\n",
        "bob ",
        "a,b",
        "bob:",
        "\u{661}",
    ] {
        assert!(text.parse::<User>().is_err(), "{text:?}");
    }
    let number = |n| Id::Number(n);
    assert_eq!("0".parse::<User>().unwrap(), User { user: number(0), group: None });
    assert_eq!("0010".parse::<User>().unwrap(), User { user: number(10), group: None });
    let both = User { user: number(4294967294), group: Some(Id::Name("wheel".into())) };
    assert_eq!("4294967294:wheel".parse::<User>().unwrap(), both);
    assert_eq!("0x10".parse::<Id>().unwrap(), Id::Name("0x10".into()));
}

#[test]
fn an_ambient_capability_alone_is_warned_about() {
    let capabilities =
        Capabilities { ambient: strings(&["CAP_KILL"]), ..Capabilities::of(["KILL"]) };
    let process = ProcessSpec { capabilities: Some(capabilities), ..spec() };
    let (plan, warnings) = plan(&ProcessSpec::default(), &process, &AROUND).unwrap();
    assert_eq!(plan.capabilities.ambient, 0);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

/// Attack 16: lengths are what they are, in every field.
#[test]
fn long_strings_stay_whole() {
    for length in [64 << 10, 1 << 20] {
        let long = "x".repeat(length);
        let process = ProcessSpec {
            args: vec![long.clone()],
            env: Some(vec![format!("A={long}")]),
            cwd: Some(format!("/{long}").into()),
            ..spec()
        };
        let plan = planned(&process);
        assert_eq!(plan.args[0].as_bytes().len(), length);
        assert_eq!(plan.env[0].as_bytes().len(), length + 2);
        assert_eq!(plan.cwd.as_os_str().len(), length + 1);
    }
}

#[test]
fn it_crosses_the_socket_unchanged() {
    let filters = super::super::filters::filters(&[seccomp::tiocsti_filter()]).unwrap();
    let around = Surroundings { new_keyring: true, filters: &filters, ..AROUND };
    let process = ProcessSpec {
        env: Some(strings(&["A=\u{e9}"])),
        user: Some("bob:7".parse().unwrap()),
        capabilities: Some(Capabilities::of(["CHECKPOINT_RESTORE"])),
        rlimits: Some(vec![Rlimit { resource: 15, soft: 0, hard: u64::MAX }]),
        oom_score_adj: Some(-1000),
        ..spec()
    };
    let plan = plan(&ProcessSpec::default(), &process, &around).unwrap().0;
    assert_eq!(plan.keyring.as_deref(), Some(c"_ses.web"));
    let bytes = postcard::to_allocvec(&plan).unwrap();
    assert_eq!(postcard::from_bytes::<ProcessPlan>(&bytes).unwrap(), plan);
}
