//! docker run: output, environment, exit codes.

use crate::docker;

#[test]
fn output_and_exit_codes_are_the_commands() {
    let Some(docker) = docker() else { return };
    let run = docker.sh("", "echo out; echo err >&2; exit 7").run().code(7);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("out\n", "err\n"));
    docker.run("busybox true").run().code(0);
    // PID 1 has no default action for signals that it sends itself; its child has.
    docker.sh("", "sh -c 'kill -SEGV $$'; exit $?").run().code(139);
}

#[test]
fn what_cannot_be_executed_is_told_by_126_and_127() {
    let Some(docker) = docker() else { return };
    let cases = [
        ("busybox nosuch", 127, "executable file not found in $PATH"),
        ("busybox /nosuch/file", 127, "no such file or directory"),
        ("busybox /etc/passwd", 126, "permission denied"),
        ("--workdir /etc/passwd busybox true", 125, "not a directory"),
    ];
    for (words, code, text) in cases {
        let run = docker.run(words).run().code(code);
        assert!(run.err.contains(text), "{words}: {}", run.err);
    }
    // A directory: runtimes differ in what they say, but it is 126.
    docker.run("busybox /etc").run().code(126);
    docker.run("--user 1000 busybox /root/x").run().code(126);
}

#[test]
fn what_the_engine_or_the_runtime_refuses_is_told_by_125() {
    let Some(docker) = docker() else { return };
    docker.run("--no-such-flag busybox true").run().code(125);
    docker.run("--memory 1k busybox true").run().code(125);
    docker.run("--network nosuch busybox true").run().code(125);
    // That the engine takes the runtime's "no such file" for the command's is its own affair.
    let run = docker.run("--sysctl net.ipv4.nosuch=1 busybox true").run();
    assert!(matches!(run.status.code(), Some(125 | 127)), "{}", run.status);
    assert!(run.err.contains("nosuch"), "{}", run.err);
    docker.run("--user nosuch busybox true").run().code(125);
    docker.run("--runtime nosuch busybox true").run().code(125);
    let run = docker.run("--gpus all busybox true").run().code(125);
    assert!(run.err.contains("could not select device driver"), "{}", run.err);
    // Nothing of them is left in the way of others of the same name.
    let name = docker.sandbox.name("again");
    let run = docker.cli(["run", "--name", &name, "busybox", "nosuch"]).run();
    run.code(127);
    docker.cli(["rm", &name]).run().code(0);
    docker.cli(["run", "--rm", "--name", &name, "busybox", "true"]).run().code(0);
}

#[test]
fn input_goes_in_and_ends() {
    let Some(docker) = docker() else { return };
    let run = docker.run("--interactive busybox wc -c").input(vec![b'x'; 300_000]).run();
    assert_eq!(run.code(0).out.trim(), "300000");
    // Without --interactive there is none.
    docker.expect("", "cat; echo end", "end");
}

#[test]
fn much_output_comes_whole() {
    let Some(docker) = docker() else { return };
    let run = docker.sh("", "head -c 5000000 /dev/zero | tr '\\0' x; echo; seq 20000 >&2");
    let run = run.run().code(0);
    assert_eq!(run.out.len(), 5_000_001);
    assert_eq!(run.err.lines().count(), 20_000);
}

#[test]
fn environment_directory_and_names_are_as_told() {
    let Some(docker) = docker() else { return };
    let options = "--env A=1 --env=B= --hostname box --domainname example --workdir /new/place \
                   --add-host other:10.1.2.3 --label some=label --dns 10.9.8.7";
    let script = "echo $A-${B-unset}-$HOME-$PATH; hostname; pwd; cat /proc/sys/kernel/domainname; \
                  grep other /etc/hosts; cat /etc/resolv.conf | grep nameserver; echo $$";
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let lines = format!(
        "1--/root-{path}\nbox\n/new/place\nexample\n10.1.2.3\tother\nnameserver 10.9.8.7\n1"
    );
    docker.expect(options, script, &lines);
    docker.run("--entrypoint /bin/echo busybox a b").run().code(0);
    let file = docker.sandbox.work.join("variables");
    std::fs::write(&file, "ONE=1\nTWO=two words\n").unwrap();
    docker.expect(&format!("--env-file {}", file.display()), "echo $ONE $TWO", "1 two words");
}

#[test]
fn a_whole_distribution_runs() {
    let Some(docker) = docker() else { return };
    if !engines::image("debian").is_dir() {
        return e2e::skip("there is no Debian image");
    }
    docker.import("debian").unwrap();
    let script = "dpkg -l | grep -c ^ii; getent passwd alice; bash -c 'echo $BASH_VERSINFO'; \
                  perl -e 'print 6*7, qq(\\n)'; setpriv --reuid 1000 --clear-groups id -u";
    let run = docker.run("debian sh -c").args([script]).run().code(0);
    let lines: Vec<_> = run.out.lines().collect();
    assert!(lines[0].parse::<u32>().unwrap() > 50, "{}", run.out);
    assert!(lines[1].starts_with("alice:x:1000"), "{}", run.out);
    assert_eq!(lines[3..], ["42", "1000"], "{}", run.out);
}

#[test]
fn many_at_a_time() {
    let Some(docker) = docker() else { return };
    let started: Vec<_> =
        (0..10).map(|n| docker.sh("", &format!("echo {n}; exit {n}")).start()).collect();
    for (n, background) in started.into_iter().enumerate() {
        let run = background.wait().code(n as i32);
        assert_eq!(run.out.trim(), n.to_string());
    }
}
