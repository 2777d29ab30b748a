use super::parse;

#[test]
fn addresses() {
    let text =
        "tcp:host=x,port=1;unix:path=/run/a%2cb,guid=00;unix:abstract=/tmp/c;unix:tmpdir=/tmp;;";
    let found: Vec<String> = parse(text).into_iter().map(|one| one.text).collect();
    assert_eq!(found, ["/run/a,b", "@/tmp/c"]);
    for none in ["", "unix:", "unix:path=%zz", "unix:path=%2", "nonsense"] {
        assert_eq!(parse(none), [], "{none}");
    }
}
