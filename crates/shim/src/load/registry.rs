//! An image that cannot be read from its builder, through a registry.
//!
//! The builder pushes it, the daemon pulls it, both by its digest alone: whatever else is pushed there
//! meanwhile, it is this image or none.

use std::process::{Command, Stdio};

use cachecore::build::pushed;
use cachecore::load::{self, Built, Name};

use super::{Loaded, Loader, NotLoaded};

/// What has been pushed.
pub(crate) struct Registry<'a> {
    /// The registry.
    pub(crate) host: &'a str,
    /// What the builder said of the image when it was built.
    pub(crate) built: &'a [u8],
    /// What it said when it had pushed it.
    pub(crate) pushed: &'a [u8],
}

impl Loader {
    /// Pulls an image that a builder has pushed, with this command of docker's, and names it.
    ///
    /// # Errors
    /// [`NotLoaded`] if it is not there, or another one.
    pub(crate) fn pull(
        &mut self,
        registry: &Registry<'_>,
        docker: &mut Command,
        names: &[String],
    ) -> Result<Loaded, NotLoaded> {
        let built = load::built(registry.built)?;
        let pushed = self.pushed(&built, registry)?;
        let names: Vec<Name> = names
            .iter()
            .map(|name| Name::parse(name))
            .collect::<Result<_, _>>()?;
        docker.args(["pull", "--quiet", &pushed]);
        let status = docker.stdin(Stdio::null()).stdout(Stdio::null()).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(NotLoaded::NotPulled(pushed));
        }
        if !self.name(&built, &names)? {
            return Err(NotLoaded::Lost(pushed));
        }
        if !names.is_empty() {
            // Only the user's names stay. It does no harm if this does.
            let _ = self.daemon.untag(&pushed);
        }
        Ok(Loaded::Pulled)
    }

    /// What to pull, if that is what was built.
    fn pushed(&self, built: &Built, registry: &Registry<'_>) -> Result<String, NotLoaded> {
        let again = load::built(registry.pushed)?;
        if again.config != built.config {
            let other = format!("{} was built, {} pushed", built.config, again.config);
            return Err(load::LoadError::Mismatch(other).into());
        }
        Ok(format!("{}@{}", pushed(registry.host), again.manifest))
    }
}
