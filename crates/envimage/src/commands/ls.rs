use cachecore::environment::collection::{Fate, Keep, Verdict};
use jiff::Timestamp;

use super::gc::signed;
use crate::cli::LsArgs;
use crate::collection::{self, FailedStage};
use crate::daemon::Daemon;
use crate::failure::Failure;
use crate::state::State;
use crate::{exit, show};

pub(super) fn run(args: &LsArgs, json: bool) -> Result<u8, Failure> {
    // What nobody remembers is listed all the same.
    let state = State::from_environment().ok();
    let daemon = Daemon::from_environment();
    let listing = collection::list(&daemon, state.as_ref(), signed(args.max_age))?;
    if json {
        show::json(&listing);
        return Ok(exit::OK);
    }
    let now = Timestamp::now();
    let rows = listing.images.iter().map(|verdict| row(verdict, now));
    let header = [
        "project",
        "stage",
        "key",
        "built",
        "last use",
        "size",
        "refresh by",
    ];
    show::table(&header, rows.collect(), "no images of environments");
    for failed in &listing.failures {
        failure(failed, now);
    }
    Ok(exit::OK)
}

fn row(verdict: &Verdict, now: Timestamp) -> Vec<String> {
    let image = &verdict.image;
    let used = match (&verdict.fate, image.last_used) {
        (Fate::Keep(Keep::Used(_)), _) => "in use".to_owned(),
        (_, Some(used)) => show::age(used, now),
        (_, None) => "-".to_owned(),
    };
    let refresh = match verdict.refresh_by <= now {
        true => "now".to_owned(),
        false => verdict.refresh_by.strftime("%Y-%m-%d").to_string(),
    };
    vec![
        clipped(&image.project, 14),
        clipped(&image.stage, 14),
        key(&image.name),
        show::age(image.created, now),
        used,
        cachecore::size::show(image.size),
        refresh,
    ]
}

fn failure(failed: &FailedStage, now: Timestamp) {
    let project = failed
        .failed
        .project
        .as_deref()
        .map_or(String::new(), |project| format!("{project}, "));
    show::line("");
    show::sentence(&format!(
        "{project}stage {}: its build failed {} ({}), and is tried again {}",
        failed.stage,
        show::age(failed.failed.at, now),
        show::count(failed.failed.times.into(), "time"),
        match failed.failed.holds(now) {
            true => format!(
                "at {}, or at once with `ensure --retry`",
                failed.failed.again.strftime("%Y-%m-%d %H:%M UTC")
            ),
            false => "by the next ensure".to_owned(),
        }
    ));
    show::paragraphs(&[("", failed.failed.reason.clone())]);
}

/// The first digits of the key in an image's name.
pub(super) fn key(image: &str) -> String {
    let key = image.rsplit(['-', ':']).next().unwrap_or(image);
    key.chars().take(8).collect()
}

/// A name, shortened so that a row fits a terminal.
pub(super) fn clipped(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    name.chars().take(most - 1).chain(['…']).collect()
}
