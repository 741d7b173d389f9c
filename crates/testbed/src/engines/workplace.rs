use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use camino::Utf8PathBuf;

use super::goldenctl::{self, Done, Running};
use super::project::Project;
use super::release::Release;
use super::remains;
use crate::disk::Disk;
use crate::ground::Ground;

/// A folder with a golden store, and a project to build goldens of.
///
/// Its path stands in the command line or in the environment of every process that works for it,
/// which is how [`Workplace::assert_nothing_is_left`] finds them.
#[derive(Debug)]
pub struct Workplace {
    /// The engine that is used here.
    pub release: Release,
    /// What goldens are built of.
    pub project: Project,
    started: Mutex<Vec<u32>>,
    count: AtomicU32,
    /// What the store lies on, if not beside everything else.
    disk: Option<Disk>,
    ground: Ground,
}

impl Workplace {
    /// A new folder with an empty store.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn new(release: Release) -> Self {
        Self::with_store_on(release, None)
    }

    /// The same with the store on a filesystem of its own.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn with_store_on(release: Release, disk: Option<Disk>) -> Self {
        let ground = Ground::new();
        let project = Project::create(&ground.path("project"));
        let this = Self {
            release,
            project,
            started: Mutex::default(),
            count: AtomicU32::new(0),
            disk,
            ground,
        };
        std::fs::create_dir(this.client_config()).unwrap();
        let config = this.client_config().join("config.json");
        std::fs::write(config, release.client_config().to_string()).unwrap();
        this.goldenctl(["init"]).ok();
        this
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> Utf8PathBuf {
        self.ground.path(name)
    }

    /// A path in the folder that was not given out before.
    pub(super) fn fresh_path(&self, name: &str) -> Utf8PathBuf {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        self.path(&format!("{name}-{count}"))
    }

    /// The root of the store.
    pub fn root(&self) -> Utf8PathBuf {
        match &self.disk {
            Some(disk) => disk.root().join("store"),
            None => self.path("store"),
        }
    }

    /// The store, for the library.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub fn store(&self) -> goldenstore::Store {
        goldenstore::Store::open(&self.root()).unwrap()
    }

    /// The docker CLI's folder: where its plugins are, and nothing of the user who runs the tests.
    pub(super) fn client_config(&self) -> Utf8PathBuf {
        self.path("client")
    }

    /// Variables for whatever runs a docker CLI.
    pub(super) fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("DOCKER_CONFIG", self.client_config().into_string()),
            ("DOCKER_BUILDKIT", "1".to_owned()),
            // Plain also where stderr is a terminal.
            ("BUILDKIT_PROGRESS", "plain".to_owned()),
            // What is built again has the same id then, in containerd's store too.
            ("BUILDX_NO_DEFAULT_ATTESTATIONS", "1".to_owned()),
        ]
    }

    /// A `goldenctl` with these arguments, to be changed and then [`Self::spawn`]ed.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(goldenctl::program());
        command
            .args(arguments)
            .envs(self.variables())
            .env("CACHECORE_ROOT", self.root())
            .env("CACHECORE_DOCKERD", self.release.dockerd())
            .env_remove("DOCKER_HOST")
            .env_remove("CACHECORE_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Starts a command of [`Self::command`]. Everything that it starts is looked for later.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn spawn(&self, command: Command) -> Running {
        let running = Running::spawn(command);
        self.started.lock().unwrap().push(running.pid());
        running
    }

    /// Runs `goldenctl` to its end.
    pub fn goldenctl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Done {
        self.spawn(self.command(arguments)).wait()
    }

    /// A golden build with a shell script as its startup command. The options stand before `--`.
    pub fn build_command(&self, project: &str, options: &[&str], startup: &str) -> Command {
        let mut words = vec!["--json", "build", project, "--network=isolated"];
        words.extend(options);
        words.extend(["--", "sh", "-ec", startup]);
        self.command(words)
    }

    /// Runs a golden build to its end.
    pub fn build(&self, project: &str, options: &[&str], startup: &str) -> Done {
        self.spawn(self.build_command(project, options, startup))
            .wait()
    }

    /// Runs a command in a session of its own, to its end.
    pub fn run(&self, project: &str, words: &[&str]) -> Done {
        let mut all = vec!["run", project, "--network=isolated", "--"];
        all.extend(words);
        self.goldenctl(all)
    }

    /// What `status --json` says of a project.
    pub fn status(&self, project: &str) -> serde_json::Value {
        self.goldenctl(["status", "--json", project]).ok().json()
    }

    /// The folder of a project's generation.
    pub fn generation(&self, project: &str, number: u64) -> Utf8PathBuf {
        self.root()
            .join("golden")
            .join(project)
            .join(format!("gen-{number:06}"))
    }

    /// Names in one of the store's folders, in order.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.root().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Makes sure that nothing is left of the commands that ran here: no process, mount, network
    /// interface, control group or runtime folder, and in the store no session and no trash. (And
    /// so no network namespace either: one without processes is there only while it is mounted.)
    ///
    /// # Panics
    /// With a list of what is left.
    #[track_caller]
    pub fn assert_nothing_is_left(&self) {
        let left = self.left();
        assert!(left.is_empty(), "left behind: {left:#?}");
        // Their numbers are others' some day, and the next look is not at what those have.
        self.started.lock().unwrap().clear();
    }

    /// What [`Self::assert_nothing_is_left`] looks for.
    pub fn left(&self) -> Vec<String> {
        let mut left = self.left_on_the_machine();
        for folder in ["sessions", "trash"] {
            left.extend(
                self.names(folder)
                    .iter()
                    .map(|name| format!("{folder}/{name}")),
            );
        }
        left
    }

    /// The same without the store.
    pub fn left_on_the_machine(&self) -> Vec<String> {
        let started = self.started.lock().unwrap();
        let mut left = remains::processes_of(self.ground.root().as_str());
        left.extend(remains::mounts_of(self.ground.root().as_str()));
        for pid in started.iter() {
            left.extend(remains::runtime_folders_of(*pid));
            left.extend(remains::mounts_of(&format!("/run/cachecore/{pid}-")));
            left.extend(remains::control_groups_of(*pid));
            left.extend(remains::interfaces_of(*pid));
        }
        left
    }
}
