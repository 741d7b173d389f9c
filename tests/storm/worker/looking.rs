use std::collections::BTreeSet;
use std::process::Output;

use serde_json::Value;

use crate::ending::{BUSY, Ours};

use super::{Complaint, Worker};

impl Worker<'_> {
    /// Commands that only look are answered, and what they say is whole.
    pub(super) fn look_around(&mut self) -> Result<(), Complaint> {
        let project = self.project();
        let words: &[&str] = match self.lot.below(11) {
            0 => &["status", "--json"],
            1 => &["ls", "--json"],
            2 => &["status", project],
            3 => &["status", project, "--json"],
            4 => &["explain", project],
            5 | 6 => &["explain", project, "--json"],
            7 => &["session", "ls", "--json"],
            8 => &["doctor", "--json"],
            9 => &["gc", "--dry-run", "--json"],
            _ => &["gc", "--dry-run", "--max-size", "0", "--json"],
        };
        let output = self.run(words, Ours::Alone, false)?;
        let wrong = |why: &str| {
            let printed = String::from_utf8_lossy(&output.stdout);
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!(
                "{why}: {words:?}\n--- stdout\n{printed}\n--- stderr\n{said}"
            ))
        };
        match output.status.code() {
            Some(BUSY) if words[0] == "gc" => return Ok(()),
            Some(0) => {}
            _ if words[0] == "doctor" => {}
            _ => return wrong("it only looks, and was not answered"),
        }
        if !words.contains(&"--json") {
            return Ok(());
        }
        let Ok(document) = serde_json::from_slice::<Value>(&output.stdout) else {
            return wrong("no document");
        };
        let broken = match words[0] {
            "status" | "ls" => project_that_contradicts_itself(&document),
            "session" => session_that_cannot_be_read(&document),
            "gc" => what_was_not_judged(&document),
            "doctor" => new_failure(&document, self.place.failing()),
            _ => None,
        };
        broken.map_or(Ok(()), |broken| wrong(&broken))
    }
}

fn each(document: &Value) -> impl Iterator<Item = &Value> {
    let one = std::iter::once(document).filter(|document| document.is_object());
    document.as_array().into_iter().flatten().chain(one)
}

fn project_that_contradicts_itself(document: &Value) -> Option<String> {
    each(document).find_map(|project| {
        let state = &project["state"];
        let status = state["status"].as_str()?;
        let serves = !project["generation"].is_null();
        let name = &state["project"];
        if serves == project["golden"].is_null() {
            return Some(format!(
                "{name} has a generation or a golden, and not the other"
            ));
        }
        if status == "ready" && !serves {
            return Some(format!("{name} is ready, and nothing serves"));
        }
        if (status == "building") == state["building"].is_null() {
            return Some(format!(
                "{name} builds, and names no build, or the other way round"
            ));
        }
        None
    })
}

fn session_that_cannot_be_read(document: &Value) -> Option<String> {
    each(document).find_map(|session| {
        let unusable = session.get("unusable")?;
        Some(format!("a session is {unusable}"))
    })
}

fn what_was_not_judged(plan: &Value) -> Option<String> {
    ["unjudged", "strangers"].into_iter().find_map(|what| {
        let found = plan[what].as_array()?;
        (!found.is_empty()).then(|| format!("{what} {found:?}"))
    })
}

fn new_failure(document: &Value, known: &BTreeSet<String>) -> Option<String> {
    let failing = failing(document);
    let new: Vec<&String> = failing.difference(known).collect();
    (!new.is_empty()).then(|| format!("a store at work, and {new:?} fails"))
}

/// What a doctor has found to fail.
pub(crate) fn failing(document: &Value) -> BTreeSet<String> {
    each(document)
        .filter(|check| !["ok", "note"].contains(&check["verdict"].as_str().unwrap()))
        .map(|check| check["what"].as_str().unwrap().to_owned())
        .collect()
}

/// What fails on this machine, whatever the store does.
pub(crate) fn failing_before(doctor: &Output) -> BTreeSet<String> {
    failing(&serde_json::from_slice(&doctor.stdout).unwrap())
}
