use std::collections::BTreeMap;
use std::time::Duration;

use cachecore::collection::{CollectionPlan, Item, Policy, Reason, Unjudged};
use goldenstore::StoreError;

use crate::cli::{Gc, Global};
use crate::failure::Failure;
use crate::interrupt::{self, Interactive};
use crate::kept::Kept;
use crate::progress::Progress;
use crate::{exit, private_daemon, show};

pub(super) fn run(global: &Global, args: &Gc) -> Result<u8, Failure> {
    let store = super::open(global)?;
    let policy = Policy {
        keep: args.keep,
        max_size: args.max_size,
        max_idle: args.max_idle,
        session_idle: args.session_idle,
        keep_builds: args.keep_builds,
    };
    let interrupted = interrupt::watch(Interactive::No);
    if args.dry_run {
        let progress = Progress::new("looking", interrupted);
        let plan = store.plan_collection(&policy, &progress);
        drop(progress);
        let plan = plan.map_err(nothing_gone)?;
        if global.json {
            show::json(&plan);
        } else {
            show_plan(&plan);
            show::line(&format!(
                "would return {}, of {}; nothing is changed",
                show::size(plan.bytes()),
                show::size(plan.bytes_before)
            ));
            show_size(&plan, &policy);
        }
        return all_done(&[], &plan.unjudged);
    }
    let progress = Progress::new("collecting", interrupted);
    let collected = store.collect(&policy, &progress);
    private_daemon::sweep();
    drop(progress);
    let report = collected.map_err(nothing_gone)?;
    if global.json {
        show::json(&report);
    } else {
        show_plan(&report.plan);
        show::line(&format!(
            "returned {}, of {}; {} are free; took {}",
            show::size(report.plan.bytes()),
            show::size(report.plan.bytes_before),
            show::size(report.free),
            show::duration(Duration::from_millis(report.elapsed_ms))
        ));
        show_size(&report.plan, &policy);
    }
    all_done(&report.failed, &report.plan.unjudged)
}

/// A collection that was interrupted before it had decided anything.
fn nothing_gone(error: StoreError) -> Failure {
    Failure::from(error).if_interrupted(|| Kept::Everything)
}

/// Fails if something was left, and names it.
pub(super) fn all_done(failed: &[Unjudged], unjudged: &[Unjudged]) -> Result<u8, Failure> {
    for left in failed.iter().chain(unjudged) {
        show::note(&format!("left: {}: {}", left.what, left.because));
    }
    if failed.is_empty() && unjudged.is_empty() {
        return Ok(exit::OK);
    }
    Err(Failure::Left {
        left: failed.len() + unjudged.len(),
        unread: failed.is_empty(),
        busy: unjudged.is_empty() && failed.iter().all(|failed| failed.busy),
    })
}

/// What goes and what stays, layers and builds counted, since their names mean nothing to people.
fn show_plan(plan: &CollectionPlan) {
    let mut counted: BTreeMap<(&str, Reason), (u64, u64)> = BTreeMap::new();
    let mut rows = Vec::new();
    for removal in &plan.removals {
        let many = match &removal.item {
            Item::Layer { .. } => "layers",
            Item::Placeholder { .. } => "layers that never came",
            Item::Build { .. } => "builds",
            item => {
                rows.push(row(item, removal.reason, removal.bytes));
                continue;
            }
        };
        let (count, bytes) = counted.entry((many, removal.reason)).or_default();
        *count += 1;
        *bytes += removal.bytes;
    }
    for ((what, reason), (count, bytes)) in counted {
        rows.push(row(&format!("{count} {what}"), reason, bytes));
    }
    if !rows.is_empty() {
        show::table(&["goes", "why", "size"], rows, "");
    }
    let kept: Vec<Vec<String>> = plan
        .kept
        .iter()
        .map(|kept| {
            vec![
                kept.item.to_string(),
                kept.over.to_string(),
                kept.because.to_string(),
            ]
        })
        .collect();
    if !kept.is_empty() {
        show::table(&["stays", "although", "because"], kept, "");
    }
    for stranger in &plan.strangers {
        show::note(&format!(
            "left alone: {stranger}: it is nothing of a store's"
        ));
    }
}

fn row(what: &dyn std::fmt::Display, reason: Reason, bytes: u64) -> Vec<String> {
    vec![what.to_string(), reason.to_string(), show::size(bytes)]
}

fn show_size(plan: &CollectionPlan, policy: &Policy) {
    if let (Some(false), Some(max_size)) = (plan.size_reached, policy.max_size) {
        show::line(&format!(
            "the store stays larger than {}: what sessions hold is not given up",
            show::size(max_size)
        ));
    }
}
