//! Builders and daemons that an address alone does not lead to, reached as docker reaches them.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use camino::Utf8PathBuf;
use testbed::stack::{Client, Forward, Store};

use crate::load::Session;

/// Builds twice with one layer changed, and expects that only that is loaded the second time.
#[track_caller]
fn only_a_changed_layer_is_loaded(session: &Session, client: &Client, words: &[&str], name: &str) {
    for (turn, brought) in [
        ("first", "layers loaded"),
        ("second", "1 of 3 layers loaded"),
    ] {
        let text = format!("{name} {turn}");
        let context = session.context(&text);
        let words = [words, &["build", "-t", name, context.as_str()]].concat();
        let output = client.try_docker(&words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        assert!(
            said.contains(&format!("{name}: ")) && said.contains(brought),
            "{said}"
        );
        assert_eq!(session.words_of(name), text);
    }
}

#[test]
fn a_daemon_is_reached_wherever_the_cli_reaches_it() {
    for store in [Store::Classic, Store::Containerd] {
        let session = Session::with(store);
        let forward = Forward::to(session.daemon.socket());
        let host = forward.host();
        let endpoint = format!("host={host}");
        let far = ["context", "create", "far", "--docker", &endpoint];
        session.client.docker(&far);
        let is_loaded = |client: &Client, words: &[&str], name| {
            only_a_changed_layer_is_loaded(&session, client, words, name);
        };
        is_loaded(&session.client, &["-H", &host], "flag");
        let with_host = |host: &str| {
            let mut client = session.client.clone();
            let variable = ("DOCKER_HOST".to_owned(), host.to_owned());
            client.variables.push(variable);
            client
        };
        is_loaded(&with_host(&host), &[], "variable");
        // An address counts more than a context.
        let without = with_host("");
        is_loaded(&without, &["--context", "far"], "named");
        without.docker(&["context", "use", "far"]);
        is_loaded(&without, &[], "current");
    }
}

#[test]
fn a_builder_is_reached_behind_certificates_and_in_a_container() {
    let mut session = Session::with(Store::Classic);
    let certified = session.stack.certified(&session.builder);
    let create = [
        "buildx",
        "create",
        "--name",
        "certified",
        "--driver",
        "remote",
    ];
    let reached = ["--driver-opt", &certified.options, &certified.address];
    let create = [&create[..], &reached].concat();
    session.client.docker(&create);
    choose(&mut session, "certified");
    only_a_changed_layer_is_loaded(&session, &session.client, &[], "certified");

    boxed(&session);
    choose(&mut session, "boxed");
    only_a_changed_layer_is_loaded(&session, &session.client, &[], "boxed");
}

fn choose(session: &mut Session, builder: &str) {
    let chosen = ("BUILDX_BUILDER".to_owned(), builder.to_owned());
    session.client.variables.push(chosen);
}

/// A container where buildx expects that of builder `boxed`, whose `buildctl dial-stdio` leads to the shared
/// builder: it has the programs of this machine, and that builder's socket.
fn boxed(session: &Session) {
    let root: Utf8PathBuf = session.stack.fresh("box");
    std::fs::create_dir_all(root.join("bin")).unwrap();
    for name in ["lib", "lib64"] {
        symlink(format!("usr/{name}"), root.join(name)).unwrap();
    }
    symlink("/usr/bin/sh", root.join("bin/sh")).unwrap();
    let script = root.join("bin/buildctl");
    let words =
        "#!/usr/bin/sh\n[ \"$1\" = dial-stdio ] && exec /usr/bin/socat - UNIX-CONNECT:/builder\n";
    std::fs::write(&script, words).unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let archive = session.stack.fresh("box.tar");
    let packed = Command::new("tar")
        .args(["-C", root.as_str(), "-cf", archive.as_str(), "."])
        .status();
    assert!(packed.unwrap().success());
    session.client.docker(&["import", archive.as_str(), "box"]);
    let socket = format!("{}:/builder", session.builder.socket());
    let mounts = ["-v", "/usr:/usr:ro", "-v", &socket];
    let run = ["run", "-d", "--net=none", "--name=buildx_buildkit_boxed0"];
    let run = [&run[..], &mounts, &["box", "/usr/bin/sleep", "600"]].concat();
    session.client.docker(&run);
    let create = [
        "buildx",
        "create",
        "--name",
        "boxed",
        "--driver",
        "docker-container",
    ];
    session.client.docker(&create);
}
