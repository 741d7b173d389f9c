//! The commands that are run on disks that are not well.

use camino::{Utf8Path, Utf8PathBuf};

/// How the repetition of a command may end, beside well: what it was to make is there, or what it was
/// to take away is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Works,
    IsTaken,
    IsGone,
    /// A copy that came in unnoticed is followed by another: who asks twice gets two.
    MakesAnother,
}

impl Again {
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Works | Self::MakesAnother => 0,
            Self::IsTaken => 4,
            Self::IsGone => 3,
        }
    }

    /// How often it may have been done when it was asked for twice.
    pub(crate) fn times(self) -> usize {
        1 + usize::from(self == Self::MakesAnother)
    }
}

/// What a command needs of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Blocks that are free.
    Room,
    /// To write, but no more than is there.
    Writing,
    /// To read.
    Reading,
}

/// A command of `goldenctl`.
#[derive(Debug)]
pub(crate) struct Command {
    words: &'static str,
    pub(crate) again: Again,
    pub(crate) needs: Needs,
}

const fn command(words: &'static str, again: Again, needs: Needs) -> Command {
    Command {
        words,
        again,
        needs,
    }
}

/// What `session start` and `import --copy` ask the guard for first.
pub(crate) const GUARDED: [Command; 2] = [
    command(
        "session start api new --strategy copy",
        Again::IsTaken,
        Needs::Room,
    ),
    command(
        "import api --copy --from STAGE/incoming",
        Again::MakesAnother,
        Needs::Room,
    ),
];

/// All of them; the store keeps nothing back, so that it is the disk that says no.
pub(crate) const ALL: [Command; 12] = [
    command(
        "session start api new --strategy copy --reserve 0",
        Again::IsTaken,
        Needs::Room,
    ),
    command(
        "session start api new --strategy link --reserve 0",
        Again::IsTaken,
        Needs::Room,
    ),
    command(
        "session promote work --reserve 0",
        Again::Works,
        Needs::Room,
    ),
    command(
        "import api --copy --from STAGE/incoming --reserve 0",
        Again::MakesAnother,
        Needs::Room,
    ),
    command(
        "import api --from STAGE/incoming --reserve 0",
        Again::Works,
        Needs::Room,
    ),
    command("init", Again::Works, Needs::Room),
    command("disable api", Again::Works, Needs::Room),
    command("cancel api", Again::Works, Needs::Room),
    command("session rm work", Again::IsGone, Needs::Writing),
    command("gc --keep 1 --max-size 0", Again::Works, Needs::Writing),
    command("verify", Again::Works, Needs::Reading),
    command("verify --full", Again::Works, Needs::Reading),
];

/// Those that only look.
pub(crate) const LOOKS: [&str; 6] = [
    "status",
    "status api",
    "ls",
    "session ls",
    "explain api",
    "gc --dry-run",
];

impl Command {
    /// The words, with `STAGE` filled in.
    pub(crate) fn words_in(&self, stage: &Utf8Path) -> Vec<String> {
        let words = self.words.split(' ');
        words
            .map(|word| word.replace("STAGE", stage.as_str()))
            .collect()
    }

    /// Whether what it has done is on the disk when it says so. Sessions do not outlive the machine.
    pub(crate) fn outlives_a_power_cut(&self) -> bool {
        !self.words.starts_with("session start") && !self.words.starts_with("session rm")
    }

    /// What has to be done after a power cut before it is repeated.
    pub(crate) fn undone_first(&self) -> Option<Self> {
        self.words
            .starts_with("session start")
            .then(|| command("session rm new", Again::IsGone, Needs::Writing))
    }

    /// The store it works in: `init` makes another.
    pub(crate) fn root(&self, stage: &Utf8Path) -> Utf8PathBuf {
        stage.join(if self.words == "init" {
            "another"
        } else {
            "store"
        })
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`", self.words)
    }
}
