//! Processes that are started in a build, and are gone with it.

use super::call::Call;
use super::{Finding, Rule, finding};

pub(super) fn processes(calls: &[Call<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        let later = calls.get(number + 1..).unwrap_or_default();
        let awaited = later
            .iter()
            .any(|call| matches!(call.name.as_str(), "wait" | "kill" | "pkill" | "killall"));
        if call.context.background && !awaited {
            findings.push(warning(call, "it runs in the background"));
        } else if let Some(service) = started(call)
            && !later.iter().any(|other| stopped(other) == Some(service))
        {
            findings.push(warning(call, &format!("it starts {service}")));
        }
    }
    findings
}

fn warning(call: &Call<'_>, what: &str) -> Finding {
    let reason = format!("{what}, and ends with the build: an image holds files, not processes");
    let fix = "start it in the run script; if the build needs it, end it or `wait` for it here";
    finding(Rule::Background, call, reason, fix)
}

/// The service that a call starts.
fn started<'c>(call: &'c Call<'_>) -> Option<&'c str> {
    asked(call, &["start", "restart"]).or_else(|| match call.name.as_str() {
        "dockerd" | "supervisord" | "systemd" | "containerd" => Some(call.name.as_str()),
        "systemctl" if call.verb() == "enable" && call.has(&["--now"]) => call.operands().nth(1),
        "redis-server"
            if call
                .args
                .windows(2)
                .any(|two| two == ["--daemonize", "yes"]) =>
        {
            Some("redis-server")
        }
        _ => None,
    })
}

fn stopped<'c>(call: &'c Call<'_>) -> Option<&'c str> {
    asked(call, &["stop"])
}

fn asked<'c>(call: &'c Call<'_>, verbs: &[&str]) -> Option<&'c str> {
    let mut operands = call.operands();
    match call.name.as_str() {
        "systemctl" => {
            let verb = operands.next()?;
            verbs.contains(&verb).then(|| operands.next()).flatten()
        }
        "service" => {
            let service = operands.next()?;
            verbs.contains(&operands.next()?).then_some(service)
        }
        "pg_ctl" => operands
            .any(|arg| verbs.contains(&arg))
            .then_some("postgresql"),
        name if call.path.starts_with("/etc/init.d/") => {
            verbs.contains(&call.verb()).then_some(name)
        }
        _ => None,
    }
}
