use std::collections::BTreeMap;

use super::{Facts, GenerationFacts, SessionFacts};
use crate::id::LayerName;

/// Who needs which layer of those that stay.
pub(super) struct Layers<'f> {
    facts: &'f Facts,
    /// How many link to each.
    pub(super) needed: BTreeMap<&'f LayerName, u32>,
    /// Whether something stays of which nobody can tell what it links to.
    pub(super) blind: bool,
    /// What the layers take that nobody needs.
    pub(super) unneeded_bytes: u64,
}

impl<'f> Layers<'f> {
    /// Of these generations and sessions, which stay.
    pub(super) fn of(
        facts: &'f Facts,
        generations: impl Iterator<Item = &'f GenerationFacts>,
        sessions: &[&'f SessionFacts],
    ) -> Self {
        let mut needed: BTreeMap<&LayerName, u32> = BTreeMap::new();
        let mut blind = false;
        let of_generations = generations.map(|generation| &generation.layers);
        let of_sessions = sessions.iter().map(|session| &session.links);
        for layers in of_generations.chain(of_sessions) {
            match layers {
                Some(layers) => layers
                    .iter()
                    .for_each(|layer| *needed.entry(layer).or_default() += 1),
                None => blind = true,
            }
        }
        let unneeded = facts
            .layers
            .iter()
            .filter(|(layer, facts)| facts.placeholder || !blind && !needed.contains_key(layer));
        Self {
            facts,
            blind,
            unneeded_bytes: unneeded.map(|(_, facts)| facts.bytes).sum(),
            needed,
        }
    }

    /// A generation goes; gives the bytes of the layers that nobody else needs.
    pub(super) fn release(&mut self, generation: &'f GenerationFacts) -> u64 {
        let mut bytes = 0;
        for layer in generation.layers.iter().flatten() {
            let Some(count) = self.needed.get_mut(layer) else {
                continue;
            };
            *count -= 1;
            if *count > 0 {
                continue;
            }
            self.needed.remove(layer);
            let facts = self.facts.layers.get(layer);
            bytes += facts
                .filter(|facts| !facts.placeholder && !self.blind)
                .map_or(0, |facts| facts.bytes);
        }
        bytes
    }
}
