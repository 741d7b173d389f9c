//! What makes an environment's images what they are.

use cachecore::environment::explanation::{self, Explanation};
use cachecore::environment::key::REPOSITORY;
use cachecore::environment::materials::Base;
use cachecore::environment::template::label;
use cachecore::id::StageName;

use crate::daemon::Daemon;
use crate::ensure::EnsureError;
use crate::read::Loaded;
use crate::state::State;

/// What a daemon has under the name of a base image. Nothing is pulled.
///
/// # Errors
/// [`EnsureError`] if the daemon cannot be asked, or has no such image.
pub fn base(daemon: &Daemon, name: &str) -> Result<Base, EnsureError> {
    let image = daemon.images().find(name)?;
    let image = image.ok_or_else(|| EnsureError::NoBase {
        image: name.to_owned(),
        said: "the daemon does not have it".to_owned(),
    })?;
    Ok(Base {
        name: name.to_owned(),
        id: image.id,
        user: image.user,
    })
}

/// Explains the images of an environment, and compares them with those that were built last. Without a state
/// nothing is known of these.
pub fn explain(environment: &Loaded, base: &Base, state: Option<&State>) -> Explanation {
    let spec = &environment.spec;
    let last = |stage: &StageName| {
        let state = state?;
        state.inputs(spec.name.as_str(), stage.as_str())
    };
    explanation::explain(spec, &environment.materials, base, last)
}

/// Notes which of the explained images a daemon has.
///
/// # Errors
/// [`EnsureError`] if the daemon cannot be asked.
pub fn look(daemon: &Daemon, explanation: &mut Explanation) -> Result<(), EnsureError> {
    let listed = daemon.images().list(&[REPOSITORY])?;
    for stage in &mut explanation.stages {
        let key = stage.key.to_string();
        let present = listed.iter().any(|image| {
            image.tags.contains(&stage.image) && image.labels.get(label::KEY) == Some(&key)
        });
        stage.present = Some(present);
    }
    Ok(())
}
