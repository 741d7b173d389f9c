use cachecore::changes::{self, Changes, Compared};
use cachecore::id::{Generation, ProjectId};
use cachecore::record::{
    BuildSummary, Decision, Manifest, Origin, ProjectState, Request, Status, Verdict,
};
use cachecore::trigger::{self, Golden};
use goldenstore::{Store, StoreError};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::Global;
use crate::failure::Failure;
use crate::{builder, exit, private_daemon, show};

/// How many layers are shown; the document has all.
const SHOWN_LAYERS: usize = 10;

/// Why a project's golden is what it is.
#[derive(Serialize)]
struct Explained {
    project: ProjectId,
    summary: String,
    reason: String,
    #[serde(skip)]
    failed: bool,
    golden: Option<ThisGolden>,
    /// What changed since the newest earlier generation that is kept.
    changes: Option<Changes>,
    last_build: Option<BuildSummary>,
    last_request: Option<Decision>,
    pending: Option<Request>,
    /// The newest request that came to nothing.
    unbuilt: Option<Request>,
    next_trigger: NextTrigger,
}

#[derive(Serialize)]
struct ThisGolden {
    generation: Generation,
    base: Option<Generation>,
    origin: Origin,
    revision: Option<String>,
    engine: Option<String>,
    startup_sha256: Option<String>,
    /// The startup file as it is now.
    startup_sha256_now: Option<String>,
    promoted_at: Timestamp,
    layers: usize,
    shared_bytes: u64,
    mutable_bytes: u64,
}

/// What a trigger would lead to now.
#[derive(Serialize)]
struct NextTrigger {
    /// Of the golden's own revision; `None` if it has none.
    same_revision: Option<Decision>,
    another_revision: Decision,
}

pub(super) fn run(global: &Global, project: &ProjectId) -> Result<u8, Failure> {
    let store = super::open(global)?;
    private_daemon::recover(&store)?;
    let now = Timestamp::now();
    let explained = gather(&store, project, now)?;
    if global.json {
        show::json(&explained);
    } else {
        tell(&explained, now);
    }
    Ok(exit::OK)
}

fn gather(store: &Store, project: &ProjectId, now: Timestamp) -> Result<Explained, Failure> {
    let state = store.project_state(project)?;
    let manifest = store.serving(project)?;
    let facts = builder::facts(&state, manifest.as_ref().map(Golden::from));
    let would = |state: &ProjectState, revision: Option<&str>| {
        trigger::trigger(&mut state.clone(), revision, &facts, now)
    };
    let own = manifest.as_ref().and_then(|it| it.revision.as_deref());
    let next_trigger = NextTrigger {
        same_revision: own.map(|own| would(&state, Some(own))),
        another_revision: would(&state, None),
    };
    let changes = match &manifest {
        Some(manifest) => match since_the_last(store, manifest) {
            // One of them was collected meanwhile.
            Err(StoreError::UnknownGeneration { .. }) => None,
            changes => changes?,
        },
        None => None,
    };
    Ok(Explained {
        project: project.clone(),
        summary: show::standing(&state, manifest.as_ref(), now),
        failed: state.status == Status::Failed,
        reason: state.reason,
        golden: manifest.map(|it| ThisGolden {
            generation: it.generation,
            base: it.base,
            origin: it.origin,
            revision: it.revision,
            engine: it.engine,
            startup_sha256: it.startup_sha256,
            startup_sha256_now: facts.startup_sha256.clone(),
            promoted_at: it.promoted_at,
            layers: it.layers.len(),
            shared_bytes: it.sizes.shared_bytes,
            mutable_bytes: it.sizes.mutable_bytes,
        }),
        changes,
        last_build: state.last_builds.into_iter().next(),
        last_request: state.last_decision,
        pending: state.pending,
        unbuilt: state.unbuilt,
        next_trigger,
    })
}

fn since_the_last(store: &Store, now: &Manifest) -> Result<Option<Changes>, StoreError> {
    let project = &now.project;
    let kept = store.generations(project)?;
    let Some(last) = kept.into_iter().rfind(|kept| *kept < now.generation) else {
        return Ok(None);
    };
    let before = store.manifest(project, last)?;
    let volumes = [last, now.generation].map(|generation| store.volumes(project, generation));
    let [had, has] = volumes;
    let (had, has) = (had?, has?);
    Ok(Some(changes::between(
        Compared {
            manifest: &before,
            volumes: &had,
        },
        Compared {
            manifest: now,
            volumes: &has,
        },
    )))
}

fn tell(explained: &Explained, now: Timestamp) {
    show::line(&format!("{}: {}", explained.project, explained.summary));
    let mut fields = Vec::new();
    // A failure's reason stands in the line above.
    if !explained.failed {
        fields.push(("why", explained.reason.clone()));
    }
    if let Some(golden) = &explained.golden {
        fields.extend(about(golden, now));
    }
    show::paragraphs(&fields);
    if let Some(changes) = &explained.changes {
        tell_changes(changes);
    }
    let mut fields = Vec::new();
    if let Some(last) = &explained.last_request {
        fields.push(("last request", was_decided(last, now)));
    }
    let pending = explained.pending.iter();
    fields.extend(pending.map(|request| ("pending", show::pending(request, now))));
    let unbuilt = explained.unbuilt.iter();
    fields.extend(unbuilt.map(|request| ("not built", show::pending(request, now))));
    let next = &explained.next_trigger;
    if let Some(same) = &next.same_revision {
        fields.push((
            "next trigger",
            format!("of the same revision: {}", decided(same)),
        ));
    }
    let another = decided(&next.another_revision);
    let another = match &next.same_revision {
        Some(_) => format!("of another revision: {another}"),
        None => another,
    };
    fields.push(("next trigger", another));
    show::line("");
    show::paragraphs(&fields);
}

