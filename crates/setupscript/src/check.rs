//! What is probably wrong with a script, for the half that it is in.
//!
//! A warning names what will not work or will not stay as it is, and nothing that is a matter of taste. So
//! packages without a version are none: the base image and the age of the image say which come. What a
//! download brings that no version names is one: it changes while nothing here does.

mod background;
mod call;
mod install;
mod root;
mod secret;
#[cfg(test)]
mod tests;
mod unpinned;
mod variables;
mod workspace;

use serde::Serialize;

use crate::error::Position;
use crate::script::Script;
use call::Call;

pub use secret::{is_secret_name, is_secret_value};

/// Which half of an environment a script is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Half {
    /// It is run once, for an image.
    Cached,
    /// It is run at every start.
    Run,
}

/// What a script is run with.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// Which half it is.
    pub half: Half,
    /// As whom it runs, if that is known.
    pub user: Option<&'a str>,
    /// Names of variables that differ from task to task; `*` stands for any part.
    pub task_variables: &'a [String],
    /// The variables that a build gives it.
    pub args: &'a [&'a str],
    /// The files that lie beside it, by their paths.
    pub sources: &'a [&'a str],
}

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A variable that only a task has, in a cached script.
    TaskVariable,
    /// A secret in a cached script, or written out anywhere.
    Secret,
    /// Something is installed at every start.
    Install,
    /// What is downloaded for an image is named by no version.
    Unpinned,
    /// Root's rights are needed, and the user is another.
    Sudo,
    /// A process that does not outlive the build.
    Background,
    /// The workspace is used in a build.
    Workspace,
    /// The script could not be looked at.
    NotUnderstood,
}

impl Rule {
    /// Its name, as programs read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TaskVariable => "task-variable",
            Self::Secret => "secret",
            Self::Install => "install",
            Self::Unpinned => "unpinned",
            Self::Sudo => "sudo",
            Self::Background => "background",
            Self::Workspace => "workspace",
            Self::NotUnderstood => "not-understood",
        }
    }
}

/// A warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub rule: Rule,
    /// Where.
    pub at: Position,
    /// Why it is one.
    pub reason: String,
    /// What to do.
    pub fix: String,
}

/// Looks at a script. The warnings come in the order of the script, one of each kind for a line at most.
///
/// ```
/// use setupscript::check::{Half, Occasion, Rule, check};
/// use setupscript::Script;
///
/// let script = Script::read(b"set -e\napt-get install -y jq\n").unwrap();
/// let occasion = Occasion { half: Half::Run, user: None, task_variables: &[], args: &[], sources: &[] };
/// let findings = check(&script, occasion);
/// assert_eq!((findings[0].rule, findings[0].at.line), (Rule::Install, 2));
/// ```
pub fn check(script: &Script, occasion: Occasion<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(why) = &script.not_understood {
        findings.push(Finding {
            rule: Rule::NotUnderstood,
            at: why.at,
            reason: format!("{}; nothing else was looked at", why.reason),
            fix: "see whether `bash -n` takes it".to_owned(),
        });
    }
    let calls = call::calls(script);
    let cached = occasion.half == Half::Cached;
    findings.extend(secret::written_out(script));
    findings.extend(secret::assigned(script));
    if cached {
        findings.extend(variables::of_tasks_and_secrets(script, &occasion));
        findings.extend(unpinned::downloads(&calls));
        findings.extend(background::processes(&calls));
        findings.extend(workspace::uses(&calls, &occasion));
    } else {
        findings.extend(install::installs(&calls));
    }
    if let Some(user) = occasion.user.filter(|user| !is_root(user)) {
        findings.extend(root::needed(&calls, user));
    }
    findings.sort_by_key(|finding| (finding.at.line, finding.rule, finding.at.column));
    findings.dedup_by_key(|finding| (finding.at.line, finding.rule));
    findings
}

/// Whether a user, with or without a group, is root.
pub fn is_root(user: &str) -> bool {
    matches!(user.split(':').next(), Some("root" | "0" | ""))
}

fn finding(rule: Rule, call: &Call<'_>, reason: String, fix: &str) -> Finding {
    Finding {
        rule,
        at: call.at,
        reason,
        fix: fix.to_owned(),
    }
}
