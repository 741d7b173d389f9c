//! The command line. The words are those of the contract; a change here is a change of contract.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::time::Duration;

use cachecore::collection::DEFAULT_KEEP;
use cachecore::id::{BuildId, ProjectId, SessionId};
use cachecore::layout;
use cachecore::promotion::Volumes;
use cachecore::record::KEPT_BUILDS;
use cachecore::size;
use cachecore::space::Reserve;
use cachecore::strategy::Requested;
use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand};

/// Warm Docker data roots for isolated sessions.
///
/// Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 busy or taken, 5 integrity. `build` and `run`
/// pass the exit code of their command on as it is.
#[derive(Debug, Parser)]
#[command(name = "goldenctl", version, max_term_width = 100)]
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
    /// Print the output of a project's last golden build
    Log(Log),
    /// Remove a project's golden, or one of its superseded generations
    Rm(Rm),
    /// Remove what nobody needs any more, and more of it to keep within limits
    Gc(Gc),
    /// Say what this machine offers, what it lacks, and what to do about it
    Doctor(Doctor),
    /// Measure on this machine what sessions of a golden cost, against `cp -a`
    Bench(Bench),
    /// Print a completion script for a shell
    Completions {
        /// bash, elvish, fish, powershell, zsh
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
    #[arg(long, value_name = "SIZE", num_args = 0..=1, value_parser = bytes)]
    pub(crate) btrfs_image: Option<Option<u64>>,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The project
    pub(crate) project: ProjectId,
    /// The data root; it is moved into the store
    #[arg(long, value_name = "DATA_ROOT")]
    pub(crate) from: Utf8PathBuf,
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
pub(crate) struct Build {
    /// The project
    pub(crate) project: ProjectId,
    /// One deadline for everything, from clone to promotion
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// The source revision to note
    #[arg(long, value_name = "REV")]
    pub(crate) revision: Option<String>,
    #[command(flatten)]
    pub(crate) volumes: VolumeChoice,
    #[command(flatten)]
    pub(crate) daemon: DaemonChoice,
    /// The startup command; DOCKER_HOST points to the private daemon
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) startup: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The project
    pub(crate) project: ProjectId,
    /// Keep the session afterwards, until `session rm`
    #[arg(long)]
    pub(crate) keep: bool,
    #[command(flatten)]
    pub(crate) daemon: DaemonChoice,
    /// The command; DOCKER_HOST points to the private daemon
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// Which engine is used.
#[derive(Debug, Args)]
pub(crate) struct EngineChoice {
    /// dockerd, if it is not the one in PATH; containerd and runc are looked for beside it
    #[arg(long, value_name = "FILE", env = "CACHECORE_DOCKERD")]
    pub(crate) dockerd: Option<Utf8PathBuf>,
}

/// How the private daemon runs.
#[derive(Debug, Args)]
pub(crate) struct DaemonChoice {
    #[command(flatten)]
    pub(crate) engine: EngineChoice,
    /// What the daemon and the command reach: nat (all that the host reaches), isolated (each other)
    #[arg(long, value_name = "KIND", default_value = "nat", value_parser = ["nat", "isolated"])]
    pub(crate) network: String,
    /// More settings for the daemon's daemon.json, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    pub(crate) daemon_config: Option<serde_json::Value>,
}

#[derive(Debug, Args)]
pub(crate) struct VolumeChoice {
    /// Volumes that the golden keeps: keep (all), drop (none), or a name; may be repeated
    #[arg(long = "volumes", value_name = "keep|drop|NAME")]
    chosen: Vec<String>,
}

impl VolumeChoice {
    /// What was chosen; all volumes are kept where nothing was.
    pub(crate) fn volumes(&self) -> Volumes {
        match self.chosen.as_slice() {
            [] => Volumes::Keep,
            [one] if one == "keep" => Volumes::Keep,
            [one] if one == "drop" => Volumes::Drop,
            names => Volumes::Only(names.iter().cloned().collect()),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// Clone a project's golden for a session; prints the data root and the mounts to make
    Start(SessionStart),
    /// Make a session's data root the project's next golden
    Promote(SessionPromote),
    /// Remove a session and everything in it
    Rm {
        /// The session's id
        session: SessionId,
    },
    /// List the sessions
    Ls,
}

#[derive(Debug, Args)]
pub(crate) struct SessionStart {
    /// The project
    pub(crate) project: ProjectId,
    /// The session's id
    pub(crate) session: SessionId,
    /// How to clone: auto, snapshot, link, reflink, copy
    #[arg(long, value_name = "STRATEGY", default_value = "auto")]
    pub(crate) strategy: Requested,
    /// Start with an empty data root if the project has no golden
    #[arg(long)]
    pub(crate) or_empty: bool,
    /// Let `gc` remove the session when nobody has used it for so long, such as 7d
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) expires: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct SessionPromote {
    /// The session's id
    pub(crate) session: SessionId,
    /// Promote although the project has moved on to another generation
    #[arg(long)]
    pub(crate) force: bool,
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
    /// Write figures for Prometheus into a file instead, which is replaced as a whole
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

#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// The project
    pub(crate) project: ProjectId,
    /// Only this generation, which must not be the one that serves
    #[arg(long, value_name = "N")]
    pub(crate) generation: Option<u64>,
}

/// Limits of a collection. Without any, only that goes which nobody can need.
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Say what would go, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Give up goldens, least recently used first, until the store is no larger, such as 200G
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    pub(crate) max_size: Option<u64>,
    /// Give up goldens that nobody has used for so long, such as 30d
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) max_idle: Option<Duration>,
    /// Generations of each project to keep, the serving one included
    #[arg(long, value_name = "N", default_value_t = DEFAULT_KEEP)]
    pub(crate) keep: NonZeroUsize,
    /// Remove sessions that nobody has used for so long and that do not say themselves how long
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) session_idle: Option<Duration>,
    /// Logs of ended builds to keep of each project; none are kept that `status` does not list
    #[arg(long, value_name = "N", default_value_t = KEPT_BUILDS)]
    pub(crate) keep_builds: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) engine: EngineChoice,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The data root of a stopped daemon to measure with, instead of the largest golden
    #[arg(long, value_name = "DATA_ROOT")]
    pub(crate) from: Option<Utf8PathBuf>,
    /// Sessions of each strategy
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) sessions: u32,
}

/// A size as people write it: a number, and K, M, G or T for powers of 1024.
fn bytes(text: &str) -> Result<u64, String> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = &text[..text.len() - unit.len()];
    let shift = match unit
        .to_ascii_uppercase()
        .trim_end_matches("IB")
        .trim_end_matches('B')
    {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err("a number with K, M, G or T is needed, such as 200G".to_owned()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "a number is needed".to_owned())?;
    let bytes = number.checked_mul(1 << shift);
    bytes.ok_or_else(|| "that is more than any disk has".to_owned())
}

fn json_object(text: &str) -> Result<serde_json::Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ serde_json::Value::Object(_)) => Ok(value),
        Ok(_) => Err("a JSON object is needed, such as {\"debug\":true}".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

#[cfg(test)]
mod tests {
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
    fn sizes_have_units() {
        for (text, expected) in [
            ("4096", 4096),
            ("256M", 256 << 20),
            ("2GiB", 2 << 30),
            ("1t", 1 << 40),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for bad in ["", "G", "-1", "1.5G", "10 G", "99999999T", "4X"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
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
