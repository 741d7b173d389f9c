//! Builds with flags of the user's own, brought into the daemon: what docker would have written and printed.

use std::fs::File;
use std::process::{Command, Output};

use camino::Utf8Path;
use testbed::stack::{BUILDER, Store, said};

use crate::load::Session;

/// The real CLI's own way with the same builder.
const LOAD: [&str; 5] = ["buildx", "build", "--builder", BUILDER, "--load"];

/// Runs docker with something on stdin.
fn with_stdin(session: &Session, words: &[&str], stdin: &Utf8Path) -> Output {
    let mut command = session.client.command("env");
    command.arg("docker").args(words);
    command.stdin(File::open(stdin).unwrap()).output().unwrap()
}

#[track_caller]
fn text(output: &Output) -> (String, String) {
    let said = said(&output.stderr);
    assert!(output.status.success(), "{said}");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    (printed, said)
}

// The scenes share a session of each store: its daemons are what takes the time.

#[test]
fn what_the_user_asks_for_comes_out_with_a_classic_store() {
    let session = Session::with(Store::Classic);
    // First: afterwards there is more than one image.
    an_image_without_a_name_is_there_by_its_id(&session);
    reports_of_the_user_s_say_what_docker_says(&session, Store::Classic);
    quiet_builds_print_the_id_and_nothing_else(&session);
    a_name_may_be_the_beginning_of_an_id(&session);
    contexts_and_dockerfiles_on_stdin_are_read_once(&session);
    load_and_its_long_form_are_asked_for_as_docker_wants_it(&session);
}

#[test]
fn what_the_user_asks_for_comes_out_with_containerd_s_store() {
    let session = Session::with(Store::Containerd);
    an_image_without_a_name_is_there_by_its_id(&session);
    reports_of_the_user_s_say_what_docker_says(&session, Store::Containerd);
    quiet_builds_print_the_id_and_nothing_else(&session);
}

fn reports_of_the_user_s_say_what_docker_says(session: &Session, store: Store) {
    let context = session.context("reported");
    let report = |name: &str| session.stack.fresh(name);
    let [our_id, their_id] = ["ours", "theirs"].map(report);
    let [our_facts, their_facts] = ["our-facts", "their-facts"].map(report);
    let ours = [
        "build",
        "--iidfile",
        our_id.as_str(),
        "--metadata-file",
        our_facts.as_str(),
        "-t",
        "app",
        context.as_str(),
    ];
    let (_, said) = text(&session.client.try_docker(&ours));
    assert!(said.contains("layers loaded"), "{said}");
    let theirs = [
        "--iidfile",
        their_id.as_str(),
        "--metadata-file",
        their_facts.as_str(),
        "-t",
        "app",
        context.as_str(),
    ];
    session.real().docker(&[&LOAD[..], &theirs].concat());
    let read = |path: &Utf8Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(read(&our_id), read(&their_id), "{store:?}");
    let facts =
        |path: &Utf8Path| -> serde_json::Value { serde_json::from_str(&read(path)).unwrap() };
    let (ours, theirs) = (facts(&our_facts), facts(&their_facts));
    let names = |facts: &serde_json::Value| -> Vec<String> {
        facts.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(names(&ours), names(&theirs), "{store:?}");
    let mut same = vec!["containerimage.config.digest"];
    if store == Store::Containerd {
        // There it is the id; to a classic store the manifest means nothing.
        same.push("containerimage.digest");
    }
    for name in same {
        assert_eq!(ours[name], theirs[name], "{store:?}: {name}");
    }
}

fn quiet_builds_print_the_id_and_nothing_else(session: &Session) {
    let context = session.context("quiet");
    for words in [&["-q", "-t", "app"][..], &["-q"]] {
        let words = [&["build"], words, &[context.as_str()]].concat();
        let (printed, said) = text(&session.client.try_docker(&words));
        assert_eq!(said, "", "{words:?}");
        let real = [&LOAD[..], &["-q", context.as_str()]].concat();
        assert_eq!(printed.trim(), session.real().docker(&real));
    }
    assert_eq!(session.words_of("app"), "quiet");
}

fn an_image_without_a_name_is_there_by_its_id(session: &Session) {
    let said = session.build(&[], &session.context("nameless"));
    assert!(
        said.contains("image without a name: 3 of 3 layers"),
        "{said}"
    );
    let ids = session.client.docker(&["images", "-aq", "--no-trunc"]);
    assert_eq!(ids.lines().count(), 1, "{ids}");
    assert_eq!(session.words_of(&ids), "nameless");
    // By its id it gets a name later, without being sent again.
    let named = session.build(&["-t", "app"], &session.context("nameless"));
    assert!(named.contains("there already, named anew"), "{named}");
    assert_eq!(session.words_of("app"), "nameless");
}

fn a_name_may_be_the_beginning_of_an_id(session: &Session) {
    let context = session.context("begins");
    let (id, _) = text(
        &session
            .client
            .try_docker(&["build", "-q", context.as_str()]),
    );
    let name = &id["sha256:".len()..][..6];
    session.build(&["-t", name], &context);
    assert_eq!(session.id(&format!("{name}:latest")), id.trim());
}

fn contexts_and_dockerfiles_on_stdin_are_read_once(session: &Session) {
    let context = session.context("piped");
    let archive = session.stack.fresh("context.tar");
    let packed = Command::new("tar")
        .args(["-C", context.as_str(), "-cf", archive.as_str(), "."])
        .status();
    assert!(packed.unwrap().success());
    let (_, said) = text(&with_stdin(session, &["build", "-t", "tar", "-"], &archive));
    assert!(
        said.contains("tar: ") && said.contains(" of 3 layers loaded"),
        "{said}"
    );
    assert_eq!(session.words_of("tar"), "piped");
    let file = context.join("Dockerfile");
    let elsewhere = session.stack.fresh("Dockerfile");
    std::fs::rename(&file, &elsewhere).unwrap();
    let words = ["build", "-tfile", "-f-", context.as_str()];
    let (_, said) = text(&with_stdin(session, &words, &elsewhere));
    assert!(said.contains("file: there already, named anew"), "{said}");
}

fn load_and_its_long_form_are_asked_for_as_docker_wants_it(session: &Session) {
    for (words, name) in [
        (&["--load", "-t", "a", "-t", "b:1"][..], "b:1"),
        (&["-o", "type=docker", "-t", "c", "--provenance=false"], "c"),
    ] {
        let context = session.context(name);
        let words = [&["buildx", "build"], words, &[context.as_str()]].concat();
        let (_, said) = text(&session.client.try_docker(&words));
        assert!(said.contains("layers loaded"), "{said}");
        assert_eq!(session.words_of(name), name);
    }
    // What has an output of its own goes there, and nowhere else.
    let out = session.stack.fresh("out");
    let context = session.context("local");
    let words = ["build", "-t", "local", "-o", out.as_str(), context.as_str()];
    text(&session.client.try_docker(&words));
    assert_eq!(std::fs::read_to_string(out.join("words")).unwrap(), "local");
    let missing = session.client.try_docker(&["image", "inspect", "local"]);
    assert!(!missing.status.success());
}
