//! The workspace, which is mounted into a task and is not there in a build.

use super::call::Call;
use super::{Finding, Occasion, Rule, finding};

const FIX: &str = "move it to the run script, or name the files that it needs under `sources`";

pub(super) fn uses(calls: &[Call<'_>], occasion: &Occasion<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    // After a change of folder, what is named without one may be of the build.
    let mut elsewhere = false;
    for call in calls {
        let named = |arg: &&String| is_workspace(arg);
        if let Some(path) = call.args.iter().chain([&call.path]).find(named) {
            let reason = format!("{path} is not there while an image is built");
            findings.push(finding(Rule::Workspace, call, reason, FIX));
        } else if !elsewhere && let Some(what) = of_a_project(call, occasion) {
            findings.push(finding(Rule::Workspace, call, what, FIX));
        }
        let clones = call.name == "git" && call.verb() == "clone";
        elsewhere |= matches!(call.name.as_str(), "cd" | "pushd" | "tar" | "unzip") || clones;
    }
    findings
}

fn is_workspace(arg: &str) -> bool {
    let arg = arg.split_once('=').map_or(arg, |(_, value)| value);
    let folder = ["/workspace", "/workspaces", "/home/midori-ai/workspace"];
    let below = |folder: &&str| {
        arg.strip_prefix(*folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let variable = [
        "$WORKSPACE",
        "${WORKSPACE",
        "$GITHUB_WORKSPACE",
        "${GITHUB_WORKSPACE",
    ];
    folder.iter().any(below) || variable.iter().any(|variable| arg.starts_with(variable))
}

/// What a call needs of a project in the folder that it runs in.
fn of_a_project(call: &Call<'_>, occasion: &Occasion<'_>) -> Option<String> {
    let verb = call.verb();
    let beside = |path: &str| {
        let path = path.strip_prefix("./").unwrap_or(path);
        occasion.sources.contains(&path)
    };
    let has_operand = call.operands().nth(1).is_some();
    let project = match call.name.as_str() {
        "npm" => matches!(verb, "ci" | "run" | "test") || verb == "install" && !has_operand,
        "pnpm" => matches!(verb, "install" | "i" | "run") && !has_operand,
        "yarn" => call.args.is_empty() || verb == "install",
        "bundle" | "composer" => verb == "install",
        "poetry" => verb == "install",
        "uv" => verb == "sync",
        "cargo" => matches!(verb, "build" | "fetch" | "test" | "run"),
        "go" => matches!(verb, "build" | "mod" | "test" | "run"),
        "make" => !call
            .args
            .iter()
            .any(|arg| arg.starts_with("-C") || arg.starts_with("--dir")),
        "git" => matches!(verb, "submodule" | "pull" | "checkout" | "fetch" | "lfs"),
        _ => false,
    };
    // Its own folder is said.
    let elsewhere = call.has(&[
        "-C",
        "--prefix",
        "--manifest-path",
        "--path",
        "--global",
        "-g",
    ]);
    if project && !elsewhere {
        return Some(format!(
            "{} {verb} works on a project, and none is there in a build",
            call.name
        ));
    }
    let list = call
        .args
        .windows(2)
        .find(|pair| {
            matches!(
                pair[0].as_str(),
                "-r" | "--requirement" | "-e" | "--editable"
            )
        })
        .map(|pair| pair[1].as_str());
    let pip = matches!(call.name.as_str(), "pip" | "pip3" | "uv")
        || super::install::is_python(&call.name);
    if let Some(list) = list.filter(|list| pip && is_relative(list) && !beside(list)) {
        return Some(format!(
            "{list} is a file of a project, and none is there in a build"
        ));
    }
    let script = match call.name.as_str() {
        "sh" | "bash" | "source" | "." => verb,
        _ => call.path.as_str(),
    };
    let looks = script.starts_with("./") || script.contains('/') && script.ends_with(".sh");
    (looks && is_relative(script) && !beside(script))
        .then(|| format!("{script} is not beside the script while an image is built"))
}

fn is_relative(path: &str) -> bool {
    !path.starts_with(['/', '$', '~', '<']) && !path.contains("$(")
}
