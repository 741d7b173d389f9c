//! The turns of several builds that one run of bake does.

use std::ffi::OsString;
use std::path::Path;

use cachecore::cache::Key;

use super::{BuildCache, Turn, line};
use crate::Environment;
use crate::load::Between;

/// Turns with the cache by the names of their targets; without any if there is no cache.
#[derive(Debug, Default)]
pub(crate) struct Turns(Vec<(String, Turn)>);

impl Turns {
    /// Those of these targets, each with the name of its image. Only for targets that say nothing about
    /// caches themselves.
    pub(crate) fn begin<'t>(
        between: Between<'_>,
        targets: impl Iterator<Item = (&'t str, &'t str)>,
    ) -> Self {
        let mut targets = targets.peekable();
        if targets.peek().is_none() {
            return Self::default();
        }
        let environment = between.environment;
        let cache = BuildCache::open(environment).filter(|cache| cache.serves(between));
        let Some(cache) = cache else {
            return Self::default();
        };
        let line = line(Path::new("."));
        let turn = |(target, image): (&str, &str)| {
            let turn = cache.begin(environment, Key::of_image(image)?, line.clone())?;
            Some((target.to_owned(), turn))
        };
        Self(targets.filter_map(turn).collect())
    }

    /// What bake is told.
    pub(crate) fn sets(&self) -> Vec<OsString> {
        let sets = |(target, turn): &(String, Turn)| turn.entries().sets(target);
        self.0.iter().flat_map(sets).collect()
    }

    /// Publishes what a run that has succeeded has exported.
    pub(crate) fn publish(self, environment: &Environment) {
        for (_, turn) in self.0 {
            turn.publish(environment);
        }
    }
}
