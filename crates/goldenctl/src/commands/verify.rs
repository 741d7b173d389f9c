use std::time::Duration;

use cachecore::record::Form;
use goldenstore::{Depth, Store, VerifyOptions, VerifyReport};

use crate::cli::{Global, Verify};
use crate::failure::Failure;
use crate::interrupt::{self, Interactive};
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
    let reports: Result<Vec<VerifyReport>, _> = projects
        .iter()
        .map(|project| store.verify(project, options, &progress))
        .collect();
    let reports = reports?;
    drop(progress);
    if global.json {
        show::json(&reports);
    } else {
        show_reports(&store, &reports);
    }
    Ok(if reports.iter().all(VerifyReport::is_sound) {
        exit::OK
    } else {
        exit::INTEGRITY
    })
}

fn show_reports(store: &Store, reports: &[VerifyReport]) {
    let rows = reports.iter().flat_map(|report| {
        report.generations.iter().map(|generation| {
            let serves = if generation.current { " (serves)" } else { "" };
            vec![
                report.project.to_string(),
                format!("{}{serves}", generation.generation),
                generation.layers.to_string(),
                match (generation.quarantined, generation.findings.is_empty()) {
                    (true, _) => "quarantined".to_owned(),
                    (false, true) => "well".to_owned(),
                    (false, false) => "damaged".to_owned(),
                },
            ]
        })
    });
    let header = ["project", "generation", "layers", "verdict"];
    show::table(&header, rows.collect(), "no goldens to verify");
    for report in reports {
        let golden = store.serving(&report.project).ok().flatten();
        show_one(
            report,
            golden.is_some_and(|golden| golden.form == Form::Whole),
        );
    }
}

fn show_one(report: &VerifyReport, is_whole: bool) {
    let read = report
        .layers
        .iter()
        .filter(|layer| layer.depth == Depth::Contents)
        .count();
    let structure = report.layers.len() - read;
    let took = show::duration(Duration::from_millis(report.elapsed_ms));
    show::line(&format!(
        "{}: {} verified by contents, {structure} by structure only, in {took}",
        report.project,
        show::count(read as u64, "layer")
    ));
    let mut fields: Vec<(&str, String)> = Vec::new();
    if is_whole {
        let text = "layers inside a golden that is a btrfs subvolume are not verified";
        fields.push(("note", text.to_owned()));
    }
    let own = report.findings.iter().map(|what| ("found", what.clone()));
    fields.extend(own);
    for generation in &report.generations {
        let of = generation.generation;
        let found = generation.findings.iter();
        fields.extend(found.map(|what| ("found", format!("generation {of}: {what}"))));
    }
    for layer in &report.layers {
        for what in &layer.findings {
            fields.push(("found", format!("layer {}: {what}", layer.layer)));
        }
        if !layer.findings.is_empty() {
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
    show::paragraphs(&fields);
}
