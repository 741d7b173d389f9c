//! What is wrong with a spec and its scripts, and what probably is.

use cachecore::environment::materials::Files;
use cachecore::environment::spec::{self, Script, Spec};
use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use setupscript::check::{Half, Occasion, is_secret_name, is_secret_value};

use crate::file::{self, FileError};
use crate::read::{self, ReadError};

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It cannot work.
    Error,
    /// It probably is not what is wanted.
    Warning,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about, in a word.
    pub rule: &'static str,
    /// The file, as far as it was named.
    pub file: Utf8PathBuf,
    /// The line, from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, from one, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The stage, `run`, or the spec's field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What a person can say about a check.
#[derive(Debug, Clone)]
pub struct Options {
    /// Names of variables that differ from task to task; `*` stands for any part.
    pub task_variables: Vec<String>,
    /// The image's own user, where the spec says none.
    pub image_user: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            task_variables: setupscript::Options::default().task_variables,
            image_user: None,
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The spec's file.
    pub spec: Utf8PathBuf,
    /// How many errors there are.
    pub errors: usize,
    /// How many warnings there are.
    pub warnings: usize,
    /// All of them: those of the spec, then script for script.
    pub remarks: Vec<Remark>,
}

/// Looks at a spec and all that it names. Nothing is run, and no daemon is asked.
///
/// # Errors
/// [`FileError`] if the spec's file cannot be read. What is wrong inside is in the answer.
pub fn check(path: &Utf8Path, options: &Options) -> Result<Checked, FileError> {
    let bytes = file::read(path, spec::LONGEST as u64)?;
    let mut remarks = Vec::new();
    match Spec::parse_bytes(&bytes, path.as_str()) {
        Err(error) => remarks.push(unusable(path, &error.into())),
        Ok(spec) => {
            of_spec(path, &spec, &mut remarks);
            let folder = match path.parent() {
                Some(folder) if !folder.as_str().is_empty() => folder,
                _ => Utf8Path::new("."),
            };
            match read::gather(&spec, folder, path) {
                Err(error) => remarks.push(unusable(path, &error)),
                Ok(materials) => {
                    let text = String::from_utf8_lossy(&bytes);
                    let place = Place {
                        path,
                        text: &text,
                        options,
                    };
                    for (stage, files) in spec.stages.iter().zip(&materials.stages) {
                        let half = if stage.cached {
                            Half::Cached
                        } else {
                            Half::Run
                        };
                        let args = spec.args_of(stage);
                        let args: Vec<&str> = args.into_keys().collect();
                        let user = spec.user_of(stage);
                        let part = stage.name.as_str();
                        place.files(part, half, &args, user, &stage.script, files, &mut remarks);
                    }
                    if let (Some(run), Some(files)) = (&spec.run, &materials.run) {
                        let user = spec.user.as_deref();
                        place.files(
                            "run",
                            Half::Run,
                            &[],
                            user,
                            &run.script,
                            files,
                            &mut remarks,
                        );
                    }
                }
            }
        }
    }
    let errors = remarks.iter().filter(|one| one.severity == Severity::Error);
    let errors = errors.count();
    Ok(Checked {
        spec: path.to_owned(),
        errors,
        warnings: remarks.len() - errors,
        remarks,
    })
}

/// Why a spec, or what it names, cannot be used.
fn unusable(path: &Utf8Path, error: &ReadError) -> Remark {
    let (file, at, reason) = match error {
        ReadError::Spec(error) => (path, Some(error.at), error.problem.to_string()),
        ReadError::Script { path, at, what } => (path.as_path(), Some(*at), (*what).to_owned()),
        other => (path, None, other.to_string()),
    };
    Remark {
        severity: Severity::Error,
        rule: "unusable",
        file: file.to_owned(),
        line: at.and_then(|at| usize::try_from(at.line).ok()),
        column: at.and_then(|at| usize::try_from(at.column).ok()),
        part: None,
        reason,
        fix: error.help(),
    }
}

/// What the spec itself says that it should not.
fn of_spec(path: &Utf8Path, spec: &Spec, remarks: &mut Vec<Remark>) {
    let mut warn = |rule, part: String, reason: String, fix: &str| {
        remarks.push(Remark {
            severity: Severity::Warning,
            rule,
            file: path.to_owned(),
            line: None,
            column: None,
            part: Some(part),
            reason,
            fix: Some(fix.to_owned()),
        });
    };
    let of_stages = spec.stages.iter().map(|stage| {
        let field = format!("stages.{}.args", stage.name);
        (field, &stage.args)
    });
    for (field, args) in std::iter::once(("args".to_owned(), &spec.args)).chain(of_stages) {
        for (name, value) in args {
            if let Some(what) = secret(name, value) {
                let reason = format!("{what}, and build arguments stay in the image");
                let fix = "name it under `secrets`; a stage reads it from /run/secrets/ID";
                warn("secret-in-args", format!("{field}.{name}"), reason, fix);
            }
        }
    }
    for (name, value) in &spec.environment {
        if let Some(what) = secret(name, value) {
            let reason = format!("{what}, and whoever can read the spec can read it");
            let fix = "give it to a task with `envimage run --env`";
            warn("secret", format!("environment.{name}"), reason, fix);
        }
    }
    for id in spec.secrets.keys() {
        if !spec.stages.iter().any(|stage| stage.secrets.contains(id)) {
            let reason = "no stage gets it".to_owned();
            let fix = "write its name under `secrets` of the stage that reads it, or remove it";
            warn("unused-secret", format!("secrets.{id}"), reason, fix);
        }
    }
}

