use std::time::Duration;

use cachecore::id::Generation;
use goldenstore::{PromoteOptions, PromoteReport, StartReport, StartRequest};
use jiff::Timestamp;

use crate::cli::{Global, Session, SessionPromote, SessionStart};
use crate::failure::Failure;
use crate::interrupt::{self, Interactive};
use crate::kept::Kept;
use crate::progress::Progress;
use crate::{exit, private_daemon, show};

pub(super) fn run(global: &Global, args: &Session) -> Result<u8, Failure> {
    match args {
        Session::Start(args) => start(global, args),
        Session::Promote(args) => promote(global, args),
        Session::Rm { session } => {
            let store = super::open(global)?;
            let progress = Progress::new("removing", interrupt::watch(Interactive::No));
            let removed = store.remove_session(session, &progress);
            drop(progress);
            let report = removed.map_err(|e| {
                Failure::from(e).if_interrupted(|| match store.session(session) {
                    Ok(_) => Kept::Everything,
                    Err(_) => Kept::Gone {
                        what: format!("session {session}"),
                    },
                })
            })?;
            if global.json {
                show::json(&report);
            } else {
                show::line(&format!("session {session} is removed"));
            }
            Ok(exit::OK)
        }
        Session::Ls => list(global),
    }
}

fn start(global: &Global, args: &SessionStart) -> Result<u8, Failure> {
    let store = super::open(global)?;
    let request = StartRequest {
        strategy: args.strategy,
        or_empty: args.or_empty,
        containerd: args.containerd,
        expires: args.expires,
        generation: args.generation.map(Generation::new),
        ..StartRequest::new(args.project.clone(), args.session.clone())
    };
    let progress = Progress::new("cloning the golden", interrupt::watch(Interactive::No));
    let started = store.start_session(&request, &progress);
    drop(progress);
    let session = args.session.clone();
    let report =
        started.map_err(|e| Failure::from(e).if_interrupted(|| Kept::NoSession { session }))?;
    if global.json {
        show::json(&report);
    } else {
        show_start(&report);
    }
    Ok(exit::OK)
}

fn show_start(report: &StartReport) {
    let from = match report.generation {
        Some(generation) => format!("generation {generation} of {}", report.project),
        None => format!("{} (no golden)", report.project),
    };
    show::line(&format!(
        "session {} is ready: {from}, {} in {}",
        report.session,
        report.strategy,
        show::duration(Duration::from_millis(report.elapsed_ms))
    ));
    let mut fields = vec![
        ("data root", report.data_root.to_string()),
        ("shared", show::shared(report.bytes_shared, report.layers)),
        (
            "copied",
            format!(
                "{} in {} files",
                show::size(report.bytes_copied),
                report.files_copied
            ),
        ),
    ];
    for mount in &report.mounts {
        let mode = if mount.read_only { ":ro" } else { "" };
        fields.push((
            "mount",
            format!("-v {}:{}{mode}", mount.source, mount.target),
        ));
    }
    fields.extend(report.why.iter().map(|reason| ("why", reason.clone())));
    show::fields(&fields);
}

fn promote(global: &Global, args: &SessionPromote) -> Result<u8, Failure> {
    let store = super::open(global)?;
    let options = PromoteOptions {
        force: args.force,
        volumes: args.volumes.volumes(),
        revision: args.revision.clone(),
        trust_layers: args.trust_layers,
        ..PromoteOptions::default()
    };
    let progress = Progress::new("promoting", interrupt::watch(Interactive::No));
    let promoted = store.promote_session(&args.session, &options, &progress);
    drop(progress);
    let session = args.session.clone();
    let report =
        promoted.map_err(|e| Failure::from(e).if_interrupted(|| Kept::Session { session }))?;
    answer_promotion(global, &report);
    Ok(exit::OK)
}

/// Answers with what a promotion did; an import ends in one too.
pub(super) fn answer_promotion(global: &Global, report: &PromoteReport) {
    if global.json {
        show::json(report);
    } else {
        show_promotion(report);
    }
}

/// Shows what a promotion did; a build shows more.
pub(super) fn show_promotion(report: &PromoteReport) {
    show::line(&format!(
        "project {} has generation {}",
        report.project, report.generation
    ));
    let mut fields = Vec::new();
    // A golden that is a subvolume has them inside.
    if report.layers > 0 {
        let layers = format!(
            "{} in the store, of which {} are new there",
            report.layers, report.layers_moved
        );
        fields.push(("layers", layers));
    }
    fields.extend([
        ("shared", show::size(report.sizes.shared_bytes)),
        (
            "copied",
            format!(
                "{} in {} entries, for each session",
                show::size(report.sizes.mutable_bytes),
                report.sizes.mutable_entries
            ),
        ),
    ]);
    fields.extend(report.notes.iter().map(|note| ("note", note.clone())));
    show::paragraphs(&fields);
}

fn list(global: &Global) -> Result<u8, Failure> {
    let store = super::open(global)?;
    private_daemon::recover(&store)?;
    let sessions = store.list_sessions()?;
    let unusable = store.unusable_sessions()?;
    if global.json {
        let usable = sessions.iter().map(serde_json::to_value);
        let rows: Result<Vec<_>, _> = usable
            .chain(unusable.iter().map(serde_json::to_value))
            .collect();
        show::json(&rows.unwrap_or_default());
        return Ok(exit::OK);
    }
    let now = Timestamp::now();
    let mut rows: Vec<Vec<String>> = sessions
        .into_iter()
        .map(|info| {
            let record = info.record;
            vec![
                record.session.to_string(),
                match record.generation {
                    Some(generation) => format!("{} {generation}", record.project),
                    None => format!("{} -", record.project),
                },
                record.strategy.to_string(),
                record.purpose.name().to_owned() + if info.held { " (running)" } else { "" },
                show::age(record.started_at, now),
            ]
        })
        .collect();
    let header = ["session", "golden", "strategy", "purpose", "started"];
    for session in &unusable {
        let mut row = vec![session.session.to_string()];
        row.resize(header.len(), "-".to_owned());
        row[3] = "unusable".to_owned();
        rows.push(row);
    }
    show::table(&header, rows, "no sessions");
    for session in &unusable {
        show::note(&format!(
            "session {} cannot be used: {}",
            session.session, session.unusable
        ));
    }
    Ok(exit::OK)
}
