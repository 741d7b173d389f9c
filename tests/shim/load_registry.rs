//! Images that cannot be read from their builder, through a registry.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use testbed::stack::{Client, Daemon, Registry, Stack, Store};

use crate::load::{context, words_of};
use crate::seats::seat;

/// A client through the shim, with a builder of two nodes, which are the same.
fn client(
    stack: &Stack,
    builder: &Daemon,
    daemon: &Daemon,
    registry: &str,
) -> (Client, impl Sized) {
    let nodes = [stack.endpoint(builder), stack.endpoint(builder)];
    let mut client = stack.client(daemon, None);
    let [one, other] = nodes
        .each_ref()
        .map(|node| format!("unix://{}", node.socket()));
    let create = ["buildx", "create", "--name", "pair", "--driver", "remote"];
    client.docker(&[&create[..], &[&one]].concat());
    client.docker(&[&create[..], &["--append", &other]].concat());
    client
        .path
        .insert(0, seat(&stack.fresh("bin"), &["docker"]));
    for (name, value) in [
        ("BUILDX_BUILDER", "pair"),
        ("CACHECORE_REGISTRY", registry),
        ("CACHECORE_LOG", "debug"),
    ] {
        client.variables.push((name.to_owned(), value.to_owned()));
    }
    (client, nodes)
}

#[track_caller]
fn build(client: &Client, stack: &Stack, text: &str, more: &[&str]) -> String {
    let context = context(stack, text);
    let words = ["build", "-t", "app", "-t", "h:1/b:c", context.as_str()];
    let words = [&words[..], more].concat();
    let output = client.try_docker(&words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn what_cannot_be_read_from_its_builder_comes_by_its_digest_or_by_load() {
    let stack = Stack::new();
    let registry = Registry::start(&stack);
    let host = registry.host.clone();
    let builder = stack.daemon_with_registry(Store::Containerd, &host);
    let daemons =
        [Store::Classic, Store::Containerd].map(|store| stack.daemon_with_registry(store, &host));
    let clients = daemons
        .each_ref()
        .map(|daemon| client(&stack, &builder, daemon, &host));
    for (nth, (client, _nodes)) in clients.iter().enumerate() {
        let text = format!("session {nth}");
        let said = build(client, &stack, &text, &[]);
        assert!(
            said.contains("app, h:1/b:c: pulled by its digest"),
            "{said}"
        );
        assert_eq!(words_of(client, "h:1/b:c"), text);
        let names = client.docker(&["images", "--format", "{{.Repository}}"]);
        assert!(!names.contains("cachecore"), "{names}");
        let again = build(client, &stack, &text, &[]);
        assert!(again.contains("unchanged, not loaded again"), "{again}");
    }
    // Two sessions have pushed another image of the same name; neither has a name there.
    let (first, _) = &clients[0];
    assert_eq!(words_of(first, "app"), "session 0");
    let mut asked = TcpStream::connect(&host).unwrap();
    write!(asked, "GET /v2/cachecore/tags/list HTTP/1.0\r\n\r\n").unwrap();
    let mut tags = String::new();
    asked.read_to_string(&mut tags).unwrap();
    assert!(
        tags.contains("\"tags\":null") || tags.contains("NAME_UNKNOWN"),
        "{tags}"
    );

    // What is read from stdin could not be built again, so that docker loads it from the beginning.
    let folder = context(&stack, "piped");
    let archive = stack.fresh("context.tar");
    let packed = Command::new("tar")
        .args(["-C", folder.as_str(), "-cf", archive.as_str(), "."])
        .status();
    assert!(packed.unwrap().success());
    let mut piped = first.command("env");
    piped.args(["docker", "build", "--load", "-t", "piped", "-"]);
    let output = piped.stdin(File::open(&archive).unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && said.contains("stdin is read once"),
        "{said}"
    );
    assert_eq!(words_of(first, "piped"), "piped");

    drop(registry);
    let said = build(first, &stack, "without", &["--no-cache"]);
    let again = said.split("not through the registry").nth(1);
    // What is built is not built again, whatever was asked for the first time.
    assert_eq!(
        again.map(|said| said.matches("CACHED").count()),
        Some(3),
        "{said}"
    );
    assert_eq!(words_of(first, "app"), "without");
}
