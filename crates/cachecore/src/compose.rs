//! How the services of a compose project are built by a builder that is not the daemon, so that their images
//! are in the daemon afterwards.
//!
//! Compose builds one service after another and sends each image as a whole. Instead all services are built
//! by one `docker buildx bake`, and what the daemon lacks of each image is brought from the builder.
//!
//! 1. [`may_build`], [`question`]: which words make the real compose say how it understands the project
//! 2. [`Model`]: its answer, `compose config --format json`
//! 3. [`wanted`]: which services are to be built
//! 4. [`bake`]: the definition that builds them as compose would, labels included
//! 5. [`without_build`]: the words that start them afterwards
//!
//! Mounts that the daemon has elsewhere are told by one more file behind all others: [`overlay`], [`last`].
//! [`name_question`] finds out whether a project has been named.
//!
//! Whatever cannot be kept leaves the whole command to compose: [`AsItIs`] says why.

mod definition;
mod fields;
mod model;
mod naming;
mod overlay;
mod question;
mod target;
mod wanted;

use serde::Serialize;

pub use definition::{Definition, Target};
pub use model::{Model, Service};
pub use naming::{is_project_name, name_question};
pub use overlay::{Chain, Last, Overlay, last, overlay};
pub use question::{Question, may_build, question};
pub use target::{Circumstances, Version};
pub use wanted::{Wanted, wanted, without_build};

/// A command is left to compose, because of this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{0}")]
pub struct AsItIs(pub String);

/// Says why a command is left to compose.
fn as_it_is<T>(why: impl Into<String>) -> Result<T, AsItIs> {
    Err(AsItIs(why.into()))
}

/// What is built: one target for each image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bake {
    /// The services, in the order of their names.
    pub images: Vec<Image>,
    /// What bake reads. It is explained without what is nobody's business.
    #[serde(serialize_with = "as_shown")]
    pub definition: Definition,
}

fn as_shown<S: serde::Serializer>(definition: &Definition, to: S) -> Result<S::Ok, S::Error> {
    definition.shown().serialize(to)
}

/// The image of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// The service.
    pub service: String,
    /// Its target in the definition.
    pub target: String,
    /// The names that it gets in the daemon.
    pub names: Vec<String>,
    /// Whether nobody has said anything about its cache.
    pub shares_cache: bool,
}

/// The definition that builds services as compose would.
///
/// # Errors
/// [`AsItIs`] if a service has something that cannot be kept.
pub fn bake(
    model: &Model,
    services: &[String],
    circumstances: &Circumstances<'_>,
) -> Result<Bake, AsItIs> {
    let names = target::names(model);
    let mut definition = Definition::default();
    let mut images = Vec::new();
    for service in target::with_contexts(model, services)? {
        let target = target::target(model, service, &names, circumstances)?;
        let name = names[service].clone();
        images.push(Image {
            service: service.to_owned(),
            target: name.clone(),
            names: target.tags.clone(),
            shares_cache: target.shares_cache(),
        });
        definition.add(name, target);
    }
    definition.check()?;
    Ok(Bake { images, definition })
}

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod tests;
