//! Loads that do not come to an end, and many at once.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use camino::Utf8Path;
use engine::endpoint::Endpoint;
use engine::images::Images;
use testbed::engines::busybox;
use testbed::stack::{BUILDER, Client, Store};

use crate::load::{Session, words_of};

/// The real CLI's own way with the same builder.
const LOAD: [&str; 5] = ["buildx", "build", "--builder", BUILDER, "--load"];

fn is_there(session: &Session, image: &str) -> bool {
    let real = session.real();
    let found = real.try_docker(&["image", "inspect", image]);
    found.status.success()
}

/// The session's client, whose docker removes a file once it has built.
fn losing(session: &Session, lost: &Utf8Path) -> Client {
    let mut client = session.client.clone();
    let front = session.stack.fresh("front");
    std::fs::create_dir(&front).unwrap();
    let real = client.path.last().unwrap().join("docker");
    let script = format!("#!/bin/sh\n{real} \"$@\"\nended=$?\nrm -f {lost}\nexit $ended\n");
    std::fs::write(front.join("docker"), script).unwrap();
    let mode = PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(front.join("docker"), mode).unwrap();
    client.path.insert(1, front);
    client
}

#[test]
fn a_damaged_layer_never_becomes_an_image() {
    for store in [Store::Classic, Store::Containerd] {
        let session = Session::with(store);
        let context = session.context("damaged");
        std::fs::write(context.join("low"), "low ".repeat(100_000)).unwrap();
        let leave = [
            "buildx",
            "build",
            "--builder",
            BUILDER,
            "--provenance=false",
        ];
        let leave = [&leave[..], &["--output=type=image", context.as_str()]].concat();
        session.real().docker(&leave);
        let blobs = session.host.blobs().read_dir_utf8().unwrap();
        let blobs = blobs.map(|blob| blob.unwrap().into_path());
        // A layer of four: the manifest and the configuration are text.
        let layer = blobs
            .filter(|blob| std::fs::read(blob).unwrap().starts_with(&[0x1f, 0x8b]))
            .max_by_key(|blob| blob.metadata().unwrap().len())
            .unwrap();
        let mut bytes = std::fs::read(&layer).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&layer, bytes).unwrap();
        for (words, ends_well) in [(&[][..], true), (&["--load"], false)] {
            let words = [
                &["buildx", "build", "-t", "app"],
                words,
                &[context.as_str()],
            ]
            .concat();
            let output = session.client.try_docker(&words);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("it is damaged there"), "{said}");
            // Nobody had asked docker to load it, and it has built it.
            assert_eq!(output.status.success(), ends_well, "{said}");
            assert!(!is_there(&session, "app"), "{said}");
        }
    }
}

#[test]
fn a_builder_or_a_daemon_that_is_gone_after_the_build_fails_what_was_asked_for() {
    for lost in ["builder", "daemon"] {
        let session = Session::with(Store::Classic);
        let context = session.context("lost");
        let socket = match lost {
            "builder" => session.builder.socket(),
            _ => session.daemon.socket(),
        };
        let aside = session.stack.fresh("aside");
        std::fs::hard_link(socket, socket.with_extension("kept")).unwrap();
        let client = losing(&session, socket);
        for (words, ends_well) in [(&[][..], true), (&["--load"], false)] {
            let id = aside.with_extension("id");
            let words = [&["build", "-t", "app", "--iidfile", id.as_str()], words].concat();
            let words = [&words[..], &[context.as_str()]].concat();
            let output = client.try_docker(&words);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                said.contains("built, and left with the builder"),
                "{lost}: {said}"
            );
            assert_eq!(output.status.success(), ends_well, "{lost}: {said}");
            assert_eq!(id.exists(), ends_well, "{lost}: an id of what is not there");
            std::fs::hard_link(socket.with_extension("kept"), socket).unwrap();
        }
        assert!(!is_there(&session, "app"));
    }
}

/// What a build ends with whose builder goes in the middle of a step, and what it leaves behind.
fn without_builder(is_real: bool, words: &[&str]) -> (Option<i32>, usize) {
    let mut session = Session::with(Store::Classic);
    let temporary = session.stack.fresh("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let variable = ("TMPDIR".to_owned(), temporary.to_string());
    session.client.variables.push(variable);
    let context = session.context("begun");
    std::fs::copy(busybox(), context.join("low")).unwrap();
    let file = "FROM scratch\nCOPY low /bin/busybox\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \
                \"echo it has begun; exec /bin/busybox sleep 1000\"]\n";
    std::fs::write(context.join("Dockerfile"), file).unwrap();
    let client = if is_real {
        session.real()
    } else {
        session.client.clone()
    };
    let mut command = client.command("env");
    command.arg("docker").args(words);
    command.args(["--progress=plain", "-t", "app", context.as_str()]);
    let mut build = command.stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(build.stderr.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    // What the step has printed, and not the step itself, which comes before.
    let begun = lines.find(|line| line.ends_with(" it has begun"));
    assert!(begun.is_some(), "the build has ended");
    drop((session.builder, session.host));
    lines.for_each(drop);
    let ended = build.wait().unwrap();
    (ended.code(), temporary.read_dir().unwrap().count())
}

#[test]
fn a_builder_that_goes_in_mid_build_ends_it_as_it_ends_docker_s() {
    let theirs = without_builder(true, &LOAD);
    assert_eq!(theirs, (Some(1), 0));
    assert_eq!(without_builder(false, &["build"]), theirs);
}

#[test]
fn sessions_load_many_images_at_once() {
    for store in [Store::Classic, Store::Containerd] {
        let session = Session::with(store);
        let names: Vec<String> = (0..6).map(|nth| format!("app:{nth}")).collect();
        let contexts: Vec<_> = names.iter().map(|name| session.context(name)).collect();
        std::thread::scope(|threads| {
            for (name, context) in names.iter().zip(&contexts) {
                let client = &session.client;
                threads
                    .spawn(move || client.docker(&["build", "-q", "-t", name, context.as_str()]));
            }
        });
        for name in &names {
            assert_eq!(&words_of(&session.client, name), name);
        }
    }
}

#[test]
fn a_daemon_refuses_a_layer_that_is_not_what_its_configuration_says() {
    let session = Session::with(Store::Classic);
    let images = Images::of(Endpoint::Unix(session.daemon.socket().to_owned()));
    let nothing = "0".repeat(64);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["sha256:{nothing}"]}}}}"#
    );
    let list = r#"[{"Config":"config","RepoTags":["app:latest"],"Layers":["layer"]}]"#;
    let refused = images.load(|to| {
        let files = [
            ("manifest.json", list.as_bytes()),
            ("config", config.as_bytes()),
        ];
        for (name, bytes) in files.into_iter().chain([("layer", &[0; 1024][..])]) {
            to.write_all(&cachecore::load::header(name, bytes.len() as u64))?;
            to.write_all(bytes)?;
            to.write_all(cachecore::load::padding(bytes.len() as u64))?;
        }
        to.write_all(&cachecore::load::END)
    });
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("invalid diffID"), "{said}");
    assert!(!is_there(&session, "app"));
}
