//! Images that a shared builder has made, in the daemon of a session.

use camino::{Utf8Path, Utf8PathBuf};
use testbed::stack::{BUILDER, Client, Daemon, Endpoint, Stack, Store};

use crate::seats::seat;

/// A session in front of a shared builder.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) builder: Endpoint,
    pub(crate) host: Daemon,
    pub(crate) daemon: Daemon,
    // Last: what the others lie in.
    pub(crate) stack: Stack,
}

impl Session {
    pub(crate) fn with(store: Store) -> Self {
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
            builder: endpoint,
            host,
            daemon,
        }
    }

    /// A context whose image has three layers, of which the last has these words.
    pub(crate) fn context(&self, words: &str) -> Utf8PathBuf {
        context(&self.stack, words)
    }

    /// Builds, and gives what was said on stderr.
    #[track_caller]
    pub(crate) fn build(&self, words: &[&str], context: &Utf8Path) -> String {
        let mut all = vec!["build"];
        all.extend(words);
        all.push(context.as_str());
        let output = self.client.try_docker(&all);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        assert_eq!(output.stdout, b"", "nothing is said on stdout");
        said
    }

    pub(crate) fn words_of(&self, image: &str) -> String {
        words_of(&self.client, image)
    }
}

/// A context whose image has three layers, of which the last has these words.
pub(crate) fn context(stack: &Stack, words: &str) -> Utf8PathBuf {
    let context = stack.fresh("context");
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

/// The last layer's words of an image.
pub(crate) fn words_of(client: &Client, image: &str) -> String {
    client.docker(&["create", "--name=words", image, "/nothing"]);
    let archive = client.try_docker(&["cp", "words:/words", "-"]).stdout;
    client.docker(&["rm", "words"]);
    let text = String::from_utf8_lossy(&archive[512..]).into_owned();
    text.trim_end_matches('\0').to_owned()
}

/// The real CLI's own way with the same builder.
const REAL: [&str; 5] = ["buildx", "build", "--builder", BUILDER, "--load"];

impl Session {
    /// The session's CLI without the shim.
    pub(crate) fn real(&self) -> Client {
        let mut real = self.client.clone();
        real.path.remove(0);
        real
    }

    pub(crate) fn id(&self, image: &str) -> String {
        self.client
            .docker(&["image", "inspect", "--format={{.Id}}", image])
    }
}

fn only_the_layers_that_are_missing(store: Store) {
    let session = Session::with(store);
    let first = session.context("first");
    let said = session.build(&["-t", "app"], &first);
    assert!(said.contains("app: 3 of 3 layers loaded"), "{said}");
    assert_eq!(session.words_of("app"), "first");
    let again = session.build(&["-t", "app"], &first);
    assert!(
        again.contains("app: unchanged, not loaded again"),
        "{again}"
    );
    let second = session.context("second");
    let said = session.build(&["-t", "app"], &second);
    assert!(said.contains("app: 1 of 3 layers loaded"), "{said}");
    assert_eq!(session.words_of("app"), "second");
    session.build(&["-t", "kept"], &first);
    let named = session.build(&["-t", "app:old", "-t", "other/app", "-t", "h:1/a"], &first);
    assert!(named.contains("there already, named anew"), "{named}");
    for name in ["app:old", "other/app", "h:1/a"] {
        assert_eq!(session.words_of(name), "first");
    }
    // What was left out is there all the same.
    let saved =
        session
            .client
            .docker(&["save", "-o", session.stack.fresh("saved").as_str(), "app"]);
    assert_eq!(saved, "");
    let real = session.real();
    real.docker(&[&REAL[..], &["-t", "real", second.as_str()]].concat());
    assert_eq!(
        session.id("app"),
        session.id("real"),
        "the id that --load gives"
    );
}

#[test]
fn a_classic_store_gets_only_the_layers_that_it_lacks() {
    only_the_layers_that_are_missing(Store::Classic);
}

#[test]
fn containerd_s_store_gets_only_the_layers_that_it_lacks() {
    only_the_layers_that_are_missing(Store::Containerd);
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
    let theirs = session.real().try_docker(&words);
    assert_eq!(ours.status.code(), theirs.status.code());
    assert!(!ours.status.success());
    let left = std::fs::read_dir(&temporary).unwrap().count();
    assert_eq!(left, 0, "files in {temporary}");
}
