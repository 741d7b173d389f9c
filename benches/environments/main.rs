//! `cargo bench --bench environments`: environment images against the daemon and docker themselves, in turns, in
//! one run.
//!
//! A hit of `envimage ensure` beside the daemon's own answer to the question that it asks; `envimage run` beside
//! `docker run` of the same image, without and with a run script; and a script that installs real packages, run
//! at every start or baked. Prints a table, and ends with exit code 1 if a claim of `docs/benchmarks.md` does
//! not hold. Needs root, the engines of `scripts/engine`, and 2 GB of disk under `target/ground` or
//! `$CACHECORE_TEST_GROUND`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod packages;

use std::error::Error;
use std::fs;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use engine::endpoint::Endpoint;
use engine::images::Images;
use testbed::engines::{debian, envimage_program};
use testbed::stack::{Client, Daemon, Stack, Store};
use testbed::stopwatch::{median, milliseconds};

const HITS: usize = 40;
const RUNS: usize = 15;

/// What a hit may take beside the daemon's answer.
const HIT: Duration = Duration::from_millis(10);
/// What a run may add to docker's.
const ADDED: Duration = Duration::from_millis(50);

/// The base image's name.
const BASE: &str = "debian:measured";

/// A daemon with a base image, and a folder for specs.
struct Place {
    stack: Stack,
    daemon: Daemon,
    client: Client,
    state: Utf8PathBuf,
}

fn main() -> ExitCode {
    if !std::env::args().any(|option| option == "--bench") {
        println!(
            "not measured: this is a benchmark, run it with `cargo bench --bench environments`"
        );
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("environments: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<bool, Box<dyn Error>> {
    let stack = Stack::new();
    let daemon = stack.daemon(Store::Classic);
    let client = stack.client(&daemon, None);
    client.docker(&["import", debian().as_str(), BASE]);
    let place = Place {
        state: stack.fresh("state"),
        stack,
        daemon,
        client,
    };
    let held = [
        place.hits()?,
        place.runs("", "nothing runs before")?,
        place.runs("run: {inline: 'export A=1'}\n", "with a run script")?,
        packages::measure(&place)?,
    ];
    Ok(held.into_iter().all(|held| held))
}

impl Place {
    /// A spec with these lines, in a folder of its own.
    fn spec(&self, lines: &str) -> Result<Utf8PathBuf, Box<dyn Error>> {
        let folder = self.stack.fresh("spec");
        fs::create_dir(&folder)?;
        let spec = folder.join("shop.yaml");
        fs::write(&spec, format!("version: 1\nimage: {BASE}\n{lines}"))?;
        Ok(spec)
    }

    fn envimage(&self, words: &[&str], spec: &Utf8Path) -> Command {
        let mut command = self.client.command(envimage_program());
        command
            .args(words)
            .arg(spec)
            .env("CACHECORE_ENVIRONMENTS", &self.state);
        command
    }

    /// The image of a spec, built if need be.
    fn image(&self, spec: &Utf8Path) -> Result<String, Box<dyn Error>> {
        let output = self.envimage(&["ensure"], spec).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// A hit, and the daemon's own answer.
    fn hits(&self) -> Result<bool, Box<dyn Error>> {
        let spec =
            self.spec("stages: [{name: one, inline: 'true'}, {name: two, inline: 'true'}]\n")?;
        self.image(&spec)?;
        let images = Images::of(Endpoint::Unix(self.daemon.socket().to_owned()));
        let (mut answers, mut hits) = (Vec::new(), Vec::new());
        for _ in 0..HITS {
            let begun = Instant::now();
            images.list(&["cachecore-env", BASE])?;
            answers.push(begun.elapsed());
            hits.push(timed(&mut self.envimage(&["ensure"], &spec))?);
        }
        let added = best(&hits).saturating_sub(best(&answers));
        println!("| | alone | with envimage |\n|---|---|---|");
        println!(
            "| `envimage ensure`, a hit of two stages | {:.1} ms, the daemon's answer (median {:.1}) | {:.1} ms \
             (median {:.1}): {:.1} ms more |",
            milliseconds(best(&answers)),
            milliseconds(median(&answers)),
            milliseconds(best(&hits)),
            milliseconds(median(&hits)),
            milliseconds(added),
        );
        Ok(claim(
            added < HIT,
            "a hit takes less than 10 ms beside the daemon's answer",
        ))
    }

    /// A run, and docker's own of the same image.
    fn runs(&self, lines: &str, what: &str) -> Result<bool, Box<dyn Error>> {
        let spec = self.spec(&format!("stages: [{{name: one, inline: 'true'}}]\n{lines}"))?;
        let image = self.image(&spec)?;
        let words = [
            "docker",
            "run",
            "--rm",
            "--interactive",
            &image,
            "/bin/true",
        ];
        let (mut docker, mut run) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            docker.push(timed(self.client.command("env").args(words))?);
            run.push(timed(
                self.envimage(&["run"], &spec).args(["--", "/bin/true"]),
            )?);
        }
        let added = best(&run).saturating_sub(best(&docker));
        println!(
            "| `envimage run` of a hit, {what} | {:.0} ms, `docker run` (median {:.0}) | {:.0} ms (median {:.0}): \
             {:.0} ms more |",
            milliseconds(best(&docker)),
            milliseconds(median(&docker)),
            milliseconds(best(&run)),
            milliseconds(median(&run)),
            milliseconds(added),
        );
        Ok(claim(
            added < ADDED,
            "a run adds less than 50 ms to docker's",
        ))
    }
}

/// How long a command takes, which has to succeed.
fn timed(command: &mut Command) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let took = begun.elapsed();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(took)
}

fn best(times: &[Duration]) -> Duration {
    times.iter().min().copied().unwrap_or_default()
}

fn claim(holds: bool, what: &str) -> bool {
    if !holds {
        println!("does not hold: {what}");
    }
    holds
}
