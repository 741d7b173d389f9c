//! An enclosure: namespaces that one thread of ours holds, and the processes spawned from there.
//!
//! The thread never ends before the enclosure does. That is what ties lifetimes together: the
//! kernel kills pid 1 when its parent *thread* ends, and everything else when pid 1 ends.

pub(crate) mod mountinfo;
mod mounts;
mod namespaces;
pub(crate) mod process;

use std::io;
use std::os::fd::AsFd;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::JoinHandle;

use camino::Utf8PathBuf;
use rustix::thread::{LinkNameSpaceType, Pid, gettid, move_into_link_name_space};

pub use mounts::MountError;

/// How to furnish an enclosure.
#[derive(Debug)]
pub(crate) struct Furnishing {
    /// Folders that nothing inside can write to.
    pub(crate) read_only: Vec<Utf8PathBuf>,
    /// Folders that become mounts of their own before anything is put over what is in them.
    pub(crate) shared: Vec<Utf8PathBuf>,
    /// Files and folders to put over others: (what is covered, what covers it).
    pub(crate) cover: Vec<(Utf8PathBuf, Utf8PathBuf)>,
}

/// Why there is no enclosure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnclosureError {
    /// There is no thread to hold it.
    #[error("cannot start the enclosure's thread")]
    Thread(#[source] io::Error),
    /// The kernel gave no namespaces.
    #[error("cannot enter new namespaces")]
    Namespaces(#[source] io::Error),
    /// Its loopback interface stayed down.
    #[error("cannot bring up the loopback interface of the enclosure")]
    Loopback(#[source] io::Error),
    /// A mount in it failed.
    #[error(transparent)]
    Mount(#[from] MountError),
}

impl EnclosureError {
    /// The next thing to do about it.
    pub fn help(&self) -> Option<String> {
        let denied = match self {
            Self::Namespaces(source) => source.kind() == io::ErrorKind::PermissionDenied,
            _ => false,
        };
        denied.then(|| "run as root, or in a container with --privileged".to_owned())
    }
}

enum Job {
    Spawn(Command, SyncSender<io::Result<Child>>),
    SpawnInit(Command, SyncSender<io::Result<Child>>),
    Cover(Utf8PathBuf, Utf8PathBuf, SyncSender<Result<(), MountError>>),
}

/// A handle on the thread that lives in the namespaces. Dropping it ends the thread; processes
/// inside have to be reaped before, see [`crate::PrivateDaemon`].
#[derive(Debug)]
pub(crate) struct Enclosure {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    thread_id: Pid,
}

impl Enclosure {
    /// Creates the namespaces. No pid namespace yet: that begins with [`Self::spawn_init`].
    pub(crate) fn enter(furnishing: Furnishing) -> Result<Self, EnclosureError> {
        let (ready, settled) = mpsc::sync_channel(1);
        let (jobs, inbox) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("enclosure".to_owned())
            .spawn(move || inhabit(&furnishing, &ready, &inbox))
            .map_err(EnclosureError::Thread)?;
        let thread_id = settled
            .recv()
            .unwrap_or_else(|_| Err(EnclosureError::Thread(io::ErrorKind::BrokenPipe.into())))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            thread_id,
        })
    }

    /// The thread inside, by which `ip` can name its network namespace.
    pub(crate) fn thread_id(&self) -> Pid {
        self.thread_id
    }

    /// Spawns a process inside.
    pub(crate) fn spawn(&self, command: Command) -> io::Result<Child> {
        self.ask(|reply| Job::Spawn(command, reply))
            .and_then(|child| child)
    }

    /// Spawns pid 1 of the enclosure's pid namespace; what is spawned later lives beside it.
    pub(crate) fn spawn_init(&self, command: Command) -> io::Result<Child> {
        self.ask(|reply| Job::SpawnInit(command, reply))
            .and_then(|child| child)
    }

    /// Puts one file over another, seen inside only.
    pub(crate) fn cover(&self, file: Utf8PathBuf, with: Utf8PathBuf) -> io::Result<()> {
        self.ask(|reply| Job::Cover(file, with, reply))?
            .map_err(io::Error::other)
    }

    fn ask<T>(&self, job: impl FnOnce(SyncSender<T>) -> Job) -> io::Result<T> {
        let gone = || io::Error::other("the enclosure's thread is gone");
        let (reply, answer) = mpsc::sync_channel(1);
        self.jobs
            .as_ref()
            .ok_or_else(gone)?
            .send(job(reply))
            .map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())
    }
}

impl Drop for Enclosure {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It can only fail if the thread panicked, and then its namespaces are gone as well.
            let _ = thread.join();
        }
    }
}

/// The life of the enclosure's thread.
fn inhabit(
    furnishing: &Furnishing,
    ready: &SyncSender<Result<Pid, EnclosureError>>,
    inbox: &Receiver<Job>,
) {
    let home = std::fs::File::open("/proc/thread-self/ns/mnt");
    let settled = settle(furnishing);
    let usable = settled.is_ok();
    // Nobody reads this answer or the ones below only if the owner of the handle is gone.
    let _ = ready.send(settled.map(|()| gettid()));
    if usable {
        work(inbox);
    }
    // `join` returns before the kernel has taken the namespaces of a thread away. Going home first
    // makes sure that no mount of the enclosure is left when its handle has been dropped.
    if let Ok(home) = home
        && let Err(error) = move_into_link_name_space(home.as_fd(), Some(LinkNameSpaceType::Mount))
    {
        tracing::debug!(%error, "the enclosure's thread cannot return to the host's mounts");
    }
}

fn settle(furnishing: &Furnishing) -> Result<(), EnclosureError> {
    namespaces::leave_the_host().map_err(EnclosureError::Namespaces)?;
    mounts::detach_from_host()?;
    mounts::hide_host_containerd()?;
    for folder in &furnishing.read_only {
        mounts::make_read_only(folder)?;
    }
    for folder in &furnishing.shared {
        mounts::make_shared(folder)?;
    }
    for (file, with) in &furnishing.cover {
        mounts::cover(file, with)?;
    }
    // The inherited current directory lies below the new mounts, and would lead around them.
    rustix::process::chdir("/").map_err(|errno| EnclosureError::Namespaces(errno.into()))?;
    crate::network::raise_loopback().map_err(EnclosureError::Loopback)
}

fn work(inbox: &Receiver<Job>) {
    while let Ok(job) = inbox.recv() {
        match job {
            Job::Spawn(mut command, reply) => {
                let _ = reply.send(command.spawn());
            }
            Job::SpawnInit(command, reply) => {
                let _ = reply.send(spawn_init(command));
            }
            Job::Cover(file, with, reply) => {
                let _ = reply.send(mounts::cover(&file, &with));
            }
        }
    }
}

fn spawn_init(mut command: Command) -> io::Result<Child> {
    let parent = namespaces::own_pid_in_proc()?;
    namespaces::begin_pid_namespace()?;
    namespaces::make_init(&mut command, parent);
    command.spawn()
}
