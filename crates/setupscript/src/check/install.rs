//! What is installed at every start and could be in the image.

use super::call::Call;
use super::{Finding, Rule, finding};

const FIX: &str = "move it to a cached script: `envimage split` says what of a script can go there";

pub(super) fn installs(calls: &[Call<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for call in calls {
        if let Some(what) = installed(call) {
            let reason = format!("{what} at every start");
            findings.push(finding(Rule::Install, call, reason, FIX));
        } else if super::unpinned::runs_a_download(call, calls) {
            let reason = "it runs what it downloads, at every start".to_owned();
            findings.push(finding(Rule::Install, call, reason, FIX));
        }
    }
    findings
}

/// What a call installs for everybody. What it installs for a project needs the project, and is none.
pub(super) fn installed(call: &Call<'_>) -> Option<String> {
    let verb = call.verb();
    let by = |yes: bool| yes.then(|| format!("{} installs packages", call.name));
    match call.name.as_str() {
        "apt" | "apt-get" | "aptitude" | "dnf" | "yum" | "microdnf" | "conda" | "mamba"
        | "micromamba" | "brew" | "snap" => by(verb == "install"),
        "zypper" => by(matches!(verb, "in" | "install")),
        "apk" => by(verb == "add"),
        "pacman" | "yay" | "paru" => by(call
            .args
            .iter()
            .any(|arg| arg.starts_with("-S") && !arg.contains(['s', 'i', 'l']) || arg == "-U")),
        "dpkg" => by(call.has(&["-i", "--install"])),
        "rpm" => by(call.has(&["-i", "-U", "-ivh", "-Uvh", "--install"])),
        "pip" | "pip3" => by(verb == "install" && names_packages(&call.args)),
        name if is_python(name) => {
            let pip = call.args.windows(2).any(|pair| pair == ["-m", "pip"]);
            let install = call.operands().any(|arg| arg == "install");
            by(pip && install && names_packages(&call.args))
        }
        "pipx" | "gem" | "rustup-init" => by(verb == "install"),
        "uv" => {
            let verbs: Vec<&str> = call.operands().take(2).collect();
            by(verbs == ["tool", "install"]
                || verbs == ["pip", "install"] && names_packages(&call.args))
        }
        "npm" => by(matches!(verb, "install" | "i" | "add") && is_global(call)),
        "pnpm" => by(verb == "add" && is_global(call)),
        "yarn" => by(verb == "global"),
        "cargo" => by(verb == "install" && !call.has(&["--path"])),
        "go" => by(verb == "install" && call.operands().any(|arg| arg.contains('@'))),
        "rustup" => by(matches!(
            verb,
            "install" | "toolchain" | "target" | "component"
        )),
        "nvm" | "asdf" | "playwright" => by(verb == "install"),
        _ => None,
    }
}

fn is_global(call: &Call<'_>) -> bool {
    call.has(&["-g", "--global", "--location=global"])
}

pub(super) fn is_python(name: &str) -> bool {
    let version = name.strip_prefix("python");
    version.is_some_and(|version| version.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

/// Whether pip is given packages by name, not a project or its list.
fn names_packages(args: &[String]) -> bool {
    let behind = args.iter().skip_while(|arg| *arg != "install").skip(1);
    let mut takes_next = false;
    for arg in behind {
        if std::mem::take(&mut takes_next) {
            continue;
        }
        if arg.starts_with('-') {
            takes_next = matches!(
                arg.as_str(),
                "-r" | "-e"
                    | "-c"
                    | "-t"
                    | "-i"
                    | "--requirement"
                    | "--editable"
                    | "--constraint"
                    | "--target"
                    | "--index-url"
                    | "--extra-index-url"
                    | "--prefix"
                    | "--root"
            );
        } else if !arg.starts_with(['.', '/']) {
            return true;
        }
    }
    false
}
