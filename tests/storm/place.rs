//! A store in memory with three projects, and the program at work on it.

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use cachecore::id::{ProjectId, SessionId};
use cachecore::promotion::Volumes;
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{ImportRequest, Silent, Store};
use testbed::dataroot::{DataRoot, Layer};
use testbed::ground::Ground;
use testbed::mounted::Mounted;
use testbed::waiting_request;

pub(crate) const PROJECTS: [&str; 3] = ["api", "shop", "web"];

/// How many middle layers there are, and top layers on each. All projects draw from the same.
pub(crate) const MIDDLES: usize = 3;
pub(crate) const TOPS: usize = 5;

pub(crate) struct Place {
    ground: Ground,
    _memory: Mounted,
    memory: Utf8PathBuf,
    program: &'static Utf8Path,
}

fn layer(name: &str) -> Layer {
    Layer::new(name).files(3, 60)
}

/// An image of three layers, of which the lower two have been in other images too.
pub(crate) fn image(middle: usize, top: usize) -> [Layer; 3] {
    [
        layer("base"),
        layer(&format!("middle-{middle}")),
        layer(&format!("top-{top}")),
    ]
}

impl Place {
    pub(crate) fn new() -> Self {
        let ground = Ground::new();
        let memory = ground.path("memory");
        std::fs::create_dir(&memory).unwrap();
        let mounted = Mounted::tmpfs_of(&memory, "1g");
        let place = Self {
            _memory: mounted,
            memory,
            program: testbed::engines::goldenctl_program(),
            ground,
        };
        Store::init(&place.root()).unwrap();
        for (nth, project) in PROJECTS.iter().enumerate() {
            let root = DataRoot::new()
                .of_daemon(project)
                .image("first", &image(nth, nth));
            root.write(place.incoming(project));
            let request = ImportRequest {
                project: ProjectId::new(project).unwrap(),
                from: place.incoming(project),
                copy: true,
                volumes: Volumes::Keep,
                revision: None,
            };
            place.store().import(&request, &Silent).unwrap();
        }
        place
    }

    pub(crate) fn root(&self) -> Utf8PathBuf {
        self.memory.join("store")
    }

    /// The filesystem that has nothing but the store.
    pub(crate) fn memory(&self) -> &Utf8Path {
        &self.memory
    }

    /// A data root that can be imported again and again.
    pub(crate) fn incoming(&self, project: &str) -> Utf8PathBuf {
        self.ground.path(&format!("incoming-{project}"))
    }

    /// As another process would have it: with a handle of its own.
    pub(crate) fn store(&self) -> Store {
        Store::open(&self.root()).unwrap()
    }

    pub(crate) fn data_root(&self, session: &str) -> Utf8PathBuf {
        self.store()
            .layout()
            .session_data_root(&SessionId::new(session).unwrap())
    }

    /// Starts `goldenctl`.
    pub(crate) fn spawn(&self, words: &[&str]) -> Child {
        Command::new(self.program)
            .args(words)
            .env("CACHECORE_ROOT", self.root())
            .env_remove("CACHECORE_LOG")
            .env_remove("CACHECORE_RESERVE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs `goldenctl` to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.spawn(words).wait_with_output().unwrap()
    }

    /// Runs `goldenctl` until a moment in which the kernel kills it, unless it has ended before.
    pub(crate) fn run_and_kill(&self, words: &[&str], after: Duration) -> Output {
        let mut child = self.spawn(words);
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait_with_output().unwrap()
    }

    /// Runs `goldenctl`, which has to succeed.
    #[track_caller]
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let told = String::from_utf8_lossy(&output.stderr);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{words:?} ended with {}\n{said}\n{told}",
            output.status
        );
        said
    }

    /// Has a request wait, as after a builder was killed: `disable` and `cancel` find something to do.
    pub(crate) fn ask(&self, project: &str) {
        waiting_request::leave(&self.store(), &ProjectId::new(project).unwrap());
    }
}
