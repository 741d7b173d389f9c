//! Several images built at once by a builder that is not the daemon, then brought into the daemon, each as far
//! as that lacks it: a bake that somebody has asked for, or Compose from 2.37 on.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use cachecore::argv::Program;
use cachecore::argv::edit::{Edit, apply};
use cachecore::bake::{BakePlan, BakedImage, Definition, plan, refusal, with_full_names};

use crate::builder::read;
use crate::cache::Turns;
use crate::load::{Between, Loaded, Loader, NotLoaded, loader};
use crate::report::Report;
use crate::stdin::Input;
use crate::{Environment, Real, Seat, child, journal, metadata, trail};

/// The largest definition that is looked at, in bytes.
const LARGEST: u64 = 4 << 20;

/// One bake, as it is to be run.
#[derive(Debug)]
struct Bake<'a> {
    /// The real docker or docker-buildx.
    real: &'a Real,
    /// Variables besides those that there are.
    variables: &'a [(&'static str, OsString)],
    /// The words after the program's name. The output of the images is `type=image`, without attestations.
    argv: &'a [OsString],
    /// What it reads from stdin.
    input: Option<&'a Input>,
}

/// Loads images by a bake's report, in their order.
fn load(
    report: Option<Vec<u8>>,
    images: &[BakedImage],
    loader: &mut Loader,
) -> Result<Vec<Loaded>, NotLoaded> {
    let report: serde_json::Map<String, serde_json::Value> = report
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let load = |image: &BakedImage| {
        let of_image = report.get(&image.target).map(ToString::to_string);
        let of_image = of_image.unwrap_or_else(|| "{}".to_owned());
        loader.load(of_image.as_bytes(), &image.names)
    };
    images.iter().map(load).collect()
}

/// Bakes and loads, if that can be done; `None` if the command is better run as it is, and nothing has been
/// done yet.
pub(crate) fn command(real: &Real, between: Between<'_>) -> Option<ExitCode> {
    let Between {
        environment,
        passage,
        command,
        builder,
        ..
    } = between;
    let skip = |why: &str| journal::say(environment, &format!("the bake stays as it is: {why}"));
    if let Some(why) = refusal(command, &passage.argv, builder) {
        skip(&why);
        return None;
    }
    let Some(mut loader) = loader(between) else {
        skip("the daemon or the builder cannot be reached");
        return None;
    };
    let mut input = None;
    let mut text = None;
    if command.values("file").any(|file| file == "-") {
        let (taken, bytes) = match Input::take(LARGEST) {
            Ok(taken) => taken,
            Err(e) => {
                journal::fail(&format!("cannot read the definition from stdin: {e}"));
                return Some(ExitCode::FAILURE);
            }
        };
        if bytes.is_none() {
            skip("the definition is too large to be looked at");
            return None;
        }
        (input, text) = (Some(taken), bytes);
    }
    let mut bake = Bake {
        real,
        variables: &passage.environment,
        argv: &passage.argv,
        input: input.as_ref(),
    };
    let ours = planned(&bake, command, text.as_deref()).and_then(|plan| match plan {
        BakePlan::AsItIs { why } => Err(why),
        BakePlan::Load {
            edits,
            report_at,
            images,
            why,
        } => Ok((edits, report_at, images, why)),
    });
    let rewind = || input.iter().for_each(Input::rewind);
    let (mut edits, report_at, images, why) = match ours {
        Ok(ours) => ours,
        Err(why) => {
            skip(&why);
            rewind();
            return None;
        }
    };
    for reason in why {
        journal::say(environment, &reason);
    }
    let own = match report_at.map(|_| Report::new()).transpose() {
        Ok(own) => own,
        Err(e) => {
            skip(&format!("there is no room for its report: {e}"));
            rewind();
            return None;
        }
    };
    let report = match (&own, report_at) {
        (Some(own), Some(before)) => {
            let mut word = OsString::from("--metadata-file=");
            word.push(own.path());
            edits.push(Edit::Insert {
                before,
                words: vec![word],
            });
            own.path()
        }
        _ => PathBuf::from(command.value("metadata-file")?),
    };
    let turns = turns(between, real, &images, &mut edits);
    let argv = apply(&passage.argv, &edits);
    bake.argv = &argv;
    let status = match start(&bake, &argv).and_then(|mut command| child::run(&mut command)) {
        Ok(status) => status,
        Err(e) => {
            journal::fail(&format!("cannot run {}: {e}", real.path.display()));
            return Some(ExitCode::from(crate::CANNOT_RUN));
        }
    };
    if own.is_none()
        && let Err(e) = complete(&report, &images)
    {
        journal::say(environment, &format!("the report stays as it is: {e}"));
    }
    let report = read(&report);
    // Before what takes time: who is interrupted in it leaves nothing.
    drop(own);
    if !status.success() {
        drop(turns);
        return Some(child::end_as(status));
    }
    turns.publish(environment);
    let begun = Instant::now();
    match load(report, &images, &mut loader) {
        Ok(loaded) => {
            let is_silent = is_silent(environment, command);
            say(environment, &images, &loaded, begun.elapsed(), is_silent);
            Some(ExitCode::SUCCESS)
        }
        Err(why) => {
            journal::say(
                environment,
                &format!("not brought from the builder: {}", why.whole()),
            );
            // All its steps are with the builder; what is done again is the export.
            let status = child::run(&mut start(&bake, &passage.argv).ok()?).ok()?;
            Some(child::end_as(status))
        }
    }
}

