//! The command line. The words are those of the contract; a change here is a change of contract.

mod builds;
mod care;
mod sessions;

use cachecore::id::{BuildId, ProjectId};
use cachecore::layout;
use cachecore::size;
use cachecore::space::Reserve;
use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand};

pub(crate) use builds::{
    Build, DaemonChoice, Enable, EngineChoice, Patience, Run, Trigger, VolumeChoice,
};
pub(crate) use care::{Bench, Doctor, Gc, Rm, Verify};
pub(crate) use sessions::{Session, SessionPromote, SessionStart};

const FIRST_STEPS: &str = "\
First steps:
  goldenctl init                              # a store
  goldenctl build shop -- ./startup.sh        # a golden: what a session starts with
  goldenctl session start shop session-1      # a session: what to mount in it
  goldenctl doctor                            # what this machine lacks";

/// Warm Docker data roots for isolated sessions.
///
/// Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 busy or taken, 5 integrity. `build` and `run`
/// pass the exit code of their command on as it is.
#[derive(Debug, Parser)]
#[command(name = "goldenctl", version, max_term_width = 80,
          after_help = FIRST_STEPS)]
pub(crate) struct Cli {
    #[command(flatten, next_help_heading = "Everywhere")]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The golden store
    #[arg(long, global = true, value_name = "DIR", env = layout::ROOT_VARIABLE,
          default_value = layout::DEFAULT_ROOT)]
    pub(crate) root: Utf8PathBuf,
    /// Print one JSON document instead of tables
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How much of the store's filesystem stays free: a size, or a share; without it 2%, at most 10GiB
    #[arg(long, global = true, value_name = "SIZE|N%", env = "CACHECORE_RESERVE")]
    pub(crate) reserve: Option<Reserve>,
    /// Say more on stderr; twice for everything
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// How what is said on stderr is written: text, json (one object a line)
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// How traces are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a golden store, or complete one
    Init(Init),
    /// Make a golden of a stopped daemon's data root
    Import(Import),
    /// Build a project's golden: run a command against a private daemon, promote what it leaves
    Build(Build),
    /// Run a command in a session of its own, then clean up
    Run(Run),
    /// Start, promote, remove and list sessions
    #[command(subcommand)]
    Session(Session),
    /// Show where projects stand
    #[command(visible_alias = "ls")]
    Status(Status),
    /// Print the output of a project's last golden build, with the warnings beside it
    Log(Log),
    /// Build a project's golden on triggers, by a startup file; the first build starts at once
    Enable(Enable),
    /// Build nothing on triggers any more; the golden stays, and a running build may end
    Disable {
        /// The project
        project: ProjectId,
    },
    /// Ask for a golden of a revision and return; merge hooks call this. That a project is disabled is
    /// said, and is no failure unless `--wait` waits for a golden
    Trigger(Trigger),
    /// Ask again for the newest build that failed or was cancelled
    Retry {
        /// The project
        project: ProjectId,
        #[command(flatten)]
        patience: Patience,
    },
    /// End a project's build, and drop the request that waits
    Cancel {
        /// The project
        project: ProjectId,
    },
    /// Say why this golden serves, what changed, and what the next trigger would do
    Explain {
        /// The project
        project: ProjectId,
    },
    /// Answer a project's requests until none is left; started by the commands that record them
    #[command(hide = true)]
    Builder {
        /// The project
        project: ProjectId,
    },
    /// Remove a project's golden, or one of its superseded generations
    Rm(Rm),
    /// Remove what nobody needs any more, and more of it to keep within limits
    Gc(Gc),
    /// Verify goldens: whether they are still what they were when they were promoted
    ///
    /// Without --full: the project's records, each generation's data root (its links into the store, its
    /// layer and image database), and that each layer is there with as many names and bytes as when it
    /// was promoted. With --full also each layer's contents, owners, modes and capabilities against the
    /// diff id of its image. Not verified: times, attributes that images do not carry, volumes and the
    /// build cache, the contents of layers that no image describes (steps of builds; they are
    /// counted), and the layers inside goldens that are btrfs snapshots.
    ///
    /// What is damaged is put in quarantine: no session starts from a generation that needs it, until a
    /// build or import brings it again or a verification finds it well. Exit code 5 if anything is found.
    Verify(Verify),
    /// Say what this machine offers, what it lacks, and what to do about it
    Doctor(Doctor),
    /// Measure on this machine what sessions of a golden cost, against `cp -a`
    Bench(Bench),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// The folder; it is made if it is not there
        folder: Utf8PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Make the store on a btrfs of its own, in a sparse file beside the root, or mount the one that
    /// is there; SIZE is what it may grow to, such as 200G
    #[arg(long, value_name = "SIZE", num_args = 0..=1, value_parser = size::parse)]
    pub(crate) btrfs_image: Option<Option<u64>>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The project
    pub(crate) project: ProjectId,
    /// The data root; it is moved into the store
    #[arg(long, value_name = "DATA_ROOT")]
    pub(crate) from: Utf8PathBuf,
    /// The root of a containerd that is a service of its own, such as /var/lib/containerd; it comes in
    /// with the data root
    #[arg(long, value_name = "DIR")]
    pub(crate) containerd: Option<Utf8PathBuf>,
    /// Copy the data root and leave it where it is
    #[arg(long)]
    pub(crate) copy: bool,
    /// The source revision to note
    #[arg(long, value_name = "REV")]
    pub(crate) revision: Option<String>,
    #[command(flatten)]
    pub(crate) volumes: VolumeChoice,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Only this project, with its last builds
    pub(crate) project: Option<ProjectId>,
    /// Write figures for Prometheus into a file instead, which is replaced as a whole; - is stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<Utf8PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// The project
    pub(crate) project: ProjectId,
    /// An earlier build; `status PROJECT` lists them
    #[arg(long, value_name = "ID")]
    pub(crate) build: Option<BuildId>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_may_stand_anywhere() {
        for line in [
            "goldenctl --json --root /s session ls",
            "goldenctl session --json ls --root /s",
            "goldenctl session ls --root=/s --json",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert!(cli.global.json && cli.global.root == "/s", "{line}");
        }
    }

    #[test]
    fn an_image_has_a_size_or_is_there() {
        let given = |line: &str| match Cli::try_parse_from(line.split(' ')).unwrap().command {
            Command::Init(init) => init.btrfs_image,
            other => panic!("{other:?}"),
        };
        assert_eq!(given("goldenctl init"), None);
        assert_eq!(given("goldenctl init --btrfs-image"), Some(None));
        assert_eq!(
            given("goldenctl init --btrfs-image 1G"),
            Some(Some(1 << 30))
        );
    }

    #[test]
    fn what_follows_the_dashes_is_the_command() {
        let cli = Cli::try_parse_from([
            "goldenctl",
            "build",
            "p",
            "--",
            "sh",
            "-c",
            "exit 1",
            "--json",
        ]);
        let Command::Build(build) = cli.unwrap().command else {
            panic!("a build")
        };
        assert_eq!(build.startup, ["sh", "-c", "exit 1", "--json"]);
        assert_eq!(build.timeout, Duration::from_secs(30 * 60));
        assert!(
            Cli::try_parse_from(["goldenctl", "build", "p"]).is_err(),
            "no command"
        );
    }
}