/// Why a value is a secret.
fn secret(name: &str, value: &str) -> Option<String> {
    if let Some(kind) = is_secret_value(value) {
        return Some(format!("it holds {kind}"));
    }
    (is_secret_name(name) && !value.is_empty()).then(|| format!("{name} sounds like a secret"))
}

/// A spec whose scripts are looked at.
struct Place<'a> {
    path: &'a Utf8Path,
    text: &'a str,
    options: &'a Options,
}

impl Place<'_> {
    #[allow(clippy::too_many_arguments)]
    fn files(
        &self,
        part: &str,
        half: Half,
        args: &[&str],
        user: Option<&str>,
        script: &Script,
        files: &Files,
        remarks: &mut Vec<Remark>,
    ) {
        let sources: Vec<&str> = files
            .sources
            .iter()
            .map(|file| file.path.as_str())
            .collect();
        let occasion = Occasion {
            half,
            user: user.or(self.options.image_user.as_deref()),
            task_variables: &self.options.task_variables,
            args,
            sources: &sources,
        };
        let folder = self.path.parent().unwrap_or(Utf8Path::new(""));
        for (number, file) in files.all().enumerate() {
            let inline = number == 0 && matches!(script, Script::Inline(_));
            if !is_shell(
                &file.bytes,
                number == 0 || file.path.as_str().ends_with(".sh"),
            ) {
                continue;
            }
            let (shown, offset) = if inline {
                let text = String::from_utf8_lossy(&file.bytes);
                (self.path.to_owned(), inside(self.text, &text))
            } else {
                (folder.join(&file.path), Some((0, 0)))
            };
            let place = |at: setupscript::error::Position| match offset {
                Some((line, column)) => (Some(at.line + line), Some(at.column + column)),
                None => (None, None),
            };
            let within = |at: setupscript::error::Position, reason: String| match offset {
                Some(_) => reason,
                None => format!("line {} of the script: {reason}", at.line),
            };
            match setupscript::Script::read(&file.bytes) {
                Err(error) => {
                    let (line, column) = place(error.position());
                    let whole = error.to_string();
                    let at = format!("{}: ", error.position());
                    let reason = whole.strip_prefix(&at).unwrap_or(&whole).to_owned();
                    remarks.push(Remark {
                        severity: Severity::Error,
                        rule: "no-script",
                        file: shown,
                        line,
                        column,
                        part: Some(part.to_owned()),
                        reason: within(error.position(), reason),
                        fix: Some(error.help().to_owned()),
                    });
                }
                Ok(read) => {
                    for found in setupscript::check::check(&read, occasion) {
                        let (line, column) = place(found.at);
                        remarks.push(Remark {
                            severity: Severity::Warning,
                            rule: found.rule.as_str(),
                            file: shown.clone(),
                            line,
                            column,
                            part: Some(part.to_owned()),
                            reason: within(found.at, found.reason),
                            fix: Some(found.fix),
                        });
                    }
                }
            }
        }
    }
}

/// Whether a file is a script for a shell; `likely` where nothing in it says so.
fn is_shell(bytes: &[u8], likely: bool) -> bool {
    let Some(rest) = bytes.strip_prefix(b"#!") else {
        return likely;
    };
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.split(['/', ' ', '\t', '\r'])
        .any(|word| matches!(word, "sh" | "bash" | "dash" | "ash" | "ksh" | "zsh"))
}

/// Where a script stands in the text of its spec: lines and columns before it.
///
/// None if it does not stand there as it is, such as in quotes.
fn inside(spec: &str, script: &str) -> Option<(usize, usize)> {
    let lines: Vec<&str> = spec.lines().collect();
    let wanted: Vec<&str> = script.lines().collect();
    let first = wanted.first().filter(|line| !line.is_empty())?;
    lines.iter().enumerate().find_map(|(number, line)| {
        let indent = line.strip_suffix(first)?;
        let blank = !indent.is_empty() && indent.bytes().all(|byte| byte == b' ');
        let same = |(at, wanted): (usize, &&str)| {
            let line = lines.get(number + at).copied().unwrap_or_default();
            line.strip_prefix(indent).unwrap_or(line.trim_start()) == *wanted
        };
        (blank && wanted.iter().enumerate().all(same)).then_some((number, indent.len()))
    })
}
