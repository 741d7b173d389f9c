use cachecore::environment::explanation::{Compared, Explained, Explanation};
use cachecore::environment::key::Change;
use cachecore::environment::materials::Base;

use crate::cli::KeyArgs;
use crate::daemon::Daemon;
use crate::explain::{base, explain, look};
use crate::failure::Failure;
use crate::state::State;
use crate::{exit, read, show};

/// Prints the names of the images.
pub(super) fn key(args: &KeyArgs, json: bool) -> Result<u8, Failure> {
    let explanation = of(args, None)?;
    if json {
        show::json(&serde_json::json!({
            "project": explanation.project,
            "base": explanation.base,
            "base_id": explanation.base_id,
            "stages": explanation.stages.iter().map(|stage| serde_json::json!({
                "stage": stage.stage,
                "key": stage.key,
                "image": stage.image,
            })).collect::<Vec<_>>(),
        }));
    } else {
        for stage in &explanation.stages {
            show::line(&stage.image);
        }
    }
    Ok(exit::OK)
}

/// Prints what makes the images what they are.
pub(super) fn run(args: &KeyArgs, json: bool) -> Result<u8, Failure> {
    let mut explanation = of(args, State::from_environment().ok().as_ref())?;
    if args.base_id.is_none() {
        look(&Daemon::from_environment(), &mut explanation)?;
    }
    if json {
        show::json(&explanation);
        return Ok(exit::OK);
    }
    show::sentence(&format!("{} is {}", explanation.base, explanation.base_id));
    for stage in &explanation.stages {
        show::line("");
        tell(stage);
    }
    if explanation.stages.is_empty() {
        show::sentence("There are no stages: the base image is the image.");
    }
    Ok(exit::OK)
}

fn of(args: &KeyArgs, state: Option<&State>) -> Result<Explanation, Failure> {
    let environment = read::load(&args.spec)?;
    let base = match &args.base_id {
        Some(id) => Base {
            name: environment.spec.image.clone(),
            id: id.clone(),
            user: String::new(),
        },
        None => base(&Daemon::from_environment(), &environment.spec.image)?,
    };
    Ok(explain(&environment, &base, state))
}

fn tell(stage: &Explained) {
    let since = match (&stage.last_build, &stage.difference) {
        (Compared::Unknown, _) => "not built here yet".to_owned(),
        (Compared::Same, _) => "as at the last build".to_owned(),
        (Compared::Different, Some(difference)) => {
            format!("since the last build, {difference}")
        }
        (Compared::Different, None) => "the last build was another".to_owned(),
    };
    let present = match stage.present {
        Some(true) => ", its image is there",
        Some(false) => ", its image is not there",
        None => "",
    };
    show::line(&format!(
        "{}: key {}{present}",
        stage.stage,
        stage.key.short()
    ));
    show::line(&format!("  {since}"));
    let marked = |at: &cachecore::environment::key::Input| {
        let difference = stage.difference.as_ref().filter(|it| it.input == *at);
        match difference.map(|it| it.change) {
            Some(Change::Changed) => "  <- changed",
            Some(Change::Added) => "  <- new",
            Some(Change::Removed) | None => "",
        }
    };
    for input in &stage.inputs {
        show::line(&format!(
            "  {}  {input}{}",
            input.hash.short(),
            marked(input)
        ));
    }
}
