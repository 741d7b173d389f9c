//! Downloads for an image that no version names.

use super::call::Call;
use super::{Finding, Rule, finding};

pub(super) fn downloads(calls: &[Call<'_>]) -> Vec<Finding> {
    // What does not have the sum that it should have ends the script.
    let sums = [
        "sha256sum",
        "sha512sum",
        "shasum",
        "gpg",
        "cosign",
        "minisign",
    ];
    let verified = calls.iter().any(|call| sums.contains(&call.name.as_str()));
    let mut findings = Vec::new();
    for call in calls {
        if runs_a_download(call, calls) && !download_of(call, calls).is_some_and(names_a_version) {
            findings.push(finding(
                Rule::Unpinned,
                call,
                "it runs whatever the address gives on the day of the build; the key stays the \
                 same when that changes"
                    .to_owned(),
                "download a version, compare its sha256sum, then run it",
            ));
        } else if let Some(url) = moving(call)
            && !verified
        {
            findings.push(finding(
                Rule::Unpinned,
                call,
                format!("{url} is something else from time to time; the key stays the same then"),
                "name a version, or compare the sha256sum",
            ));
        }
    }
    findings
}

/// Whether a shell runs what another program downloads.
pub(super) fn runs_a_download(call: &Call<'_>, calls: &[Call<'_>]) -> bool {
    let name = call.name.as_str();
    let shell = matches!(
        name,
        "sh" | "bash" | "dash" | "zsh" | "perl" | "node" | "ruby"
    ) || super::install::is_python(name);
    if !shell && name != "source" && name != "." && name != "eval" {
        return false;
    }
    let substituted = |arg: &String| {
        let inside = ["$(curl", "$(wget", "`curl", "`wget", "<(curl", "<(wget"];
        inside.iter().any(|start| arg.contains(start))
    };
    if call.args.iter().any(substituted) {
        return true;
    }
    // The words of a process substitution are not kept.
    if call.has(&["<( )"]) && download_of(call, calls).is_some() {
        return true;
    }
    let file = call
        .args
        .iter()
        .take_while(|arg| *arg != "-s" && *arg != "--")
        .any(|arg| !arg.starts_with('-'));
    shell && call.context.fed && !file && download_of(call, calls).is_some()
}

/// The download that comes before a call in its construct.
fn download_of<'c, 'a>(call: &Call<'_>, calls: &'c [Call<'a>]) -> Option<&'c Call<'a>> {
    calls.iter().find(|other| {
        other.construct == call.construct && matches!(other.name.as_str(), "curl" | "wget")
    })
}

fn is_url(arg: &str) -> bool {
    ["https://", "http://", "ftp://"]
        .iter()
        .any(|scheme| arg.starts_with(scheme))
}

/// Whether every address of a download has a version, as `v1.2`, or a commit in it.
fn names_a_version(call: &Call<'_>) -> bool {
    let mut urls = call.args.iter().filter(|arg| is_url(arg)).peekable();
    urls.peek().is_some() && urls.all(|url| has_version(url))
}

fn has_version(url: &str) -> bool {
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty();
    path.split(['/', '-', '_', '=', '@', '?', '&']).any(|part| {
        let part = part.strip_prefix('v').unwrap_or(part);
        let mut numbers = part.split('.');
        let version = numbers.next().is_some_and(number) && numbers.next().is_some_and(number);
        version
            || part.contains('$')
            || part.len() == 40 && part.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// The part of a call that stands for something else from time to time.
fn moving<'c>(call: &'c Call<'_>) -> Option<&'c str> {
    match call.name.as_str() {
        "curl" | "wget" => call.args.iter().map(String::as_str).find(|arg| {
            let raw = arg.contains("/raw/") || arg.contains("//raw.");
            is_url(arg)
                && (arg.split(['/', '?']).any(|part| part == "latest")
                    || raw
                        && arg
                            .split('/')
                            .any(|part| matches!(part, "main" | "master" | "HEAD")))
        }),
        "npm" | "pnpm" | "yarn" | "npx" | "go" | "pipx" | "uv" => {
            call.operands().find(|arg| arg.ends_with("@latest"))
        }
        _ => None,
    }
}
