//! `cargo bench --bench shim`: docker through the shim against docker itself, in turns, in one run.
//!
//! Passing on `docker --version`; then an image of 300 MB in 30 layers with a shared builder: unchanged, and
//! with its last layer changed, against a build that leaves it with the builder and against `--load`; for both
//! image stores, and with a builder behind certificates and a daemon behind TCP; then four such services of
//! compose (`-- compose`: these alone). Prints a table, and ends with exit code 1 if a claim of
//! `docs/benchmarks.md` does not hold. Needs root, the engines
//! of `scripts/engine`, and 3 GB of disk under `target/ground` or `$CACHECORE_TEST_GROUND`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod compose;

use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use testbed::stack::{Client, Forward, Stack, Store};
use testbed::stopwatch::{median, milliseconds};

const CALLS: usize = 40;
const TURNS: usize = 5;
const LAYERS: usize = 30;
const LAYER: usize = 10_000_000;

/// What passing on may add.
const ADDED: Duration = Duration::from_micros(1500);

/// What is claimed of loading.
#[derive(Clone, Copy)]
struct Claimed {
    /// How much longer an unchanged image may take than building it and leaving it with the builder.
    unchanged: f64,
    /// What loading a changed layer may take, and how many times faster than `--load` it is at least.
    loaded: Duration,
    faster: f64,
}

/// Where an address leads to both.
const AT_ONCE: Claimed = Claimed {
    unchanged: 1.3,
    loaded: Duration::from_millis(150),
    faster: 20.0,
};

/// The same for containerd's store, which is near the bound when nothing else runs.
const FLUSHED: Claimed = Claimed {
    loaded: Duration::from_millis(300),
    ..AT_ONCE
};

/// Where a program of docker's has to be started for each connection.
const DIALED: Claimed = Claimed {
    unchanged: 1.5,
    loaded: Duration::from_millis(1500),
    faster: 5.0,
};

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("shim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<bool, Box<dyn Error>> {
    let stack = Stack::new();
    let host = stack.daemon(Store::Containerd);
    let builder = stack.endpoint(&host);
    let daemon = stack.daemon(Store::Classic);
    let real = stack.client(&daemon, Some(&builder));
    let mut shim = real.clone();
    shim.path.insert(0, seat(&stack.fresh("bin"))?);
    let passing = passing(&real, &shim)?;
    let composing = compose::measure(&stack.fresh("project"), &real, &shim)?;
    if std::env::args().any(|word| word == "compose") {
        return Ok(composing);
    }
    let context = stack.fresh("context");
    write_context(&context)?;
    let mut held = vec![passing, composing];
    held.push(loading(&context, &real, &shim, "classic store", AT_ONCE)?);

    let certified = stack.certified(&builder);
    let create = [
        "buildx",
        "create",
        "--name",
        "certified",
        "--driver",
        "remote",
    ];
    let reached = ["--driver-opt", &certified.options, &certified.address];
    real.docker(&[&create[..], &reached].concat());
    let forward = Forward::to(daemon.socket());
    let with = |name: &str, value: &str| {
        let mut both = [real.clone(), shim.clone()];
        for client in &mut both {
            let variable = (name.to_owned(), value.to_owned());
            client.variables.push(variable);
        }
        both
    };
    let [real, shim] = with("BUILDX_BUILDER", "certified");
    held.push(loading(
        &context,
        &real,
        &shim,
        "builder with certificates",
        DIALED,
    )?);
    let [real, shim] = with("DOCKER_HOST", &forward.host());
    held.push(loading(&context, &real, &shim, "daemon over TCP", DIALED)?);

    let daemon = stack.daemon(Store::Containerd);
    let real = stack.client(&daemon, Some(&builder));
    let mut through = real.clone();
    through.path.insert(0, shim.path[0].clone());
    held.push(loading(
        &context,
        &real,
        &through,
        "containerd's store",
        FLUSHED,
    )?);
    Ok(held.into_iter().all(|held| held))
}

/// The optimised binary by docker's name.
fn seat(folder: &Utf8Path) -> Result<Utf8PathBuf, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let words = ["build", "--release", "--quiet", "--package", "shim"];
    if !Command::new(cargo).args(words).status()?.success() {
        return Err("docker-shim does not build".into());
    }
    let itself = std::env::current_exe()?;
    let release = itself.parent().and_then(|dir| dir.parent());
    let program = release.ok_or("no target folder")?.join("docker-shim");
    fs::create_dir(folder)?;
    symlink(program, folder.join("docker"))?;
    Ok(folder.to_owned())
}

