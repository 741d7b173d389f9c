//! Images that a shared builder has made, in the daemon of a session.

use camino::{Utf8Path, Utf8PathBuf};
use testbed::stack::{BUILDER, Client, Daemon, Endpoint, Stack, Store};

use crate::seats::seat;

/// A session in front of a shared builder.
struct Session {
    client: Client,
    _builder: (Endpoint, Daemon),
    _daemon: Daemon,
    // Last: what the others lie in.
    stack: Stack,
}

impl Session {
    fn with(store: Store) -> Self {
        let stack = Stack::new();
        let host = stack.daemon(Store::Containerd);
        let endpoint = stack.endpoint(&host);
        let daemon = stack.daemon(store);
        let mut client = stack.client(&daemon, Some(&endpoint));
        client
            .path
            .insert(0, seat(&stack.fresh("bin"), &["docker"]));
        Self {
            stack,
            client,
            _builder: (endpoint, host),
            _daemon: daemon,
        }
    }

    /// A context whose image has three layers, of which the last has these words.
    fn context(&self, words: &str) -> Utf8PathBuf {
        let context = self.stack.fresh("context");
        std::fs::create_dir(&context).unwrap();
        let file = "FROM scratch\nCOPY low /low\nCOPY middle /middle\nCOPY words /words\n";
        for (name, contents) in [
            ("Dockerfile", file),
            ("low", "low"),
            ("middle", "middle"),
            ("words", words),
        ] {
            std::fs::write(context.join(name), contents).unwrap();
        }
        context
    }

    /// Builds, and gives what was said on stderr.
    #[track_caller]
    fn build(&self, words: &[&str], context: &Utf8Path) -> String {
        let mut all = vec!["build"];
        all.extend(words);
        all.push(context.as_str());
        let output = self.client.try_docker(&all);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        assert_eq!(output.stdout, b"", "nothing is said on stdout");
        said
    }

    fn words_of(&self, image: &str) -> String {
        self.client
            .docker(&["create", "--name=words", image, "/nothing"]);
        let archive = self.client.try_docker(&["cp", "words:/words", "-"]).stdout;
        self.client.docker(&["rm", "words"]);
        let text = String::from_utf8_lossy(&archive[512..]).into_owned();
        text.trim_end_matches('\0').to_owned()
    }
}

#[test]
fn only_the_layers_that_the_daemon_lacks_are_loaded() {
    let session = Session::with(Store::Classic);
    let first = session.context("first");
    assert!(
        session
            .build(&["-t", "app"], &first)
            .contains("app: 3 of 3 layers loaded")
    );
    assert_eq!(session.words_of("app"), "first");
    let again = session.build(&["-t", "app"], &first);
    assert!(
        again.contains("app: unchanged, not loaded again"),
        "{again}"
    );
    let second = session.context("second");
    assert!(
        session
            .build(&["-t", "app"], &second)
            .contains("app: 1 of 3 layers loaded")
    );
    assert_eq!(session.words_of("app"), "second");
    let named = session.build(&["-t", "app:old", "-t", "other/app"], &first);
    assert!(named.contains("there already, named anew"), "{named}");
    for name in ["app:old", "other/app"] {
        assert_eq!(session.words_of(name), "first");
    }
}

#[test]
fn what_is_loaded_is_what_the_real_program_would_load() {
    let session = Session::with(Store::Classic);
    let context = session.context("same");
    let id = |name| session.client.docker(&["images", "--no-trunc", "-q", name]);
    session.build(&["-t", "app"], &context);
    let ours = id("app");
    let mut real = session.client.clone();
    real.path.remove(0);
    let words = [
        "buildx",
        "build",
        "--builder",
        BUILDER,
        "--load",
        "-t",
        "real",
        context.as_str(),
    ];
    real.docker(&words);
    assert_eq!(ours, id("real"));
}

#[test]
fn a_daemon_with_containerd_s_store_gets_its_image_too() {
    let session = Session::with(Store::Containerd);
    for words in ["first", "second"] {
        session.build(&["-t", "app"], &session.context(words));
        assert_eq!(session.words_of("app"), words);
    }
}

#[test]
fn a_build_that_fails_ends_as_docker_s_does() {
    let mut session = Session::with(Store::Classic);
    let temporary = session.stack.fresh("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let variable = ("TMPDIR".to_owned(), temporary.to_string());
    session.client.variables.push(variable);
    let context = session.context("words");
    std::fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY missing /\n").unwrap();
    let words = ["build", "-t", "app", context.as_str()];
    let ours = session.client.try_docker(&words);
    let mut real = session.client.clone();
    real.path.remove(0);
    let theirs = real.try_docker(&words);
    assert_eq!(ours.status.code(), theirs.status.code());
    assert!(!ours.status.success());
    let left = std::fs::read_dir(&temporary).unwrap().count();
    assert_eq!(left, 0, "files in {temporary}");
}