/// The turns of the images with the build cache that sessions share. Adds what bake is told of it to the
/// changes of the words.
fn turns(between: Between<'_>, real: &Real, images: &[BakedImage], edits: &mut Vec<Edit>) -> Turns {
    let sharing = images.iter().filter(|image| image.shares_cache);
    let named = |image: &'_ BakedImage| Some((image.target.clone(), image.names.first()?.clone()));
    let named: Vec<(String, String)> = sharing.filter_map(named).collect();
    let pairs = named
        .iter()
        .map(|(target, name)| (target.as_str(), name.as_str()));
    let turns = Turns::begin(between, pairs);
    let mut words = turns.sets();
    if words.is_empty() {
        return turns;
    }
    // Since 0.17 bake wants to be told which folders of the user's it may use.
    match has_allow(between, real) {
        Some(true) => {
            for right in ["--allow=fs.read=", "--allow=fs.write="] {
                let mut word = OsString::from(right);
                word.push(&between.environment.build_cache);
                words.push(word);
            }
        }
        Some(false) => {}
        None => {
            let problem = "no build cache: the version of buildx is not known";
            journal::say(between.environment, problem);
            return Turns::default();
        }
    }
    edits.push(Edit::Insert {
        before: between.command.after_name(),
        words,
    });
    turns
}

/// Whether bake has the flag `--allow`; `None` if the version is not known.
fn has_allow(between: Between<'_>, real: &Real) -> Option<bool> {
    let found;
    let buildx = if between.program == Program::Docker {
        found = Real::find(between.environment, Seat::Buildx).ok()?;
        &found
    } else {
        real
    };
    let version = metadata::version(between.environment, Seat::Buildx, buildx)?;
    let mut parts = version.trim_start_matches('v').split(['.', '-', '+']);
    let major: u32 = parts.next()?.parse().ok()?;
    let minor: u32 = parts.next()?.parse().ok()?;
    Some((major, minor) >= (0, 17))
}

/// What becomes of a bake, by its definition: as it was handed in, or as the real program resolves it.
fn planned(
    bake: &Bake<'_>,
    command: &cachecore::argv::Command,
    text: Option<&[u8]>,
) -> Result<BakePlan, String> {
    let is_alone = command.uses("file").count() == 1
        && command.args.is_empty()
        && !command.has("set")
        && !command.has("load");
    let resolved = text.filter(|_| is_alone).and_then(Definition::resolved);
    if let Some(definition) = resolved {
        return Ok(plan(command, &definition));
    }
    let edit = Edit::Insert {
        before: command.after_name(),
        words: vec!["--print".into()],
    };
    let printed = print(bake, &apply(bake.argv, &[edit]))
        .map_err(|e| format!("its definition cannot be resolved: {e}"))?;
    let definition = Definition::printed(&printed)
        .map_err(|e| format!("its definition is not understood: {e}"))?;
    Ok(plan(command, &definition))
}

/// What the real program prints with these words. What it says besides, it says again when it is run.
fn print(bake: &Bake<'_>, argv: &[OsString]) -> io::Result<Vec<u8>> {
    let mut command = start(bake, argv)?;
    if bake.input.is_none() {
        command.stdin(Stdio::null());
    }
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut printed = Vec::new();
    let read = match child.stdout.take() {
        Some(stdout) => stdout.take(LARGEST + 1).read_to_end(&mut printed),
        None => Ok(0),
    };
    let status = child.wait()?;
    read?;
    if !status.success() {
        return Err(io::Error::other(status.to_string()));
    }
    if printed.len() as u64 > LARGEST {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    Ok(printed)
}

fn start(bake: &Bake<'_>, argv: &[OsString]) -> io::Result<Command> {
    let mut command = Command::new(&bake.real.path);
    let variables = bake.variables.iter().map(|(name, value)| (name, value));
    command.args(argv).envs(variables);
    command.env(trail::VARIABLE, &bake.real.settled);
    if let Some(input) = bake.input {
        command.stdin(input.stdio()?);
    }
    Ok(command)
}

/// Has a report that somebody else reads name the images as it would without the shim.
fn complete(report: &Path, images: &[BakedImage]) -> io::Result<()> {
    let Some(bytes) = read(report) else {
        return Ok(());
    };
    let Some(bytes) = with_full_names(&bytes, images) else {
        return Ok(());
    };
    let folder = report.parent().filter(|folder| *folder != Path::new(""));
    let mut file = tempfile::Builder::new()
        .permissions(std::fs::metadata(report)?.permissions())
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(&bytes)?;
    file.persist(report)?;
    Ok(())
}

/// Whether nobody but a program reads what is said on the way.
fn is_silent(environment: &Environment, command: &cachecore::argv::Command) -> bool {
    let progress = command
        .value("progress")
        .or(environment.progress.as_deref());
    progress.is_some_and(|progress| progress == "quiet" || progress == "rawjson")
}

/// On stderr, where builds say what they do.
fn say(
    environment: &Environment,
    images: &[BakedImage],
    loaded: &[Loaded],
    took: Duration,
    is_silent: bool,
) {
    for (image, loaded) in images.iter().zip(loaded) {
        let line = format!("{}: {loaded}", image.names.join(", "));
        if is_silent {
            journal::say(environment, &line);
        } else {
            journal::fail(&line);
        }
    }
    let all = format!("{} images in {} ms", images.len(), took.as_millis());
    journal::say(environment, &all);
}
