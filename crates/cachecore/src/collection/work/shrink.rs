use jiff::Timestamp;

use super::{Work, last_use, total};
use crate::collection::layers::Layers;
use crate::collection::{GenerationFacts, Item, Limit, Reason};

impl<'f> Work<'f> {
    /// Gives up goldens until the store is as small as it was asked to be: first what is superseded,
    /// then what serves, each time what was unused for longest.
    pub(super) fn shrink(&mut self, layers: &mut Layers<'f>) -> Option<bool> {
        let max_size = self.policy.max_size?;
        let removed: u64 = self.removals.iter().map(|removal| removal.bytes).sum();
        let mut size = total(self.facts)
            .saturating_sub(removed)
            .saturating_sub(layers.unneeded_bytes);
        let mut in_the_way = Vec::new();
        for (_, at, generation) in self.superseded_by_use() {
            if size <= max_size {
                break;
            }
            let facts = self.projects[at].facts;
            let item = Item::Generation {
                project: facts.project.clone(),
                generation: generation.generation,
            };
            match self.what_keeps(facts, &[generation]) {
                Some(because) => in_the_way.push((item, because)),
                None => {
                    self.take(at, generation.generation);
                    size = size.saturating_sub(generation.bytes + layers.release(generation));
                    self.remove(item, Reason::Size, generation.bytes);
                }
            }
        }
        for (_, at) in self.goldens_by_use() {
            if size <= max_size {
                break;
            }
            let (item, bytes, keeps) = self.golden(at);
            match keeps {
                Some(because) => in_the_way.push((item, because)),
                None => {
                    for generation in std::mem::take(&mut self.projects[at].generations) {
                        size = size.saturating_sub(layers.release(generation));
                    }
                    size = size.saturating_sub(bytes);
                    self.remove(item, Reason::Size, bytes);
                }
            }
        }
        if size > max_size {
            for (item, because) in in_the_way {
                // That generations are more than to keep is said already.
                let said = matches!(item, Item::Generation { .. })
                    && self.kept.iter().any(|kept| kept.item == item);
                if !said {
                    self.keep(item, Limit::MaxSize, because);
                }
            }
        }
        Some(size <= max_size)
    }

    /// Superseded generations, each with its project, the one that ceased to serve first first.
    fn superseded_by_use(&self) -> Vec<(Timestamp, usize, &'f GenerationFacts)> {
        let mut found = Vec::new();
        for (at, standing) in self.projects.iter().enumerate() {
            for pair in standing.generations.windows(2) {
                // It served until the next was promoted.
                let until = pair[1].promoted_at.unwrap_or(Timestamp::MAX);
                found.push((until, at, pair[0]));
            }
        }
        found.sort_by_key(|(until, at, generation)| (*until, *at, generation.generation));
        found
    }

    /// Projects that have a golden, the one that was unused for longest first.
    fn goldens_by_use(&self) -> Vec<(Timestamp, usize)> {
        let mut found: Vec<(Timestamp, usize)> = self
            .projects
            .iter()
            .enumerate()
            .filter(|(_, standing)| !standing.generations.is_empty())
            .map(|(at, standing)| (last_use(standing.facts).unwrap_or(Timestamp::MAX), at))
            .collect();
        found.sort_unstable();
        found
    }
}
