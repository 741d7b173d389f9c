//! A store in memory with three projects, and the program at work on it.

use std::collections::BTreeSet;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use cachecore::id::{ProjectId, SessionId};
use cachecore::promotion::Volumes;
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{ImportRequest, Silent, Store};
use testbed::dataroot::{DataRoot, Layer};
use testbed::engines::remains;
use testbed::ground::Ground;
use testbed::mounted::Mounted;
use testbed::waiting_request;

use crate::watchdog::{self, BOUND, Killed};
use crate::worker::failing_before;

/// What everybody works on.
pub(crate) const PROJECTS: [&str; 4] = ["api", "ctr", "shop", "web"];
/// The one of them with containerd's image store.
pub(crate) const CONTAINERD: &str = "ctr";
/// What projects are called that come and go.
pub(crate) const BRIEF: &str = "brief-";

/// What stands in the place of dockerd: it ends at once, and the build with it.
const NO_DAEMON: &str = "/bin/false";

/// How many middle layers there are, and top layers on each. All projects draw from the same.
pub(crate) const MIDDLES: usize = 3;
pub(crate) const TOPS: usize = 5;

pub(crate) struct Place {
    ground: Ground,
    _memory: Mounted,
    memory: Utf8PathBuf,
    program: &'static Utf8Path,
    failing: BTreeSet<String>,
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
        let mut place = Self {
            failing: BTreeSet::new(),
            _memory: mounted,
            memory,
            program: testbed::engines::goldenctl_program(),
            ground,
        };
        Store::init(&place.root()).unwrap();
        std::fs::write(place.startup(), "exit 0").unwrap();
        for (nth, project) in PROJECTS.iter().enumerate() {
            let mut root = DataRoot::new()
                .of_daemon(project)
                .image("first", &image(nth % MIDDLES, nth));
            if *project == CONTAINERD {
                root = root.on_containerd();
            }
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
        let doctor = place.run(&["doctor", "--json"]).unwrap();
        place.failing = failing_before(&doctor);
        place
    }

    /// What `doctor` finds to fail on this machine.
    pub(crate) fn failing(&self) -> &BTreeSet<String> {
        &self.failing
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

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(words)
            .env("CACHECORE_ROOT", self.root())
            // Builders have a daemon that never comes up.
            .env("CACHECORE_DOCKERD", NO_DAEMON)
            .env_remove("CACHECORE_LOG")
            .env_remove("CACHECORE_RESERVE");
        command
    }

    /// Runs `goldenctl` to its end.
    ///
    /// # Errors
    /// If it hangs.
    pub(crate) fn run(&self, words: &[&str]) -> Result<Output, String> {
        watchdog::run(&mut self.command(words), Killed::Hanging(BOUND))
    }

    /// Runs `goldenctl` until a moment in which the kernel kills it, unless it has ended before.
    pub(crate) fn run_and_kill(&self, words: &[&str], after: Duration) -> Output {
        watchdog::run(&mut self.command(words), Killed::After(after)).unwrap()
    }

    /// Runs `goldenctl`, which has to succeed.
    #[track_caller]
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let output = self.run(words).unwrap_or_else(|hangs| panic!("{hangs}"));
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

    /// What a golden build runs, where it comes as far.
    pub(crate) fn startup(&self) -> Utf8PathBuf {
        self.ground.path("startup")
    }

    /// The builders that live.
    pub(crate) fn builders(&self) -> Vec<u32> {
        remains::processes_with(&[self.root().as_str(), "builder"])
    }

    /// Waits until no builder lives.
    pub(crate) fn wait_for_builders(&self) {
        let begun = Instant::now();
        while !self.builders().is_empty() {
            assert!(
                begun.elapsed() < BOUND,
                "builders {:?} hang",
                self.builders()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
