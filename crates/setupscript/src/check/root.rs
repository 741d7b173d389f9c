//! What only root may do, and another user is to do.

use super::call::Call;
use super::{Finding, Rule, finding};

const SYSTEM: [&str; 12] = [
    "/etc/",
    "/usr/",
    "/opt/",
    "/var/lib/",
    "/var/cache/",
    "/var/log/",
    "/bin/",
    "/sbin/",
    "/lib/",
    "/root/",
    "/srv/",
    "/boot/",
];

pub(super) fn needed(calls: &[Call<'_>], user: &str) -> Vec<Finding> {
    // A script that looks who it is knows what to do.
    let asks = calls.iter().any(|call| {
        call.name == "whoami" || call.name == "id" && call.has(&["-u", "-un", "-nu", "--user"])
    });
    let of_shell = calls.iter().filter_map(|call| call.command);
    let names = |text: &str| text.contains("EUID");
    let asks = asks
        || of_shell
            .flat_map(|command| &command.words)
            .any(|word| names(&word.text));
    if asks {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for call in calls {
        if let Some(path) = call.writes.iter().find(|path| is_system(path)) {
            let by = if call.sudo {
                "; sudo does not do the redirection"
            } else {
                ""
            };
            let reason = format!("{user} may not write {path}{by}");
            findings.push(finding(
                Rule::Sudo,
                call,
                reason,
                "use `| sudo tee FILE >/dev/null`",
            ));
        } else if !call.sudo && only_root(call) {
            let reason = format!("{} needs root's rights, and the user is {user}", call.name);
            let fix = "write `sudo` before it, if the image has that, or set `user: root` on the \
                       stage";
            findings.push(finding(Rule::Sudo, call, reason, fix));
        }
    }
    findings
}

fn is_system(path: &str) -> bool {
    SYSTEM.iter().any(|folder| path.starts_with(folder))
}

fn only_root(call: &Call<'_>) -> bool {
    let verb = call.verb();
    match call.name.as_str() {
        "apt" | "apt-get" | "aptitude" => !matches!(
            verb,
            "" | "list" | "search" | "show" | "policy" | "download" | "changelog" | "source"
        ),
        "dnf" | "yum" | "microdnf" | "zypper" => {
            !matches!(verb, "" | "list" | "search" | "info" | "repolist")
        }
        "apk" => matches!(verb, "add" | "del" | "update" | "upgrade" | "fix"),
        "pacman" => call.args.first().is_some_and(|arg| {
            arg.starts_with("-R") || arg.starts_with("-U") || {
                arg.starts_with("-S") && !arg.contains(['s', 'i', 'l', 'p'])
            }
        }),
        "dpkg" => call.has(&[
            "-i",
            "--install",
            "-r",
            "-P",
            "--configure",
            "--add-architecture",
        ]),
        "useradd"
        | "usermod"
        | "userdel"
        | "groupadd"
        | "adduser"
        | "addgroup"
        | "chpasswd"
        | "locale-gen"
        | "update-locale"
        | "ldconfig"
        | "update-ca-certificates"
        | "add-apt-repository"
        | "apt-key"
        | "dpkg-reconfigure" => true,
        "update-alternatives" => call.has(&["--install", "--set", "--remove", "--auto"]),
        "systemctl" => !matches!(verb, "" | "status" | "list-units" | "is-active" | "show"),
        "cp" | "mv" | "ln" | "install" => call.operands().last().is_some_and(is_system),
        "mkdir" | "rm" | "rmdir" | "touch" | "tee" | "chmod" | "chown" | "chgrp" => {
            call.operands().any(is_system)
        }
        "tar" => after(call, &["-C", "--directory"]).is_some_and(is_system),
        "unzip" => after(call, &["-d"]).is_some_and(is_system),
        "curl" => after(call, &["-o", "--output"]).is_some_and(is_system),
        "wget" => after(call, &["-O", "-P"]).is_some_and(is_system),
        "sed" => {
            let inside = call.args.iter().any(|arg| arg.starts_with("-i"));
            inside && call.operands().any(is_system)
        }
        _ => false,
    }
}

/// The value of an option, in a word of its own or the rest of a letter's word.
fn after<'c>(call: &'c Call<'_>, options: &[&str]) -> Option<&'c str> {
    let pairs = call.args.windows(2);
    let mut found = pairs.filter(|pair| {
        let first = pair[0].as_str();
        let bundled = |option: &&str| {
            !option.starts_with("--")
                && first.starts_with('-')
                && !first.starts_with("--")
                && option
                    .strip_prefix('-')
                    .is_some_and(|letter| first.ends_with(letter))
        };
        options.contains(&first) || options.iter().any(bundled)
    });
    found.next().map(|pair| pair[1].as_str())
}
