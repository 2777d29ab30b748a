use super::super::value::Value;
use super::properties;
use crate::DeviceRule;

const NAMES: &str = "Character devices:\n  1 mem\n136 pts\n\nBlock devices:\n  8 sd\n136 other\n";

fn rule(allow: bool, text: &str) -> DeviceRule {
    let (kind, rest) = text.split_once(' ').unwrap();
    let (numbers, access) = rest.split_once(' ').unwrap();
    let (major, minor) = numbers.split_once(':').unwrap();
    DeviceRule {
        allow,
        kind: serde_json::from_str(&format!("{kind:?}")).unwrap(),
        major: major.parse().ok(),
        minor: minor.parse().ok(),
        access: access.parse().unwrap(),
    }
}

/// The policy, and what is allowed.
fn said(rules: &[DeviceRule]) -> (String, Vec<String>) {
    let all = properties(rules, NAMES).unwrap();
    let Value::Text(policy) = &all[0].value else { panic!("{all:?}") };
    assert_eq!(all[1].value, Value::Array("(ss)".to_owned(), vec![]), "what was there goes first");
    let allowed = all[2..].iter().flat_map(|one| match &one.value {
        Value::Array(_, list) => list.iter().map(|pair| match pair {
            Value::Tuple(two) => match &two[..] {
                [Value::Text(place), Value::Text(access)] => format!("{place} {access}"),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }),
        other => panic!("{other:?}"),
    });
    (policy.clone(), allowed.collect())
}

#[test]
fn a_list_of_what_is_allowed() {
    let deny = DeviceRule::default_to(false);
    let rules = [
        deny,
        rule(true, "c 1:3 rw"),
        rule(true, "c 136:* rwm"),
        rule(true, "b 8:* r"),
        rule(true, "b 77:* r"),
        rule(true, "c *:* m"),
        rule(true, "c 1:3 m"),
        rule(false, "c 1:3 w"),
    ];
    let expected = ["/dev/char/1:3 rm", "char-pts rwm", "block-sd r", "block-* r", "char-* m"];
    assert_eq!(said(&rules), ("strict".to_owned(), expected.map(str::to_owned).to_vec()));
    assert_eq!(said(&[deny]), ("strict".to_owned(), vec![]));
}

#[test]
fn a_list_of_what_is_denied_cannot_be_said() {
    assert_eq!(said(&[rule(false, "b 8:0 w")]), ("auto".to_owned(), vec![]));
    assert_eq!(said(&[DeviceRule::default_to(true)]), ("auto".to_owned(), vec![]));
}
