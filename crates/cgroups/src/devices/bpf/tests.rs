use super::compile;
use crate::devices::reference::{Request, expected, run};
use crate::devices::rules::Policy;
use crate::devices::{Access, DeviceKind, DeviceRule};

fn rule(text: &str) -> DeviceRule {
    let (allow, text) = (text.starts_with('+'), &text[1..]);
    let words: Vec<&str> = text.split([' ', ':']).collect();
    let kind = match words[0] {
        "a" => DeviceKind::All,
        "b" => DeviceKind::Block,
        _ => DeviceKind::Char,
    };
    let number = |word: &str| word.parse::<i64>().ok();
    let access = words[3].parse().unwrap();
    DeviceRule { allow, kind, major: number(words[1]), minor: number(words[2]), access }
}

fn check(rules: &[&str], cases: &[(&str, bool)]) {
    let rules: Vec<DeviceRule> = rules.iter().map(|text| rule(text)).collect();
    let program = compile(&rules).unwrap();
    for (text, expected) in cases {
        let asked = rule(&format!("+{text}"));
        let request = Request {
            block: asked.kind == DeviceKind::Block,
            major: asked.major.unwrap() as u32,
            minor: asked.minor.unwrap() as u32,
            access: asked.access.bits(),
        };
        assert_eq!(run(&program, request), *expected, "{rules:?}: {text}");
    }
}

#[test]
fn no_rules_allow_everything() {
    check(&[], &[("c 1:3 rwm", true), ("b 8:0 r", true)]);
}

#[test]
fn making_does_not_allow_opening() {
    check(
        &["-a *:* rwm", "+c *:* m", "+b *:* m", "+c 1:3 rwm"],
        &[
            ("c 1:3 rw", true),
            ("c 1:3 m", true),
            ("c 10:200 m", true),
            ("c 10:200 r", false),
            ("c 10:200 rm", false),
            ("b 8:0 m", true),
            ("b 8:0 w", false),
            ("b 1:3 r", false),
        ],
    );
}

#[test]
fn one_exception_must_cover_the_whole_request() {
    check(
        &["-a *:* rwm", "+c 5:* r", "+c 5:1 w"],
        &[("c 5:1 r", true), ("c 5:1 w", true), ("c 5:1 rw", false), ("c 5:2 w", false)],
    );
}

#[test]
fn the_same_device_twice_adds_up_and_is_taken_away_exactly() {
    check(
        &["-a *:* rwm", "+c 5:1 r", "+c 5:1 w", "+c 4:* rwm", "-c 4:1 w", "-c 4:* m"],
        // A denial of what no exception names has no effect: 4:1 keeps being writable.
        &[("c 5:1 rw", true), ("c 5:1 m", false), ("c 4:1 w", true), ("c 4:9 m", false)],
    );
}

#[test]
fn denials_from_an_allowing_default_match_any_overlap() {
    check(
        &["+a *:* rwm", "-b 8:* w", "-c 1:11 rwm", "-c 5:1 rw", "+c 5:1 r"],
        &[
            ("b 8:0 r", true),
            ("b 8:0 rw", false),
            ("b 8:16 w", false),
            ("b 9:0 w", true),
            ("c 1:11 m", false),
            ("c 5:1 r", true),
            ("c 5:1 rw", false),
        ],
    );
}

#[test]
fn a_rule_for_both_kinds_that_is_no_default_means_just_that() {
    check(
        &["-a *:* rwm", "+a *:* m", "+a 7:1 r"],
        &[
            ("c 1:3 m", true),
            ("b 1:3 m", true),
            ("c 1:3 r", false),
            ("b 7:1 r", true),
            ("c 7:1 r", true),
            ("c 7:1 w", false),
        ],
    );
}

#[test]
fn numbers_that_no_device_has_match_no_device() {
    check(
        &["-a *:* rwm", "+c 4097:0 rwm", "+c 1:1048579 rwm"],
        &[("c 1:0 r", false), ("c 2:3 r", false), ("c 1:3 r", false)],
    );
    check(&["-a *:* rwm", "+c 4095:1048575 rwm"], &[("c 4095:1048575 rw", true)]);
}

#[test]
fn the_last_default_forgets_what_was_before() {
    check(&["-a *:* rwm", "+c 1:3 rwm", "-a *:* rwm"], &[("c 1:3 r", false)]);
    check(&["-a *:* rwm", "-c 1:3 rwm", "+a *:* rwm"], &[("c 1:3 r", true)]);
}

#[test]
fn programs_agree_with_the_policy_on_every_small_request() {
    // A fixed sequence, so that a failure can be seen again.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for _ in 0..400 {
        let rules: Vec<DeviceRule> = (0..random(8))
            .map(|_| DeviceRule {
                allow: random(2) == 0,
                kind: [DeviceKind::All, DeviceKind::Block, DeviceKind::Char][random(3) as usize],
                major: Some(random(4) as i64 - 1),
                minor: Some(random(4) as i64 - 1),
                access: ["r", "w", "m", "rw", "rm", "wm", "rwm"][random(7) as usize]
                    .parse::<Access>()
                    .unwrap(),
            })
            .collect();
        let program = compile(&rules).unwrap();
        let policy = Policy::unrestricted().apply(&rules).unwrap();
        for number in 0..(2 * 4 * 4 * 8) {
            let request = Request {
                block: number % 2 == 1,
                major: number / 2 % 4,
                minor: number / 8 % 4,
                access: (number / 32 % 8) as u8,
            };
            assert_eq!(run(&program, request), expected(&policy, request), "{rules:?} {request:?}");
        }
    }
}

#[test]
fn a_program_tells_its_rules() {
    for texts in [
        &["-a *:* rwm"][..],
        &["+a *:* rwm"],
        &["-a *:* rwm", "+c 1:3 rw", "+c *:* m", "+b 8:* r", "+c 136:* rwm", "+c *:5 w"],
        &["+a *:* rwm", "-c 1:3 rw", "-c *:* m", "-b 8:* r", "-c 136:* rwm", "-b *:5 w"],
        &["-a *:* rwm", "+b 0:0 rwm", "+c 4095:1048575 r"],
    ] {
        let rules: Vec<DeviceRule> = texts.iter().map(|text| rule(text)).collect();
        let mut policy = Policy::unrestricted().apply(&rules).unwrap();
        policy.exceptions.sort_by_key(|one| (one.block, one.access));
        let program = compile(&rules).unwrap();
        assert_eq!(super::policy_of(&program), Some(policy), "{texts:?}");
        // Another's program is not taken for one of ours.
        assert_eq!(super::policy_of(&program[1..]), None);
    }
}
