use cachecore::id::{Generation, ProjectId};
use cachecore::record::{Manifest, ProjectState, Status};
use camino::{Utf8Path, Utf8PathBuf};
use goldenstore::Store;
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{self, Global};
use crate::failure::Failure;
use crate::{exit, metrics, private_daemon, show};

/// Where a project stands.
#[derive(Serialize)]
struct ProjectStatus {
    /// The state as a person reads it.
    summary: String,
    state: ProjectState,
    generation: Option<Generation>,
    golden: Option<Manifest>,
    last_used_at: Option<Timestamp>,
}

pub(super) fn run(global: &Global, args: &cli::Status) -> Result<u8, Failure> {
    let store = super::open(global)?;
    private_daemon::recover(&store)?;
    if let Some(file) = &args.metrics {
        return write_metrics(&store, args.project.as_ref(), file);
    }
    match &args.project {
        Some(project) => one(global, &look_at(&store, project)?),
        None => {
            every(global, &look_at_all(&store)?);
        }
    }
    Ok(exit::OK)
}

fn look_at_all(store: &Store) -> Result<Vec<ProjectStatus>, Failure> {
    store
        .projects()?
        .iter()
        .map(|project| look_at(store, project))
        .collect()
}

/// Replaces the file as a whole: a collector never reads half of it.
fn write_metrics(
    store: &Store,
    project: Option<&ProjectId>,
    file: &Utf8Path,
) -> Result<u8, Failure> {
    let projects = match project {
        Some(project) => vec![look_at(store, project)?],
        None => look_at_all(store)?,
    };
    let projects: Vec<metrics::Project<'_>> = projects
        .iter()
        .map(|status| metrics::Project {
            state: &status.state,
            generation: status.generation,
            golden: status.golden.as_ref(),
            last_used_at: status.last_used_at,
        })
        .collect();
    let mut sessions = store.list_sessions()?;
    if let Some(project) = project {
        sessions.retain(|session| session.record.project == *project);
    }
    let text = metrics::render(&projects, &sessions, Timestamp::now());
    if file == "-" {
        show::bytes(text.as_bytes());
        return Ok(exit::OK);
    }
    let aside = Utf8PathBuf::from(format!("{file}.{}", std::process::id()));
    let written = std::fs::write(&aside, text).and_then(|()| std::fs::rename(&aside, file));
    written.map_err(|source| {
        // It may not be there.
        let _ = std::fs::remove_file(&aside);
        Failure::Io {
            action: "write",
            path: file.as_std_path().to_owned(),
            source,
        }
    })?;
    Ok(exit::OK)
}

fn look_at(store: &Store, project: &ProjectId) -> Result<ProjectStatus, Failure> {
    let golden = store.serving(project)?;
    let state = store.project_state(project)?;
    Ok(ProjectStatus {
        summary: show::standing(&state, golden.as_ref(), Timestamp::now()),
        state,
        generation: golden.as_ref().map(|golden| golden.generation),
        golden,
        last_used_at: store.last_used(project)?,
    })
}

fn every(global: &Global, projects: &[ProjectStatus]) {
    if global.json {
        return show::json(&projects);
    }
    let now = Timestamp::now();
    let rows = projects
        .iter()
        .map(|status| {
            let dash = || "-".to_owned();
            let size = |golden: &Manifest| {
                show::size(golden.sizes.shared_bytes + golden.sizes.mutable_bytes)
            };
            vec![
                status.state.project.to_string(),
                status.state.status.name().to_owned(),
                status.generation.map_or_else(dash, |g| g.to_string()),
                status.golden.as_ref().map_or_else(dash, size),
                status
                    .golden
                    .as_ref()
                    .map_or_else(dash, |g| show::age(g.promoted_at, now)),
                status
                    .last_used_at
                    .map_or_else(dash, |at| show::age(at, now)),
            ]
        })
        .collect();
    let header = [
        "project",
        "status",
        "generation",
        "size",
        "promoted",
        "last used",
    ];
    show::table(
        &header,
        rows,
        "no projects; make a golden with `goldenctl build` or `import`",
    );
}

fn one(global: &Global, status: &ProjectStatus) {
    if global.json {
        return show::json(status);
    }
    let now = Timestamp::now();
    let state = &status.state;
    show::line(&format!("{}: {}", state.project, status.summary));
    let mut fields = requests(state, now);
    if let Some(golden) = &status.golden {
        fields.extend([
            (
                "generation",
                format!(
                    "{}, promoted {}",
                    golden.generation,
                    show::age(golden.promoted_at, now)
                ),
            ),
            ("kind", kind(golden)),
            (
                "shared",
                show::shared(golden.sizes.shared_bytes, golden.layers.len() as u64),
            ),
            (
                "copied",
                format!(
                    "{} for each session",
                    show::size(golden.sizes.mutable_bytes)
                ),
            ),
        ]);
        fields.extend(
            golden
                .engine
                .iter()
                .map(|engine| ("engine", engine.clone())),
        );
        fields.extend(
            golden
                .revision
                .iter()
                .map(|revision| ("revision", revision.clone())),
        );
        fields.extend(
            status
                .last_used_at
                .map(|at| ("last used", show::age(at, now))),
        );
    }
    show::paragraphs(&fields);
    if state.last_builds.is_empty() {
        return;
    }
    let rows = state.last_builds.iter().map(|build| {
        let took = build
            .ended_at
            .duration_since(build.started_at)
            .unsigned_abs();
        vec![
            build.build.to_string(),
            build
                .generation
                .map_or_else(|| "-".to_owned(), |g| g.to_string()),
            show::age(build.ended_at, now),
            show::duration(took),
            match build.generation {
                Some(_) => "promoted".to_owned(),
                None => build.reason.clone(),
            },
        ]
    });
    show::table(
        &["build", "generation", "ended", "took", "what happened"],
        rows.collect(),
        "",
    );
}

/// Which store the golden has, and in how many folders.
fn kind(golden: &Manifest) -> String {
    let beside = if golden.containerd {
        ", containerd's root in a folder of its own"
    } else {
        ""
    };
    format!("{}{beside}", golden.kind)
}

/// What is wanted of the project, and what a person can do about where it stands.
fn requests(state: &ProjectState, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    // A failure's reason stands in the line above.
    if state.status != Status::Failed {
        fields.push(("why", state.reason.clone()));
    }
    fields.extend(state.settings.iter().map(|settings| {
        let enabled = if settings.enabled {
            "enabled"
        } else {
            "disabled"
        };
        ("triggers", format!("{enabled}, by {}", settings.startup))
    }));
    let pending = state.pending.iter();
    fields.extend(pending.map(|request| ("pending", show::pending(request, now))));
    fields.extend(show::next_step(state).map(|step| ("next", step)));
    fields
}
