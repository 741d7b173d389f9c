//! `migrate` and `from-devcontainer`: a file of another format becomes a spec.

use cachecore::environment::migration::Choice;
use camino::Utf8Path;

use crate::cli::{Destination, Global};
use crate::conversion::{self, Converted, Target};
use crate::failure::Failure;
use crate::file::Written;
use crate::{exit, show};

pub(super) fn migrate(
    global: &Global,
    file: &Utf8Path,
    environment: Option<&str>,
    destination: &Destination,
) -> Result<u8, Failure> {
    let choice = Choice {
        image: destination.image.as_deref(),
        environment,
        name: None,
    };
    let target = target(destination);
    let done = conversion::migrate(file, choice, &target, destination.force)?;
    answer(global, &done);
    Ok(exit::OK)
}

pub(super) fn from_devcontainer(
    global: &Global,
    file: &Utf8Path,
    destination: &Destination,
) -> Result<u8, Failure> {
    let image = destination.image.as_deref();
    let target = target(destination);
    let done = conversion::from_devcontainer(file, image, &target, destination.force)?;
    answer(global, &done);
    Ok(exit::OK)
}

fn target(destination: &Destination) -> Target {
    match &destination.to {
        None => Target::Beside,
        Some(path) if path == "-" => Target::Nowhere,
        Some(path) => Target::File(path.clone()),
    }
}

fn answer(global: &Global, done: &Converted) {
    if global.json {
        return show::json(done);
    }
    let Some(to) = &done.to else {
        // What is left is said in its comments.
        return show::bytes(done.text.as_bytes());
    };
    let from = &done.from;
    show::sentence(&match done.written {
        Some(Written::Unchanged) => format!("{to} says already what {from} says"),
        Some(Written::Replaced) => format!("{to} is made from {from}, and what it said is gone"),
        _ => format!("{to} is made from {from}, which stays as it is"),
    });
    let spec = &done.made.spec;
    let mut fields = vec![
        ("name", spec.name.to_string()),
        ("image", spec.image.clone()),
    ];
    for stage in &spec.stages {
        let cached = if stage.cached { "" } else { ", not cached" };
        fields.push(("stage", format!("{}{cached}", stage.name)));
    }
    if spec.run.is_some() {
        fields.push(("run", "a script at every start".to_owned()));
    }
    show::fields(&fields);
    for warning in &done.made.warnings {
        show::line("");
        show::sentence(&format!("warning: {}: {}", warning.field, warning.text));
        show::paragraphs(&[("fix", warning.fix.clone())]);
    }
    if !done.made.kept.is_empty() {
        show::line("");
        show::sentence("Kept in its comments, because a spec has no place for it:");
    }
    let said: Vec<(&str, String)> = done
        .made
        .kept
        .iter()
        .map(|kept| match &kept.instead {
            Some(instead) => (kept.field.as_str(), format!("{}: {instead}", kept.why)),
            None => (kept.field.as_str(), kept.why.clone()),
        })
        .collect();
    show::paragraphs(&said);
}