/// How long one command takes, found as a shell finds it.
fn timed(client: &Client, words: &[&str]) -> Result<(Duration, String), Box<dyn Error>> {
    let docker = client
        .path
        .iter()
        .map(|dir| dir.join("docker"))
        .find(|path| path.exists());
    let mut command = client.command(docker.ok_or("no docker")?);
    let begun = Instant::now();
    let output = command.args(words).stdin(Stdio::null()).output()?;
    let took = begun.elapsed();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(format!("{words:?}: {}\n{said}", output.status).into());
    }
    Ok((took, said))
}

fn passing(real: &Client, shim: &Client) -> Result<bool, Box<dyn Error>> {
    let (mut directly, mut through) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        directly.push(timed(real, &["--version"])?.0);
        through.push(timed(shim, &["--version"])?.0);
    }
    // The best of each: whatever else the machine does only adds to them.
    let best = |times: &[Duration]| times.iter().min().copied().unwrap_or_default();
    let added = best(&through).saturating_sub(best(&directly));
    println!(
        "| `docker --version` | {:.2} ms | {:.2} ms, {:.2} ms more |",
        milliseconds(best(&directly)),
        milliseconds(best(&through)),
        milliseconds(added)
    );
    Ok(claim(added <= ADDED, "passing on adds at most 1.5 ms"))
}

fn loading(
    context: &Utf8Path,
    real: &Client,
    shim: &Client,
    what: &str,
    claimed: Claimed,
) -> Result<bool, Box<dyn Error>> {
    let leave = [
        "buildx",
        "build",
        "--provenance=false",
        "--output=type=image",
        context.as_str(),
    ];
    let load = ["buildx", "build", "--load", "-t", "real", context.as_str()];
    let ours = ["build", "-t", "ours", context.as_str()];
    timed(shim, &ours)?;
    timed(real, &load)?;

    let (mut left, mut unchanged) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        left.push(timed(real, &leave)?.0);
        unchanged.push(timed(shim, &ours)?.0);
    }
    let ratio = median(&unchanged).as_secs_f64() / median(&left).as_secs_f64();
    println!(
        "| {what}, unchanged | {:.0} ms with the builder | {:.0} ms, {ratio:.2} times |",
        milliseconds(median(&left)),
        milliseconds(median(&unchanged))
    );

    let (mut whole, mut thin) = (Vec::new(), Vec::new());
    for turn in 0..TURNS {
        fs::write(context.join("words"), format!("{what}, turn {turn}"))?;
        let (_, said) = timed(shim, &ours)?;
        thin.push(said_to_take(&said)?);
        let (bare, _) = timed(real, &leave)?;
        let (loaded, _) = timed(real, &load)?;
        whole.push(loaded.saturating_sub(bare));
    }
    let faster = median(&whole).as_secs_f64() / median(&thin).as_secs_f64();
    println!(
        "| {what}, one layer changed: loading | {:.0} ms with `--load` | {:.0} ms, {faster:.0} times faster |",
        milliseconds(median(&whole)),
        milliseconds(median(&thin))
    );
    let held = [
        claim(
            ratio <= claimed.unchanged,
            "unchanged takes hardly more than a build that loads nothing",
        ),
        claim(
            median(&thin) <= claimed.loaded,
            "a changed layer is loaded in no time",
        ),
        claim(
            faster >= claimed.faster,
            "loading a changed layer is many times faster than --load",
        ),
    ];
    Ok(held.into_iter().all(|held| held))
}

/// What the shim says that loading took.
fn said_to_take(said: &str) -> Result<Duration, Box<dyn Error>> {
    let line = said
        .lines()
        .rfind(|line| line.contains("layers loaded in "));
    let time = line.and_then(|line| line.rsplit(" in ").next()?.strip_suffix(" ms"));
    let time: u64 = time
        .ok_or_else(|| format!("nothing was loaded: {said}"))?
        .parse()?;
    Ok(Duration::from_millis(time))
}

fn claim(holds: bool, what: &str) -> bool {
    if !holds {
        println!("does not hold: {what}");
    }
    holds
}

/// A context of incompressible files, a layer each, and words in the last.
fn write_context(context: &Utf8Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir(context)?;
    let mut file = String::from("FROM scratch\n");
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for layer in 0..LAYERS {
        let mut bytes = Vec::with_capacity(LAYER + 8);
        while bytes.len() < LAYER {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        fs::write(context.join(format!("layer-{layer}")), bytes)?;
        file += &format!("COPY layer-{layer} /\n");
    }
    file += "COPY words /\n";
    fs::write(context.join("words"), "first")?;
    fs::write(context.join("Dockerfile"), file)?;
    Ok(())
}