fn decided(decision: &Decision) -> String {
    let verdict = match decision.verdict {
        Verdict::StartNow => "builds at once",
        Verdict::Coalesced => "waits",
        Verdict::Skipped => "needs no build",
        Verdict::Refused => "is refused",
    };
    format!("{verdict}: {}", decision.reason)
}

/// The same of a request that was made.
fn was_decided(decision: &Decision, now: Timestamp) -> String {
    let revision = match &decision.revision {
        Some(revision) => format!(" of revision {revision}"),
        None => String::new(),
    };
    let became = match decision.verdict {
        Verdict::StartNow => "started a build",
        Verdict::Coalesced => "had to wait",
        Verdict::Skipped => "needed no build",
        Verdict::Refused => "was refused",
    };
    format!(
        "{}{revision} {became} {}; the reason then: {}",
        decision.by.name(),
        show::age(decision.at, now),
        decision.reason
    )
}

fn about(golden: &ThisGolden, now: Timestamp) -> Vec<(&'static str, String)> {
    let origin = match &golden.origin {
        Origin::Import { path, .. } => format!("import of {path}"),
        Origin::Session { session } => format!("session {session}"),
        Origin::Build { build, .. } => format!("build {build}"),
    };
    let mut fields = vec![
        (
            "generation",
            format!(
                "{}, promoted {}",
                golden.generation,
                show::age(golden.promoted_at, now)
            ),
        ),
        ("made by", origin),
        (
            "base",
            golden
                .base
                .map_or_else(|| "none".to_owned(), |base| format!("generation {base}")),
        ),
    ];
    let revision = golden.revision.iter();
    fields.extend(revision.map(|revision| ("revision", revision.clone())));
    if let Some(hash) = &golden.startup_sha256 {
        let since = match &golden.startup_sha256_now {
            Some(now) if now == hash => "unchanged since",
            Some(_) => "changed since",
            None => "cannot be read now",
        };
        fields.push(("startup file", format!("{}, {since}", short(hash))));
    }
    let engine = golden.engine.iter();
    fields.extend(engine.map(|engine| ("engine", engine.clone())));
    fields.push((
        "size",
        format!(
            "{}, shared; {} copied for each session",
            show::shared(golden.shared_bytes, golden.layers as u64),
            show::size(golden.mutable_bytes)
        ),
    ));
    fields
}

fn tell_changes(changes: &Changes) {
    show::line("");
    show::line(&format!("since generation {}", changes.since));
    let unknown = || "unknown".to_owned();
    let change = |[before, now]: &[Option<String>; 2]| {
        let word = |it: &Option<String>| it.clone().unwrap_or_else(unknown);
        format!("{} -> {}", word(before), word(now))
    };
    let mut fields = Vec::new();
    fields.extend(changes.revision.iter().map(|it| ("revision", change(it))));
    fields.extend(changes.engine.iter().map(|it| ("engine", change(it))));
    if changes.startup_changed == Some(true) {
        fields.push(("startup file", "changed".to_owned()));
    }
    let [before, now] = changes.mutable_bytes;
    let [before, now] = [before, now].map(show::size);
    if before != now {
        fields.push(("copied", format!("{before} -> {now}")));
    }
    for (name, layers) in [
        ("layers new", &changes.layers_added),
        ("layers gone", &changes.layers_gone),
    ] {
        let bytes = layers.iter().map(|layer| layer.bytes).sum();
        if !layers.is_empty() {
            fields.push((name, format!("{}, {}", layers.len(), show::size(bytes))));
        }
    }
    show::paragraphs(&fields);
    let layers = [
        ("new", &changes.layers_added),
        ("gone", &changes.layers_gone),
    ];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (change, all) in layers {
        rows.extend(all.iter().take(SHOWN_LAYERS).map(|layer| {
            vec![
                "layer".to_owned(),
                change.to_owned(),
                short(layer.layer.as_str()).to_owned(),
                show::size(layer.bytes),
            ]
        }));
    }
    let volumes = [
        ("new", &changes.volumes_added),
        ("gone", &changes.volumes_gone),
    ];
    for (change, all) in volumes {
        rows.extend(all.iter().map(|volume| {
            vec![
                "volume".to_owned(),
                change.to_owned(),
                volume.clone(),
                "-".to_owned(),
            ]
        }));
    }
    show::table(
        &["what", "change", "name", "size"],
        rows,
        "  no layer and no volume is new or gone",
    );
}

/// As much of a long name as Docker shows.
fn short(name: &str) -> &str {
    let length = if name.starts_with("snap-") { 17 } else { 12 };
    name.get(..length).unwrap_or(name)
}
