//! The build cache that sessions share. Each session has a daemon of its own, and that a BuildKit.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Output, Stdio};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::process::{Pid, Signal, kill_process_group};
use testbed::engines::build_output::steps;
use testbed::stack::{Client, Daemon, Endpoint, Stack, Store};

use crate::load::context;
use crate::seats::seat;

/// Sessions around one cache folder.
pub(crate) struct Site {
    pub(crate) cache: Utf8PathBuf,
    seat: Utf8PathBuf,
    pub(crate) stack: Stack,
}

/// A session: its daemon builds.
pub(crate) struct Session {
    pub(crate) client: Client,
    _builder: Option<Endpoint>,
    _daemons: Vec<Daemon>,
}

impl Site {
    pub(crate) fn new() -> Self {
        let stack = Stack::new();
        let cache = stack.fresh("cache");
        std::fs::create_dir(&cache).unwrap();
        let seat = seat(&stack.fresh("bin"), &["docker"]);
        Self { cache, seat, stack }
    }

    /// A fresh session, whose daemon builds.
    pub(crate) fn session(&self) -> Session {
        let daemon = self.stack.daemon(Store::Containerd);
        let client = self.client(&daemon, None);
        Session {
            client,
            _builder: None,
            _daemons: vec![daemon],
        }
    }

    /// A fresh session with a builder that is not its daemon.
    pub(crate) fn session_with_builder(&self) -> Session {
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
    pub(crate) fn context(&self, words: &str) -> Utf8PathBuf {
        context(&self.stack, words)
    }
}

/// Runs docker, which has to succeed. Gives how many steps were done, how many came from the cache, and what
/// was said.
#[track_caller]
pub(crate) fn built(client: &Client, words: &[&str], context: &Utf8Path) -> (usize, usize, String) {
    let all: Vec<&str> = words.iter().copied().chain([context.as_str()]).collect();
    read(client.try_docker(&all))
}

#[track_caller]
pub(crate) fn read(output: Output) -> (usize, usize, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(output.stdout, b"", "nothing is said on stdout");
    let steps = steps(&said);
    (steps.done.len(), steps.cached.len(), said)
}

#[track_caller]
pub(crate) fn assert_hit((done, cached, said): (usize, usize, String)) {
    assert_eq!((done, cached), (0, 3), "{said}");
}

#[track_caller]
pub(crate) fn assert_missed((done, cached, said): (usize, usize, String)) {
    assert_eq!((done, cached), (3, 0), "{said}");
}

/// The files of a folder, with their sizes.
pub(crate) fn files(folder: &Utf8Path) -> BTreeMap<Utf8PathBuf, u64> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir_utf8().unwrap() {
            let entry = entry.unwrap();
            let meta = entry.path().symlink_metadata().unwrap();
            if meta.is_dir() {
                folders.push(entry.path().to_owned());
            }
            all.insert(entry.path().to_owned(), meta.len());
        }
    }
    all
}

impl Site {
    pub(crate) fn exports_in_progress(&self) -> usize {
        std::fs::read_dir(self.cache.join("exports"))
            .unwrap()
            .count()
    }

    /// The largest blob of the cache.
    pub(crate) fn largest_blob(&self) -> Utf8PathBuf {
        let blobs = files(&self.cache.join("blobs/sha256"));
        blobs.into_iter().max_by_key(|(_, size)| *size).unwrap().0
    }
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
    // Everything that its builder has is gone, but not the cache.
    second.client.docker(&["rmi", "app:2"]);
    second.client.docker(&["builder", "prune", "-af"]);
    assert_hit(built(
        &second.client,
        &["image", "build", "-t", "app:2"],
        &context,
    ));
    let third = site.session_with_builder();
    let words = ["buildx", "build", "--load", "-t", "app"];
    assert_hit(built(&third.client, &words, &context));
    // Images are there, and no export is left.
    for (session, name) in [(&second, "app:2"), (&third, "app")] {
        assert_ne!(session.client.docker(&["images", "-q", name]), "");
    }
    assert_eq!(site.exports_in_progress(), 0);
}

#[test]
fn bakes_and_projects_of_compose_share_their_cache_too() {
    let site = Site::new();
    let context = site.context("words");
    let file = context.join("compose.yaml");
    let project = format!(
        "name: shop\nservices:\n  api: {{build: {context}, image: api, command: [none]}}\n"
    );
    std::fs::write(&file, project).unwrap();
    let first = site.session_with_builder();
    let (mut build, mut bake) = (vec!["compose", "-f", file.as_str()], vec!["buildx", "bake"]);
    build.push("build");
    bake.extend(["--load", "-f", file.as_str()]);
    first.client.docker(&build);
    drop(first);
    let mut up = vec!["compose", "-f", file.as_str()];
    up.extend(["up", "--build", "--no-start"]);
    for words in [build, bake, up] {
        let second = site.session_with_builder();
        let output = second.client.try_docker(&words);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{said}");
        let steps = steps(&said);
        assert!(steps.done.is_empty() && !steps.cached.is_empty(), "{said}");
    }
}

