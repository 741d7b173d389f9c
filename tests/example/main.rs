//! The examples are run as a service would run them: as programs, on a real store.

use std::process::Command;

use camino::Utf8Path;
use goldenstore::{PromoteOptions, Silent, StartRequest, Store};

#[test]
fn another_service_starts_and_promotes_a_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Utf8Path::from_path(folder.path())
        .expect("UTF-8")
        .join("store");
    Store::init(&root).expect("a store; this test needs root");
    let store = Store::open(&root).expect("the store");
    let project: cachecore::id::ProjectId = "shop".parse().expect("an id");
    let first = StartRequest {
        or_empty: true,
        ..StartRequest::new(project.clone(), "first".parse().expect("an id"))
    };
    store
        .start_session(&first, &Silent)
        .expect("a cold session");
    store
        .promote_session(&first.session, &PromoteOptions::default(), &Silent)
        .expect("a golden");

    let example = |words: &[&str]| {
        Command::new(env!("CARGO"))
            .args([
                "run",
                "--quiet",
                "--locked",
                "--example",
                "embed_session",
                "--",
            ])
            .args(words)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs")
    };
    let ran = example(&[root.as_str(), "shop", "embedded"]);
    assert!(ran.status.success(), "{ran:?}");
    let said = String::from_utf8(ran.stdout).expect("UTF-8");
    assert!(
        said.contains("/var/lib/docker"),
        "it says what to mount: {said}"
    );
    let serving = store
        .current(&project)
        .expect("the project")
        .expect("a golden");
    assert_eq!(serving.number(), 2, "the embedded session was promoted");
    let manifest = store.manifest(&project, serving).expect("a manifest");
    assert_eq!(manifest.origin.session().as_str(), "embedded");

    let wrong = example(&[]);
    assert!(!wrong.status.success());
    assert!(
        String::from_utf8_lossy(&wrong.stderr).contains("usage"),
        "{wrong:?}"
    );
}

#[test]
fn another_program_decides_about_commands_with_the_library() {
    let example = |words: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--locked", "--example", "embed_commands"])
            .arg("--")
            .args(words)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let run = example(&["docker", "run", "-v", "./app:/app", "image"]);
    assert!(run.starts_with("makes a container of image\n"), "{run}");
    assert!(run.contains("\"/volumes/session/app:/app\""), "{run}");
    let exec = example(&["docker", "compose", "exec", "api", "make", "build"]);
    assert!(exec.starts_with("builds nothing\n"), "{exec}");
    let strange = example(&["docker", "build", "--frobnicate", "."]);
    assert!(strange.starts_with("not understood: "), "{strange}");
}

#[test]
fn another_service_asks_for_the_images_of_an_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = folder.path().join("shop.yaml");
    let text = "version: 1\nimage: debian:12\nstages:\n- {name: tools, script: tools.sh}\n- {name: late, inline: date, cache: false}\n";
    std::fs::write(&spec, text).expect("a spec");
    let example = |words: &[&str]| {
        Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--locked", "--example", "env_image_key"])
            .arg("--")
            .args(words)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs")
    };
    let spec = spec.to_str().expect("UTF-8");
    let ask = || example(&[spec, &format!("sha256:{}", "ab".repeat(32))]);
    let absent = ask();
    assert_eq!(absent.status.code(), Some(1), "{absent:?}");
    let said = String::from_utf8_lossy(&absent.stderr).into_owned();
    assert!(said.contains("tools.sh: no such file"), "{said}");

    let script = folder.path().join("tools.sh");
    std::fs::write(&script, "apt-get update\n").expect("a script");
    let first = ask();
    assert!(first.status.success(), "{first:?}");
    let said = String::from_utf8(first.stdout).expect("UTF-8");
    assert!(said.starts_with("cachecore-env:tools-"), "{said}");
    assert!(said.contains("script tools.sh\n"), "{said}");
    assert!(said.contains("\"verdict\": \"build\""), "{said}");
    assert!(said.contains("\"start\": \"asked\""), "{said}");

    std::fs::write(&script, "apt-get upgrade\n").expect("a script");
    let other = String::from_utf8(ask().stdout).expect("UTF-8");
    assert_ne!(
        said.lines().next(),
        other.lines().next(),
        "another script is another image"
    );
}
