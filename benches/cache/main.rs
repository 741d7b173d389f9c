//! `cargo bench --bench cache`: what the shared build cache costs and saves.
//!
//! How each compression exports and imports an image of 60 MB of programs of this machine, each time with
//! builders that have forgotten everything; then five sessions that build five branches of one image, with a
//! cache that they share and with one each. Prints the tables of `docs/benchmarks.md`. Needs root, the engines
//! of `scripts/engine`, and 4 GB of disk under `target/ground` or `$CACHECORE_TEST_GROUND`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use testbed::stack::{Client, Stack, Store};
use testbed::stopwatch::median;

/// What `--cache-to` is told besides the place.
const COMPRESSIONS: [&str; 5] = [
    "",
    ",compression=gzip,compression-level=1,force-compression=true",
    ",compression=zstd,force-compression=true",
    ",compression=uncompressed,force-compression=true",
    ",compression=zstd",
];
const TURNS: usize = 3;
const SESSIONS: usize = 5;
const LARGE: u64 = 60_000_000;

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cache: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<bool, Box<dyn Error>> {
    let stack = Stack::new();
    let context = stack.fresh("context");
    write_context(&context)?;
    compressions(&stack, &context)?;
    sessions(&stack, &context)
}

/// Programs of this machine in one layer, and a few words on top of them.
fn write_context(context: &Utf8Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(context.join("programs"))?;
    let file = "FROM scratch\nCOPY programs /programs\nCOPY words /words\n";
    fs::write(context.join("Dockerfile"), file)?;
    fs::write(context.join("words"), "none")?;
    let mut names: Vec<_> = fs::read_dir("/usr/bin")?.collect::<Result<_, _>>()?;
    names.sort_by_key(fs::DirEntry::file_name);
    let mut room = LARGE;
    for entry in names {
        let meta = entry.path().symlink_metadata()?;
        if meta.is_file() && meta.len() < room {
            room -= meta.len();
            fs::copy(
                entry.path(),
                context
                    .as_std_path()
                    .join("programs")
                    .join(entry.file_name()),
            )?;
        }
    }
    Ok(())
}

fn ran(client: &Client, words: &[&str]) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    let output = client.try_docker(words);
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(begun.elapsed())
}

/// The bytes of all files in a folder, each counted once.
fn bytes(folder: &Utf8Path) -> Result<u64, Box<dyn Error>> {
    let mut all = 0;
    for entry in folder.read_dir_utf8()? {
        let entry = entry?;
        let meta = entry.path().symlink_metadata()?;
        all += if meta.is_dir() {
            bytes(entry.path())?
        } else {
            meta.len()
        };
    }
    Ok(all)
}

fn compressions(stack: &Stack, context: &Utf8Path) -> Result<(), Box<dyn Error>> {
    let hosts = [
        stack.daemon(Store::Containerd),
        stack.daemon(Store::Containerd),
    ];
    let session = stack.daemon(Store::Classic);
    let builders = hosts.each_ref().map(|host| stack.endpoint(host));
    let [from, to] = builders
        .each_ref()
        .map(|builder| stack.client(&session, Some(builder)));
    let bare = ["build", "--output=type=image", "--provenance=false"];
    println!(
        "| `--cache-to` besides the place | cold build | with export | import and one step more | size |"
    );
    println!("|---|---|---|---|---|");
    let mut rows = vec![(Vec::new(), Vec::new(), Vec::new(), 0); COMPRESSIONS.len()];
    for turn in 0..TURNS {
        for (row, compression) in rows.iter_mut().zip(COMPRESSIONS) {
            let place = stack.fresh("export");
            let with_words = |words: &str| fs::write(context.join("words"), words);
            for client in [&from, &to] {
                ran(client, &["buildx", "prune", "-af"])?;
            }
            with_words(&format!("first {turn}"))?;
            let words = [&bare[..], &[context.as_str()]].concat();
            row.0.push(ran(&from, &words)?);
            ran(&from, &["buildx", "prune", "-af"])?;
            let target = format!("--cache-to=type=local,mode=max,dest={place}{compression}");
            let words = [&bare[..], &[&target, context.as_str()]].concat();
            row.1.push(ran(&from, &words)?);
            row.3 = bytes(&place)?;
            with_words(&format!("second {turn}"))?;
            let source = format!("--cache-from=type=local,src={place}");
            let words = [&bare[..], &[&source, context.as_str()]].concat();
            row.2.push(ran(&to, &words)?);
            fs::remove_dir_all(&place)?;
        }
    }
    for ((cold, export, import, size), compression) in rows.iter().zip(COMPRESSIONS) {
        let name = compression.trim_start_matches(',');
        let seconds = |times: &[Duration]| median(times).as_secs_f64();
        println!(
            "| {} | {:.2} s | {:.2} s | {:.2} s | {:.1} MB |",
            if name.is_empty() {
                "nothing: as the image's layers are"
            } else {
                name
            },
            seconds(cold),
            seconds(export),
            seconds(import),
            *size as f64 / 1e6
        );
    }
    Ok(())
}

/// The shim by docker's name.
fn seat(folder: &Utf8Path) -> Result<Utf8PathBuf, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let itself = std::env::current_exe()?;
    let target = itself
        .parent()
        .and_then(|dir| dir.parent())
        .ok_or("no target folder")?;
    let mut words = vec!["build", "--quiet", "--package", "shim"];
    if target.ends_with("release") {
        words.push("--release");
    }
    if !Command::new(cargo).args(words).status()?.success() {
        return Err("docker-shim does not build".into());
    }
    fs::create_dir(folder)?;
    symlink(target.join("docker-shim"), folder.join("docker"))?;
    Ok(folder.to_owned())
}

fn sessions(stack: &Stack, context: &Utf8Path) -> Result<bool, Box<dyn Error>> {
    let seat = seat(&stack.fresh("bin"))?;
    let daemon = stack.daemon(Store::Containerd);
    let shared = stack.fresh("shared");
    fs::create_dir(&shared)?;
    let (mut isolated, mut times) = (0, [Vec::new(), Vec::new()]);
    for session in 0..SESSIONS {
        fs::write(context.join("words"), format!("branch {session}"))?;
        let own = stack.fresh("own");
        fs::create_dir(&own)?;
        for (cache, times) in [&own, &shared].into_iter().zip(&mut times) {
            let mut client = stack.client(&daemon, None);
            client.path.insert(0, seat.clone());
            let variable = ("CACHECORE_BUILD_CACHE".to_owned(), cache.to_string());
            client.variables.push(variable);
            // Another session: its builder has nothing.
            client.try_docker(&["rmi", "-f", "app"]);
            ran(&client, &["builder", "prune", "-af"])?;
            times.push(ran(&client, &["build", "-t", "app", context.as_str()])?);
        }
        isolated += bytes(&own)?;
    }
    let together = bytes(&shared)?;
    let [alone, with] = times.map(|times| median(&times).as_secs_f64());
    println!(
        "\n| {SESSIONS} sessions, a branch each | size of the caches | a session's first build |"
    );
    println!("|---|---|---|");
    println!(
        "| a cache each | {:.1} MB | {alone:.2} s |",
        isolated as f64 / 1e6
    );
    println!(
        "| one cache | {:.1} MB | {with:.2} s |",
        together as f64 / 1e6
    );
    let ratio = isolated as f64 / together as f64;
    let holds = ratio >= 4.0;
    let verdict = if holds { "holds " } else { "BROKEN" };
    println!(
        "\n{verdict}: five sessions take at most a quarter of the disk: {ratio:.1} times less"
    );
    Ok(holds)
}