#[test]
fn six_sessions_at_once_with_a_branch_each_all_find_theirs_afterwards() {
    let site = Site::new();
    let sessions: Vec<_> = (0..6).map(|_| site.session()).collect();
    let branches: Vec<Utf8PathBuf> = (0..6)
        .map(|n| site.context(&format!("branch {n}")))
        .collect();
    std::thread::scope(|scope| {
        for (session, context) in sessions.iter().zip(&branches) {
            scope.spawn(move || {
                let (_, _, said) = built(&session.client, &["build", "-t", "app"], context);
                assert!(said.contains("published"), "{said}");
            });
        }
    });
    drop(sessions);
    let fresh = site.session();
    for context in &branches {
        assert_hit(built(&fresh.client, &["build", "-t", "app"], context));
    }
}

#[test]
fn a_build_that_is_killed_while_it_exports_leaves_a_cache_that_works() {
    let site = Site::new();
    let context = site.context("words");
    let session = site.session();
    assert_missed(built(&session.client, &["build", "-t", "app"], &context));
    // Bytes that do not compress, in several layers, so that writing them takes a while.
    let file = std::fs::read_to_string(context.join("Dockerfile")).unwrap();
    let more: String = (0..6).map(|n| format!("COPY large{n} /\n")).collect();
    std::fs::write(context.join("Dockerfile"), file + &more).unwrap();
    // Who is killed leaves a folder there, until the next build.
    let temporary = site.stack.fresh("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let is_caught = || {
        for n in 0..6 {
            let mut large = File::create(context.join(format!("large{n}"))).unwrap();
            let random = File::open("/dev/urandom").unwrap().take(2 << 20);
            std::io::copy(&mut { random }, &mut large).unwrap();
        }
        let known = files(&site.cache.join("blobs")).len();
        let mut command = session.client.command(site.seat.join("docker"));
        command.args(["build", "-t", "app", context.as_str()]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.env("TMPDIR", &temporary);
        let mut child = command.process_group(0).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            if files(&site.cache.join("blobs")).len() > known {
                kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap();
                child.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        site.exports_in_progress() == 1
    };
    let caught = (0..10).any(|_| is_caught());
    assert!(caught, "it was always too late");

    std::fs::write(context.join("words"), "others").unwrap();
    let fresh = site.session();
    let (done, cached, said) = built(&fresh.client, &["build", "-t", "app"], &context);
    assert_eq!((done, cached), (7, 2), "{said}");
    assert_eq!(site.exports_in_progress(), 0, "what was left is swept away");
    let another = site.session();
    let (done, cached, said) = built(&another.client, &["build", "-t", "app"], &context);
    assert_eq!((done, cached), (0, 9), "{said}");
}

#[test]
fn who_only_imports_changes_nothing() {
    let site = Site::new();
    let context = site.context("words");
    let session = site.session();
    let mut reader = session.client.clone();
    let mode = ("CACHECORE_BUILD_CACHE_MODE".to_owned(), "import".to_owned());
    reader.variables.push(mode);
    assert_missed(built(&reader, &["build", "-t", "app"], &context));
    assert_eq!(files(&site.cache), BTreeMap::new());
    assert_hit(built(&session.client, &["build", "-t", "app"], &context));
    let before = files(&site.cache);
    let mut fresh = site.session();
    fresh.client.variables = reader.variables;
    assert_hit(built(&fresh.client, &["build", "-t", "app"], &context));
    std::fs::write(context.join("words"), "others").unwrap();
    built(&fresh.client, &["build", "-t", "app"], &context);
    assert_eq!(files(&site.cache), before);
}

#[test]
fn a_damaged_cache_fails_no_build_and_is_good_again_afterwards() {
    let site = Site::new();
    let context = site.context("words");
    let low = context.join("low");
    let random = File::open("/dev/urandom").unwrap().take(100_000);
    std::io::copy(&mut { random }, &mut File::create(&low).unwrap()).unwrap();
    let first = site.session();
    assert_missed(built(&first.client, &["build", "-t", "app"], &context));
    let blob = site.largest_blob();
    let good = std::fs::read(&blob).unwrap();
    let spoil = |bytes: &[u8]| {
        std::fs::remove_file(&blob).unwrap();
        std::fs::write(&blob, bytes).unwrap();
    };
    // Cut short: nobody is told of it.
    spoil(&good[..good.len() - 1]);
    let second = site.session();
    let (done, _, said) = built(&second.client, &["build", "-t", "app"], &context);
    assert!(done == 3 && said.contains("has another size"), "{said}");
    // Of the right size: what comes on top of it fails, is looked into, and done again.
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    spoil(&flipped);
    std::fs::write(context.join("words"), "others").unwrap();
    let third = site.session();
    let (_, _, said) = built(&third.client, &["build", "-t", "app"], &context);
    assert!(said.contains("is damaged"), "{said}");
    assert_eq!(std::fs::read(&blob).unwrap(), good);
    let fourth = site.session();
    assert_hit(built(&fourth.client, &["build", "-t", "app"], &context));
}
