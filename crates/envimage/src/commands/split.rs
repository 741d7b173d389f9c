//! `split`: which part of a script can be done once.

use std::io::Read as _;

use camino::Utf8Path;
use serde::Serialize;
use setupscript::{Confidence, Options, Part, Script, Split, Verdict};

use crate::cli::{Global, SplitArgs};
use crate::failure::Failure;
use crate::file::{self, FileError, Written};
use crate::{exit, show};

/// The longest script that is read, in bytes.
const LONGEST: u64 = setupscript::script::LONGEST as u64;

pub(super) fn run(global: &Global, args: &SplitArgs) -> Result<u8, Failure> {
    let bytes = read(&args.script)?;
    let script = Script::read(&bytes).map_err(|source| Failure::Script {
        path: args.script.clone(),
        source,
    })?;
    let mut options = Options::default();
    options
        .task_variables
        .extend(args.task_variables.iter().cloned());
    let split = setupscript::split(&script, &options);
    let halves = [(&args.cached, &split.cached), (&args.run, &split.run)];
    let mut written = Vec::new();
    for (path, text) in halves {
        if let Some(path) = path {
            let how = file::write(path, &args.script, text, args.force)?;
            written.push((path.clone(), how));
        }
    }
    if global.json {
        show::json(&Document {
            script: &args.script,
            split: &split,
        });
        return Ok(exit::OK);
    }
    table(&split);
    for (path, how) in written {
        let how = match how {
            Written::Created => "written",
            Written::Unchanged => "unchanged",
            Written::Replaced => "replaced",
        };
        show::note(&format!("{path}: {how}"));
    }
    Ok(exit::OK)
}

/// What a program reads.
#[derive(Serialize)]
struct Document<'a> {
    script: &'a Utf8Path,
    #[serde(flatten)]
    split: &'a Split,
}

fn read(path: &Utf8Path) -> Result<Vec<u8>, Failure> {
    if path != "-" {
        return Ok(file::read(path, LONGEST)?);
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin()
        .lock()
        .take(LONGEST + 1)
        .read_to_end(&mut bytes);
    match read {
        Ok(_) => Ok(bytes),
        Err(source) => Err(Failure::File(FileError::Io {
            what: "read",
            path: path.to_owned(),
            source,
        })),
    }
}

fn table(split: &Split) {
    if let Some(why) = &split.not_understood {
        let text = format!(
            "the whole script runs at every start: {}: {}",
            why.at, why.reason
        );
        return show::sentence(&text);
    }
    let rows = split.parts.iter().map(row).collect();
    let header = ["lines", "half", "sure", "why"];
    show::table(&header, rows, "no commands: nothing to split");
}

fn row(part: &Part) -> Vec<String> {
    let lines = if part.last_line > part.line {
        format!("{}-{}", part.line, part.last_line)
    } else {
        part.line.to_string()
    };
    let half = match part.verdict {
        Verdict::Cached => "cached",
        Verdict::Run => "run",
        Verdict::Both => "both",
    };
    let sure = match part.confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    };
    let why = part.reason.clone();
    vec![lines, half.to_owned(), sure.to_owned(), why]
}
