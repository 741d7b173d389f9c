mod class;
mod help;

use std::io;
use std::path::{Path, PathBuf};

use cachecore::collection::KeptBecause;
use cachecore::id::{Generation, IdError, LayerName, ProjectId, SessionId};
use cachecore::promotion::Refusal;
use cachecore::record::RecordError;
use cachecore::size;
use cachecore::space::Shortage;
use cachecore::strategy::Unsuitable;

pub use class::ErrorClass;

/// What went wrong with the store. Every variant carries what it happened to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Only root can read data roots and keep their owners.
    #[error("the golden store needs root, and this is user {uid}")]
    NotRoot {
        /// The effective user id.
        uid: u32,
    },
    /// There is no store at this root.
    #[error("there is no golden store at {root}")]
    NoStore {
        /// Where one was looked for.
        root: PathBuf,
    },
    /// The store lies in an image that is not mounted.
    #[error("the golden store {root} lies in {image}, which is not mounted")]
    NotMounted {
        /// The store's root.
        root: PathBuf,
        /// The image.
        image: PathBuf,
    },
    /// A program that is needed is not there.
    #[error("{program} is needed, and it is not there")]
    NoProgram {
        /// The program.
        program: String,
        /// The package that has it, on Debian.
        package: &'static str,
    },
    /// A program failed.
    #[error("{program} failed ({status}): {said}")]
    Program {
        /// The program.
        program: String,
        /// How it ended.
        status: String,
        /// What it said.
        said: String,
    },
    /// The root cannot hold a store.
    #[error("{root} cannot hold a golden store: {because}")]
    UnsuitableRoot {
        /// The root.
        root: PathBuf,
        /// Why not.
        because: String,
    },
    /// The data root to import and the store share folders.
    #[error("{data_root} is part of the store at {store}, or the store is part of it")]
    PartOfTheStore {
        /// The data root.
        data_root: PathBuf,
        /// The store's root.
        store: PathBuf,
    },
    /// The store was moved; the links of its sessions point to where it was.
    #[error("the golden store at {found} was made at {made}, and its links still point there")]
    Moved {
        /// Where it lies now.
        found: PathBuf,
        /// Where it was made.
        made: PathBuf,
    },
    /// A record of the store cannot be used.
    #[error("{path} cannot be used: {source}")]
    Record {
        /// The record's file.
        path: PathBuf,
        /// What is wrong with it.
        source: RecordError,
    },
    /// A name that was handed in is not allowed.
    #[error(transparent)]
    Id(#[from] IdError),
    /// No such project.
    #[error("project {project} is not known")]
    UnknownProject {
        /// The project.
        project: ProjectId,
    },
    /// The project has no golden yet.
    #[error("project {project} has no golden yet")]
    NoGolden {
        /// The project.
        project: ProjectId,
    },
    /// No such session.
    #[error("session {session} is not known")]
    UnknownSession {
        /// The session.
        session: SessionId,
    },
    /// The session's id is taken.
    #[error("session {session} exists already")]
    SessionExists {
        /// The session.
        session: SessionId,
    },
    /// Somebody else holds what is needed.
    #[error("{what} is busy: {holder}")]
    Busy {
        /// What is needed.
        what: String,
        /// Who holds it, as far as it is known.
        holder: String,
    },
    /// A daemon still runs on the data root.
    #[error("a daemon still runs on {data_root}: {holder} holds {file}")]
    DaemonAlive {
        /// The data root.
        data_root: PathBuf,
        /// The process, or what else is in the way.
        holder: String,
        /// The file that it holds.
        file: PathBuf,
    },
    /// Something is mounted inside the data root.
    #[error("{mount} is mounted inside the data root {data_root}")]
    Mounted {
        /// The data root.
        data_root: PathBuf,
        /// The mount point.
        mount: PathBuf,
    },
    /// The data root is mounted somewhere: whoever has it could go on writing to it.
    #[error("{data_root} is still mounted by {holder}")]
    InUse {
        /// The data root.
        data_root: PathBuf,
        /// A process that has it mounted.
        holder: String,
    },
    /// The project has another golden than the session was cloned from.
    #[error(
        "session {session} stands on {}, and project {project} has moved on to {}",
        generation(.base), generation(.current)
    )]
    MovedOn {
        /// The session.
        session: SessionId,
        /// The project.
        project: ProjectId,
        /// What the session was cloned from.
        base: Option<Generation>,
        /// What serves now.
        current: Option<Generation>,
    },
    /// The session cannot be used like that in its stage.
    #[error("session {session} cannot be promoted: {because}")]
    NotPromotable {
        /// The session.
        session: SessionId,
        /// Why.
        because: String,
    },
    /// The data root cannot become a generation.
    #[error("{data_root}: {refusal}")]
    Refused {
        /// The data root.
        data_root: PathBuf,
        /// Why.
        refusal: Refusal,
    },
    /// The data root holds more than the reader takes.
    #[error("{path} is beyond what a data root may hold: {limit}")]
    TooLarge {
        /// The file or folder.
        path: PathBuf,
        /// The limit.
        limit: String,
    },
    /// A file or folder is not of the kind that belongs there.
    #[error("{path} is not {expected}")]
    Unexpected {
        /// The path.
        path: PathBuf,
        /// What belongs there.
        expected: &'static str,
    },
    /// Two folders under one layer name differ.
    #[error("layer {layer} differs from what the store holds under this name: {difference}")]
    LayerDiffers {
        /// The layer.
        layer: LayerName,
        /// The first difference.
        difference: String,
    },
    /// A new layer is not what its chain id stands for.
    #[error("layer {layer} is not what its image says: {difference}")]
    LayerUnsound {
        /// The layer.
        layer: LayerName,
        /// The first difference.
        difference: String,
    },
    /// The data root stands on a layer that a verification has found damaged.
    #[error("layer {layer} is quarantined: {finding}")]
    LayerQuarantined {
        /// The layer.
        layer: LayerName,
        /// What was found.
        finding: String,
    },
    /// A verification has found the generation, or a layer that it needs, damaged.
    #[error("generation {generation} of project {project} is quarantined: {reason}")]
    Quarantined {
        /// The project.
        project: ProjectId,
        /// The generation.
        generation: Generation,
        /// What was found.
        reason: String,
        /// The newest generation before it that is not.
        older: Option<Generation>,
    },
    /// The project has no such generation.
    #[error("project {project} has no generation {generation}")]
    UnknownGeneration {
        /// The project.
        project: ProjectId,
        /// The generation.
        generation: Generation,
    },
    /// Another subvolume lies in the data root, which a snapshot would not have.
    #[error("{subvolume} in the data root {data_root} is a btrfs subvolume of its own")]
    NestedSubvolume {
        /// The data root.
        data_root: PathBuf,
        /// The subvolume.
        subvolume: PathBuf,
    },
    /// A volume that was asked for is not there.
    #[error("the data root has no volume {volume}")]
    UnknownVolume {
        /// The volume.
        volume: String,
    },
    /// The strategy that was asked for cannot serve.
    #[error(transparent)]
    Strategy(#[from] Unsuitable),
    /// A folder for containerd was asked for beside a golden whose images lie in its data root.
    #[error(
        "the golden of project {project} has its images in docker/containerd, not in a folder of containerd's own"
    )]
    ImagesInside {
        /// The project.
        project: ProjectId,
    },
    /// What was named as containerd's root and the data root share folders.
    #[error("{containerd} is part of the data root {data_root}, or the data root is part of it")]
    NotBeside {
        /// The folder that was named.
        containerd: PathBuf,
        /// The data root.
        data_root: PathBuf,
    },
    /// The data root to import cannot be moved as it is.
    #[error("{path} cannot be moved into the store: {because}")]
    CannotMove {
        /// The data root.
        path: PathBuf,
        /// Why.
        because: &'static str,
    },
    /// It would not fit on the store's filesystem. Nothing was written.
    #[error("{}", no_space(.shortage))]
    NoSpace {
        /// What is needed, and what is there.
        shortage: Shortage,
        /// Bytes that a collection would return; `None` if nobody could find out.
        collectable: Option<u64>,
        /// Bytes that one would return that gives up all goldens that no session leases.
        evictable: Option<u64>,
    },
    /// Sessions were cloned from what is to be removed.
    #[error("the golden of project {project} is in use: {because}")]
    GoldenInUse {
        /// The project.
        project: ProjectId,
        /// What keeps it.
        because: KeptBecause,
    },
    /// No such generation, or it serves.
    #[error("generation {generation} of project {project} {because}")]
    NotSuperseded {
        /// The project.
        project: ProjectId,
        /// The generation.
        generation: Generation,
        /// Why it cannot be removed alone.
        because: &'static str,
    },
    /// The work was interrupted.
    #[error("interrupted")]
    Interrupted,
    /// A collection was interrupted. What it had not come to goes with the next.
    #[error("interrupted when {removed} of {planned} were removed")]
    CollectionInterrupted {
        /// How many things are out of the store; files of theirs may be left in the trash.
        removed: usize,
        /// How many were to be removed.
        planned: usize,
    },
    /// Copying, comparing or removing a tree failed.
    #[error("{path}: {source}")]
    Tree {
        /// The tree's root.
        path: PathBuf,
        /// What happened in it.
        source: treeclone::Error,
    },
    /// The operating system refused something.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

fn no_space(shortage: &Shortage) -> String {
    let Shortage {
        needed,
        free,
        reserve,
        of_inodes,
    } = shortage;
    if *of_inodes {
        return format!(
            "it needs {} inodes, and the store's filesystem has {} free",
            needed.inodes, free.inodes
        );
    }
    format!(
        "it needs {}, and the store's filesystem has {} free, of which {} stay free",
        size::show(needed.bytes),
        size::show(free.bytes),
        size::show(*reserve)
    )
}

fn generation(generation: &Option<Generation>) -> String {
    generation.map_or_else(|| "no golden".to_owned(), |g| format!("generation {g}"))
}

impl StoreError {
    pub(crate) fn io(
        action: &'static str,
        path: impl AsRef<Path>,
        source: impl Into<io::Error>,
    ) -> Self {
        Self::Io {
            action,
            path: path.as_ref().to_owned(),
            source: source.into(),
        }
    }

    pub(crate) fn tree(path: impl AsRef<Path>, source: treeclone::Error) -> Self {
        if matches!(source, treeclone::Error::Interrupted) {
            return Self::Interrupted;
        }
        Self::Tree {
            path: path.as_ref().to_owned(),
            source,
        }
    }
}
