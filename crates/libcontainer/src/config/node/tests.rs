use serde_json::json;

use super::*;

#[test]
fn errors_name_the_field() {
    let value = json!({"a": [{"b": {"net.x": 1}}, "text"], "n": 300, "z": null, "nul": "a\u{0}b"});
    let root = Node::root(&value);
    let list = root.need("a").unwrap();
    let first = list.list().unwrap().next().unwrap();
    let b = first.need("b").unwrap();
    let inner = b.need("net.x").unwrap();
    assert_eq!(inner.path(), "a[0].b[\"net.x\"]");
    let message = |result: Result<&str>| result.unwrap_err().to_string();
    assert_eq!(message(inner.text()), "a[0].b[\"net.x\"]: expected a text, found the number 1");
    assert_eq!(message(root.need("nul").unwrap().text()), "nul: has a NUL byte");
    assert_eq!(root.number_of::<u8>("n").unwrap_err().to_string(), "n: 300 is out of range");
    assert_eq!(root.need("gone").err().unwrap().to_string(), "gone: is required");
    assert!(root.get("z").unwrap().is_none() && root.written("z").unwrap().is_some());
    let second = list.list().unwrap().nth(1).unwrap();
    assert_eq!(
        second.get("x").err().unwrap().to_string(),
        "a[1]: expected an object, found the text \"text\""
    );
    assert_eq!(root.texts_of("z").unwrap(), Vec::<String>::new());
}

#[test]
fn numbers_are_exact() {
    let value = json!([u64::MAX, i64::MIN, 1.5, -1, "1"]);
    let root = Node::root(&value);
    let items: Vec<_> = root.list().unwrap().collect();
    assert_eq!(items[0].number::<u64>().unwrap(), u64::MAX);
    assert_eq!(items[1].number::<i64>().unwrap(), i64::MIN);
    assert_eq!(items[2].number::<i64>().unwrap_err().to_string(), "[2]: 1.5 is not an integer");
    assert!(items[3].number::<u32>().is_err() && items[4].number::<u32>().is_err());
}
