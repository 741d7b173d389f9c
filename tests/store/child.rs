//! One store operation in a process of its own: this test binary, run again.
//!
//! The parent writes the task into the environment; the child says that it begins, does it, and
//! says how it ended. So it can be killed at any moment, or be somebody else than root.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use cachecore::collection::Policy;
use cachecore::strategy::{Requested, Strategy};
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::{ImportRequest, PromoteOptions, Silent, StartRequest, Store, StoreError};

use crate::keeper::{import_of, project, session};

const TASK: &str = "CACHECORE_TEST_TASK";
const ROOT: &str = "CACHECORE_TEST_STORE";
const BEGINS: &str = "the operation begins";
const ENDED: &str = "the operation ended: ";

/// What a child does.
#[derive(Debug, Clone)]
pub(crate) enum Task {
    Init,
    InitOnImage {
        size: u64,
    },
    Open,
    Start {
        project: String,
        session: String,
        strategy: Strategy,
    },
    Promote {
        session: String,
    },
    Remove {
        session: String,
    },
    Import {
        project: String,
        from: Utf8PathBuf,
        copy: bool,
    },
    Collect,
    RemoveGolden {
        project: String,
    },
}

impl Task {
    /// Does it in this process.
    pub(crate) fn perform(&self, root: &Utf8Path) -> Result<(), StoreError> {
        if let Self::Init = self {
            return Store::init(root).map(drop);
        }
        if let Self::InitOnImage { size } = self {
            return Store::init_on_image(root, Some(*size), None).map(drop);
        }
        let store = Store::open(root)?;
        match self {
            Self::Init | Self::InitOnImage { .. } | Self::Open => Ok(()),
            Self::Start {
                project: of,
                session: id,
                strategy,
            } => {
                let request = StartRequest {
                    strategy: Requested::Exactly(*strategy),
                    ..StartRequest::new(project(of), session(id))
                };
                store.start_session(&request, &Silent).map(drop)
            }
            Self::Promote { session: id } => store
                .promote_session(&session(id), &PromoteOptions::default(), &Silent)
                .map(drop),
            Self::Remove { session: id } => store.remove_session(&session(id), &Silent).map(drop),
            Self::Collect => store.collect(&Policy::default(), &Silent).map(drop),
            Self::RemoveGolden { project: of } => {
                store.remove_golden(&project(of), &Silent).map(drop)
            }
            Self::Import {
                project: of,
                from,
                copy,
            } => {
                let request = ImportRequest {
                    copy: *copy,
                    ..import_of(of, from)
                };
                store.import(&request, &Silent).map(drop)
            }
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Init => "init".to_owned(),
            Self::InitOnImage { size } => format!("init-on-image {size}"),
            Self::Open => "open".to_owned(),
            Self::Start {
                project,
                session,
                strategy,
            } => format!("start {project} {session} {strategy}"),
            Self::Promote { session } => format!("promote {session}"),
            Self::Remove { session } => format!("remove {session}"),
            Self::Collect => "collect".to_owned(),
            Self::RemoveGolden { project } => format!("remove-golden {project}"),
            Self::Import {
                project,
                from,
                copy,
            } => format!("import {project} {from} {copy}"),
        }
    }

    fn from_words(words: &str) -> Self {
        let words: Vec<&str> = words.split(' ').collect();
        match words.as_slice() {
            ["init"] => Self::Init,
            ["init-on-image", size] => Self::InitOnImage {
                size: size.parse().unwrap(),
            },
            ["open"] => Self::Open,
            ["start", project, session, strategy] => Self::Start {
                project: (*project).to_owned(),
                session: (*session).to_owned(),
                strategy: match strategy.parse() {
                    Ok(Requested::Exactly(strategy)) => strategy,
                    other => panic!("{other:?} is no strategy"),
                },
            },
            ["promote", session] => Self::Promote {
                session: (*session).to_owned(),
            },
            ["remove", session] => Self::Remove {
                session: (*session).to_owned(),
            },
            ["collect"] => Self::Collect,
            ["remove-golden", project] => Self::RemoveGolden {
                project: (*project).to_owned(),
            },
            ["import", project, from, copy] => Self::Import {
                project: (*project).to_owned(),
                from: (*from).into(),
                copy: *copy == "true",
            },
            other => panic!("{other:?} is no task"),
        }
    }
}

/// The child's side. Not a test: without a task there is nothing to do.
#[test]
#[ignore = "the other tests run this in processes of their own"]
fn performs_the_task_of_its_parent() {
    let task = Task::from_words(&std::env::var(TASK).unwrap());
    let root = Utf8PathBuf::from(std::env::var(ROOT).unwrap());
    say(BEGINS);
    let outcome = match task.perform(&root) {
        Ok(()) => "well".to_owned(),
        Err(error) => error.to_string(),
    };
    say(&format!("{ENDED}{outcome}"));
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}").unwrap();
    out.flush().unwrap();
}

/// A child at work.
pub(crate) struct Worker {
    child: Child,
    out: BufReader<ChildStdout>,
    begun: Instant,
}

/// How a child ended.
pub(crate) enum End {
    /// It was killed before it could say how it ended.
    Killed,
    /// It came to an end by itself, after so long.
    Done(Duration),
}

impl Worker {
    /// Starts a child, and comes back when it begins with its task.
    pub(crate) fn begin(task: &Task, root: &Utf8Path) -> Self {
        Self::of(command(task, root))
    }

    /// Starts a child that finds programs in one folder only.
    pub(crate) fn begin_with_path(task: &Task, root: &Utf8Path, programs: &Utf8Path) -> Self {
        let mut command = command(task, root);
        command.env("PATH", programs);
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line.trim() != BEGINS {
            line.clear();
            assert_ne!(
                out.read_line(&mut line).unwrap(),
                0,
                "the child never began"
            );
        }
        Self {
            child,
            out,
            begun: Instant::now(),
        }
    }

    /// Lets it work for so long, then kills it.
    pub(crate) fn kill_after(mut self, time: Duration) -> End {
        std::thread::sleep(time.saturating_sub(self.begun.elapsed()));
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        if self.said().is_some() {
            return End::Done(time);
        }
        assert_eq!(
            status.signal(),
            Some(9),
            "the child ended by itself: {status}"
        );
        End::Killed
    }

    /// Lets it finish, and gives how long it took and what it said.
    pub(crate) fn finish(mut self) -> (Duration, String) {
        let said = self.said().unwrap();
        let time = self.begun.elapsed();
        assert!(self.child.wait().unwrap().success());
        (time, said)
    }

    fn said(&mut self) -> Option<String> {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        rest.lines()
            .find_map(|line| Some(line.strip_prefix(ENDED)?.to_owned()))
    }
}

/// What a child says that is not root.
pub(crate) fn as_nobody(task: &Task, root: &Utf8Path) -> String {
    let mut command = command(task, root);
    command.uid(65_534).gid(65_534);
    Worker::of(command).finish().1
}

/// What a child says that finds programs in one folder only.
pub(crate) fn with_path(task: &Task, root: &Utf8Path, programs: &Utf8Path) -> String {
    Worker::begin_with_path(task, root, programs).finish().1
}

fn command(task: &Task, root: &Utf8Path) -> Command {
    // By this name the program is found whoever may pass through the folders that it lies in.
    let mut command = Command::new("/proc/self/exe");
    command
        .args(["--exact", "child::performs_the_task_of_its_parent"])
        .args(["--ignored", "--nocapture", "--test-threads=1"])
        .env(TASK, task.words())
        .env(ROOT, root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}
