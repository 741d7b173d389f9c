use std::time::Duration;

use cachecore::environment::collection::{Fate, Rules, Verdict};
use jiff::SignedDuration;

use super::ls::{clipped, key};
use crate::cli::GcArgs;
use crate::collection::{self, Collected};
use crate::daemon::Daemon;
use crate::failure::Failure;
use crate::state::State;
use crate::{exit, show};

pub(super) fn run(args: &GcArgs, json: bool) -> Result<u8, Failure> {
    let rules = Rules {
        max_age: signed(args.max_age),
        max_idle: args.max_idle.map(signed),
    };
    let state = State::from_environment().ok();
    let daemon = Daemon::from_environment();
    let collected = collection::collect(&daemon, state.as_ref(), &rules, args.dry_run)?;
    if json {
        show::json(&collected);
    } else {
        table(&collected);
    }
    for left in &collected.left {
        show::note(&format!("left: {}: {}", left.what, left.because));
    }
    match collected.left.len() {
        0 => Ok(exit::OK),
        left => Err(Failure::Left { left }),
    }
}

fn table(collected: &Collected) {
    let rows = |goes: bool| -> Vec<Vec<String>> {
        let all = collected.plan.images.iter();
        let some = all.filter(|verdict| matches!(verdict.fate, Fate::Remove(_)) == goes);
        some.map(row).collect()
    };
    let (going, staying) = (rows(true), rows(false));
    let count = |number: usize| show::count(number as u64, "image");
    let (gone, stay) = (count(going.len()), count(staying.len()));
    if !going.is_empty() {
        show::table(&["goes", "stage", "key", "size", "why"], going, "");
    }
    if !staying.is_empty() {
        show::table(&["stays", "stage", "key", "size", "why"], staying, "");
    }
    let mut also = Vec::new();
    let mut say = |number: usize, thing: &str| {
        if number > 0 {
            also.push(show::count(number as u64, thing));
        }
    };
    say(collected.plan.bases.len(), "name of a base image");
    say(collected.abandoned.len(), "killed build");
    say(
        collected.forgotten.values().sum::<u64>() as usize,
        "old record",
    );
    let also = match also.is_empty() {
        true => String::new(),
        false => format!("; besides {}", also.join(", ")),
    };
    let verb = match collected.dry_run {
        true => "would remove",
        false => "removed",
    };
    show::sentence(&format!("{verb} {gone}, kept {stay}{also}"));
}

fn row(verdict: &Verdict) -> Vec<String> {
    let image = &verdict.image;
    let why = match &verdict.fate {
        Fate::Keep(why) => why.to_string(),
        Fate::Remove(why) => why.to_string(),
    };
    let size = cachecore::size::show(image.size);
    let names = [clipped(&image.project, 16), clipped(&image.stage, 16)];
    names
        .into_iter()
        .chain([key(&image.name), size, why])
        .collect()
}

/// A time as the core counts.
pub(super) fn signed(time: Duration) -> SignedDuration {
    SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
}
