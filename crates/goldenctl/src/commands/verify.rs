use std::time::Duration;

use goldenstore::{Depth, GenerationFindings, Obstacle, Unmarked, VerifyOptions, VerifyReport};

use crate::cli::{Global, Verify};
use crate::failure::Failure;
use crate::interrupt::{self, Interactive};
use crate::kept::Kept;
use crate::progress::Progress;
use crate::{exit, private_daemon, show};

pub(super) fn run(global: &Global, args: &Verify) -> Result<u8, Failure> {
    let store = super::open(global)?;
    private_daemon::recover(&store)?;
    let options = VerifyOptions { full: args.full };
    let projects = match &args.project {
        Some(project) => vec![project.clone()],
        None => store.projects()?.into_iter().collect(),
    };
    let progress = Progress::new("verifying", interrupt::watch(Interactive::No));
    let mut reports: Vec<VerifyReport> = Vec::new();
    for project in &projects {
        let verified = store.verify(project, options, &progress);
        let report = verified.map_err(|e| {
            Failure::from(e).if_interrupted(|| Kept::SomeVerified {
                done: reports.len(),
                of: projects.len(),
            })
        })?;
        reports.push(report);
    }
    drop(progress);
    if global.json {
        show::json(&reports);
    } else {
        show_reports(&reports);
    }
    Ok(code(&reports))
}

/// Damage counts for more than that it could not be noted.
fn code(reports: &[VerifyReport]) -> u8 {
    if !reports.iter().all(VerifyReport::is_sound) {
        return exit::INTEGRITY;
    }
    match reports.iter().any(|report| report.unmarked.is_some()) {
        true => exit::FAILED,
        false => exit::OK,
    }
}

fn show_reports(reports: &[VerifyReport]) {
    let rows = reports.iter().flat_map(|report| {
        report.generations.iter().map(|generation| {
            let serves = if generation.current { " (serves)" } else { "" };
            vec![
                report.project.to_string(),
                format!("{}{serves}", generation.generation),
                generation.layers.to_string(),
                verdict(generation).to_owned(),
            ]
        })
    });
    let header = ["project", "generation", "layers", "verdict"];
    show::table(&header, rows.collect(), "no goldens to verify");
    for report in reports {
        show_one(report);
    }
}

fn verdict(generation: &GenerationFindings) -> &'static str {
    let damaged = generation.layers_damaged > 0 || !generation.findings.is_empty();
    match (generation.quarantined, damaged) {
        (true, _) => "quarantined",
        (false, true) => "damaged",
        (false, false) => "well",
    }
}

/// How much was verified, as a sentence.
fn depth(report: &VerifyReport) -> String {
    let all = report.layers.len();
    let read = report
        .layers
        .iter()
        .filter(|layer| layer.depth == Depth::Contents)
        .count();
    let took = show::duration(Duration::from_millis(report.elapsed_ms));
    let project = &report.project;
    let layers = show::count(all as u64, "layer");
    match (report.full, all - read) {
        (false, _) => format!("project {project}: {layers} in structure, in {took}"),
        (true, 0) => format!("project {project}: {layers} against their digests, in {took}"),
        (true, rest) => format!(
            "project {project}: {read} of {layers} against their digests, \
             {rest} in structure only, in {took}"
        ),
    }
}

fn show_one(report: &VerifyReport) {
    show::line(&depth(report));
    let mut fields: Vec<(&str, String)> = Vec::new();
    let own = report.findings.iter().map(|what| ("found", what.clone()));
    fields.extend(own);
    for generation in &report.generations {
        let of = generation.generation;
        let found = generation.findings.iter();
        fields.extend(found.map(|what| ("found", format!("generation {of}: {what}"))));
    }
    for layer in &report.layers {
        for what in &layer.findings {
            if layer.inside.is_none() {
                fields.push(("found", format!("layer {}: {what}", layer.layer)));
            }
        }
        if !layer.findings.is_empty() && layer.inside.is_none() {
            let needs: Vec<String> = layer
                .needed_by
                .iter()
                .map(|need| format!("generation {} of {}", need.generation, need.project))
                .collect();
            fields.push(("needed by", needs.join(", ")));
        }
    }
    let lifted = report.lifted.iter();
    fields.extend(lifted.map(|layer| ("lifted", format!("layer {layer} is well again"))));
    if !report.is_sound() {
        let project = &report.project;
        let advice = format!("build it anew with `goldenctl build {project}`, or import it again");
        fields.push(("repair", advice));
    }
    if let Some(unmarked) = &report.unmarked {
        fields.push(("not noted", not_noted(unmarked, report.is_sound())));
    }
    show::paragraphs(&fields);
}

/// What could not be written, and what follows from it.
fn not_noted(unmarked: &Unmarked, sound: bool) -> String {
    let follows = match sound {
        true => "what is well again is still in quarantine",
        false => "what is damaged is not in quarantine, and sessions may start from it",
    };
    let next = match unmarked.obstacle {
        Obstacle::ReadOnly => "mount the disk for writing",
        Obstacle::NoSpace => "make room, `goldenctl gc` does",
        Obstacle::Busy => "wait for the command that is at work there",
        Obstacle::Failed => "see to the disk",
    };
    format!("{}: {follows}; {next}, and verify again", unmarked.error)
}
