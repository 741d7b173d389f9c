//! The build cache that sessions share. Each session has a daemon of its own, and that a BuildKit.

use std::process::Output;

use camino::{Utf8Path, Utf8PathBuf};
use testbed::engines::build_output::steps;
use testbed::stack::{Client, Daemon, Endpoint, Stack, Store};

use crate::seats::seat;

/// Sessions around one cache folder.
struct Site {
    cache: Utf8PathBuf,
    seat: Utf8PathBuf,
    stack: Stack,
}

/// A session: its daemon builds.
struct Session {
    client: Client,
    _builder: Option<Endpoint>,
    _daemons: Vec<Daemon>,
}

impl Site {
    fn new() -> Self {
        let stack = Stack::new();
        let cache = stack.fresh("cache");
        std::fs::create_dir(&cache).unwrap();
        let seat = seat(&stack.fresh("bin"), &["docker"]);
        Self { cache, seat, stack }
    }

    /// A fresh session, whose daemon builds.
    fn session(&self) -> Session {
        let daemon = self.stack.daemon(Store::Containerd);
        let client = self.client(&daemon, None);
        Session {
            client,
            _builder: None,
            _daemons: vec![daemon],
        }
    }

    /// A fresh session with a builder that is not its daemon.
    fn session_with_builder(&self) -> Session {
        let host = self.stack.daemon(Store::Containerd);
        let daemon = self.stack.daemon(Store::Classic);
        let builder = self.stack.endpoint(&host);
        Session {
            client: self.client(&daemon, Some(&builder)),
            _builder: Some(builder),
            _daemons: vec![daemon, host],
        }
    }

    fn client(&self, daemon: &Daemon, builder: Option<&Endpoint>) -> Client {
        let mut client = self.stack.client(daemon, builder);
        client.path.insert(0, self.seat.clone());
        let variables = [
            ("CACHECORE_BUILD_CACHE", self.cache.as_str()),
            ("CACHECORE_LOG", "debug"),
        ];
        let owned = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        client.variables.extend(owned);
        client
    }

    /// A context of three steps, of which the last has these words.
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
}

/// Runs docker, which has to succeed. Gives how many steps were done, how many came from the cache, and what
/// was said.
#[track_caller]
fn built(client: &Client, words: &[&str], context: &Utf8Path) -> (usize, usize, String) {
    let all: Vec<&str> = words.iter().copied().chain([context.as_str()]).collect();
    read(client.try_docker(&all))
}

#[track_caller]
fn read(output: Output) -> (usize, usize, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(output.stdout, b"", "nothing is said on stdout");
    let steps = steps(&said);
    (steps.done.len(), steps.cached.len(), said)
}

#[track_caller]
fn assert_hit((done, cached, said): (usize, usize, String)) {
    assert_eq!((done, cached), (0, 3), "{said}");
}

#[track_caller]
fn assert_missed((done, cached, said): (usize, usize, String)) {
    assert_eq!((done, cached), (3, 0), "{said}");
}

#[test]
fn what_one_session_has_built_a_fresh_one_finds_with_another_builder() {
    let site = Site::new();
    let context = site.context("words");
    let first = site.session();
    assert_missed(built(&first.client, &["build", "-t", "app:1"], &context));
    drop(first);
    let second = site.session();
    assert_hit(built(&second.client, &["build", "-t", "app:2"], &context));
    let third = site.session_with_builder();
    let hit = built(
        &third.client,
        &["buildx", "build", "--load", "-t", "app"],
        &context,
    );
    assert_hit(hit);
    // Images are there, and no export is left.
    for (session, name) in [(&second, "app:2"), (&third, "app")] {
        assert_ne!(session.client.docker(&["images", "-q", name]), "");
    }
    let left = std::fs::read_dir(site.cache.join("exports"))
        .unwrap()
        .count();
    assert_eq!(left, 0);
}
