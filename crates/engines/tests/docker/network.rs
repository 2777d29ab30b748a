//! Containers that talk with each other.

use e2e::until;

use crate::docker;

/// In a shell: the address of a name. (A static program has no resolver but nslookup's own.)
const ADDRESS: &str = "address() { nslookup $1 | awk '/^Address: / { print $2; exit }'; }";

#[test]
fn a_set_of_services_over_a_bridge() {
    let Some(docker) = docker() else { return };
    let net = docker.sandbox.name("net");
    docker.cli(["network", "create", "--subnet", "10.77.0.0/24", &net]).run().code(0);
    let start = |alias: &str, options: &str, script: &str| {
        let named = format!("--network {net} --network-alias {alias} --hostname {alias} {options}");
        docker.background(&named, &["sh", "-c", script])
    };
    // A store, a web server in front of it that asks it for every page, and a client.
    let serve = "while :; do nc -l -p 6000 -e sh -c 'echo from-$(hostname)'; done";
    let store = start("store", "", serve);
    let pages = docker.sandbox.directory("pages");
    let handler = format!(
        "#!/bin/sh\n{ADDRESS}\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\n\
         nc $(address store) 6000 </dev/null\n"
    );
    std::fs::create_dir(pages.join("cgi-bin")).unwrap();
    std::fs::write(pages.join("index.html"), "static\n").unwrap();
    std::fs::write(pages.join("cgi-bin/page"), handler).unwrap();
    let options = format!("--publish 127.0.0.1:18080:8080 --volume {}:/www:ro", pages.display());
    let web = start("web", &options, "exec httpd -f -p 8080 -h /www");
    docker.sandbox.sh(&format!("chmod 755 {}/cgi-bin/page", pages.display())).run().code(0);
    let client = start("client", "", "sleep 1000");
    let get = |from: &str, page: &str| {
        let request = format!("printf 'GET /{page} HTTP/1.0\\r\\n\\r\\n'");
        let script = format!("{ADDRESS}; {request} | nc -w 5 $(address web) 8080 | tail -n 1");
        docker.exec("", from, &script).run().out
    };
    until("names are found and pages served", || get(&client, "") == "static\n");
    until("the chain", || get(&client, "cgi-bin/page") == "from-store\n");
    // From the engine's host, through the published port.
    let outside =
        docker.sandbox.sh("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 5 127.0.0.1 18080");
    let outside = outside.run();
    assert!(outside.out.ends_with("static\n"), "{} {}", outside.out, outside.err);
    // One that is not on the network does not find it; once connected it does.
    let stranger = docker.background("", &["sleep", "1000"]);
    assert_eq!(get(&stranger, ""), "");
    docker.cli(["network", "connect", &net, &stranger]).run().code(0);
    until("the network is there", || get(&stranger, "") == "static\n");
    docker.exec("", &stranger, "test -e /sys/class/net/eth1").run().code(0);
    // The web server starts again and is found again.
    docker.cli(["restart", "--time", "0", &web]).run().code(0);
    until("it is back", || get(&client, "") == "static\n");
    docker.remove(&[&store, &web, &client, &stranger]);
    docker.cli(["network", "rm", &net]).run().code(0);
}
