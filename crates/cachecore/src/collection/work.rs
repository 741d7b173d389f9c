use std::collections::BTreeSet;

use jiff::Timestamp;

use super::layers::Layers;
use super::policy::idle_since;
use super::{
    CollectionPlan, Facts, GenerationFacts, Item, Kept, KeptBecause, Limit, Policy, ProjectFacts,
    Reason, Remembered, Removal, SessionFacts, Unjudged,
};
use crate::id::{Generation, ProjectId, SessionId};

mod shrink;

/// Decides what a collection removes.
///
/// What has to be gone first stands first: a generation before its layers, so that a collection that
/// is killed anywhere leaves whole generations.
pub fn plan(facts: &Facts, policy: &Policy, now: Timestamp) -> CollectionPlan {
    let mut work = Work::new(facts, policy, now);
    work.left_overs();
    work.sessions();
    work.superseded();
    work.idle();
    work.builds();
    let mut layers = work.needs();
    let size_reached = work.shrink(&mut layers);
    work.layers(&layers);
    work.finish(size_reached)
}

/// Decides what goes with these generations of a project; all of them are its golden.
///
/// # Errors
/// What keeps them from being removed.
pub fn plan_removal(
    facts: &Facts,
    project: &ProjectId,
    generations: &BTreeSet<Generation>,
) -> Result<CollectionPlan, KeptBecause> {
    let policy = Policy::default();
    let mut work = Work::new(facts, &policy, Timestamp::UNIX_EPOCH);
    work.sessions = facts.sessions.iter().collect();
    for at in 0..work.projects.len() {
        let standing = &work.projects[at];
        if standing.facts.project != *project {
            continue;
        }
        let chosen: Vec<&GenerationFacts> = standing
            .generations
            .iter()
            .copied()
            .filter(|g| generations.contains(&g.generation))
            .collect();
        if let Some(because) = work.what_keeps(standing.facts, &chosen) {
            return Err(because);
        }
        if chosen.len() == standing.generations.len() {
            let (item, bytes, _) = work.golden(at);
            work.projects[at].generations.clear();
            work.remove(item, Reason::Removed, bytes);
            continue;
        }
        for generation in chosen {
            let item = Item::Generation {
                project: project.clone(),
                generation: generation.generation,
            };
            work.take(at, generation.generation);
            work.remove(item, Reason::Removed, generation.bytes);
        }
    }
    let layers = work.needs();
    work.layers(&layers);
    Ok(work.finish(None))
}

fn total(facts: &Facts) -> u64 {
    let generations = facts.projects.iter().flat_map(|p| &p.generations);
    facts.trash.bytes
        + facts.stagings.iter().map(|s| s.bytes).sum::<u64>()
        + facts.sessions.iter().map(|s| s.bytes).sum::<u64>()
        + facts.builds.iter().map(|b| b.bytes).sum::<u64>()
        + facts.layers.values().map(|l| l.bytes).sum::<u64>()
        + generations.map(|g| g.bytes).sum::<u64>()
}

/// What is left of a project while the plan is made.
struct Standing<'f> {
    facts: &'f ProjectFacts,
    generations: Vec<&'f GenerationFacts>,
}

struct Work<'f> {
    facts: &'f Facts,
    policy: &'f Policy,
    now: Timestamp,
    projects: Vec<Standing<'f>>,
    sessions: Vec<&'f SessionFacts>,
    removals: Vec<Removal>,
    kept: Vec<Kept>,
    unjudged: Vec<Unjudged>,
}

impl<'f> Work<'f> {
    fn new(facts: &'f Facts, policy: &'f Policy, now: Timestamp) -> Self {
        let standing = |facts: &'f ProjectFacts| Standing {
            facts,
            generations: facts.generations.iter().collect(),
        };
        Self {
            facts,
            policy,
            now,
            projects: facts.projects.iter().map(standing).collect(),
            sessions: Vec::new(),
            removals: Vec::new(),
            kept: Vec::new(),
            unjudged: facts.unjudged.clone(),
        }
    }

    /// Who needs which layer, as the plan stands.
    fn needs(&self) -> Layers<'f> {
        let generations = self
            .projects
            .iter()
            .flat_map(|p| p.generations.iter().copied());
        Layers::of(self.facts, generations, &self.sessions)
    }

    fn finish(self, size_reached: Option<bool>) -> CollectionPlan {
        let bytes_before = total(self.facts);
        let mut plan = CollectionPlan {
            removals: self.removals,
            kept: self.kept,
            unjudged: self.unjudged,
            strangers: self.facts.strangers.clone(),
            bytes_before,
            bytes_after: bytes_before,
            size_reached,
        };
        plan.bytes_after = bytes_before.saturating_sub(plan.bytes());
        plan
    }

    fn remove(&mut self, item: Item, reason: Reason, bytes: u64) {
        self.removals.push(Removal {
            item,
            reason,
            bytes,
        });
    }

    fn keep(&mut self, item: Item, over: Limit, because: KeptBecause) {
        self.kept.push(Kept {
            item,
            over,
            because,
        });
    }

    fn left_overs(&mut self) {
        let trash = self.facts.trash;
        if trash.entries > 0 {
            let item = Item::Trash {
                entries: trash.entries,
            };
            self.remove(item, Reason::Trash, trash.bytes);
        }
        for staging in &self.facts.stagings {
            let item = Item::Staging {
                name: staging.name.clone(),
            };
            self.remove(item, Reason::Abandoned, staging.bytes);
        }
    }

    fn sessions(&mut self) {
        for session in &self.facts.sessions {
            let over = if session.unjudged {
                None
            } else if session.abandoned {
                Some((Limit::Command, Reason::Abandoned))
            } else if self.policy.is_over(session, self.now) {
                Some((Limit::SessionIdle, Reason::Expired))
            } else {
                None
            };
            let item = || Item::Session {
                session: session.session.clone(),
            };
            match (over, &session.in_use) {
                (Some((_, reason)), None) => {
                    self.remove(item(), reason, session.bytes);
                    continue;
                }
                (Some((limit, _)), Some(holder)) => {
                    let holder = holder.clone();
                    self.keep(item(), limit, KeptBecause::InUse { holder });
                }
                (None, _) => {}
            }
            self.sessions.push(session);
        }
    }

    fn superseded(&mut self) {
        for at in 0..self.projects.len() {
            let facts = self.projects[at].facts;
            let older = facts
                .generations
                .len()
                .saturating_sub(self.policy.keep.get());
            for generation in &facts.generations[..older] {
                let item = Item::Generation {
                    project: facts.project.clone(),
                    generation: generation.generation,
                };
                match self.what_keeps(facts, &[generation]) {
                    Some(because) => self.keep(item, Limit::Keep, because),
                    None => {
                        self.take(at, generation.generation);
                        self.remove(item, Reason::Superseded, generation.bytes);
                    }
                }
            }
        }
    }

    fn idle(&mut self) {
        let Some(max_idle) = self.policy.max_idle else {
            return;
        };
        for at in 0..self.projects.len() {
            let last_use = last_use(self.projects[at].facts);
            let unused = last_use.is_some_and(|used| idle_since(used, self.now) >= max_idle);
            if unused && !self.projects[at].generations.is_empty() {
                let (item, bytes, keeps) = self.golden(at);
                match keeps {
                    Some(because) => self.keep(item, Limit::MaxIdle, because),
                    None => {
                        self.projects[at].generations.clear();
                        self.remove(item, Reason::Idle, bytes);
                    }
                }
            }
        }
    }

    fn builds(&mut self) {
        for build in &self.facts.builds {
            let goes = match build.remembered {
                Remembered::Running | Remembered::Unknown => false,
                Remembered::Nth(nth) => nth >= self.policy.keep_builds,
                Remembered::Forgotten => true,
            };
            if goes {
                let item = Item::Build {
                    build: build.build.clone(),
                };
                self.remove(item, Reason::Forgotten, build.bytes);
            }
        }
    }

    fn layers(&mut self, layers: &Layers<'f>) {
        let mut withheld = 0;
        for (layer, facts) in &self.facts.layers {
            if facts.placeholder {
                let item = Item::Placeholder {
                    layer: layer.clone(),
                };
                self.remove(item, Reason::Abandoned, facts.bytes);
            } else if layers.needed.contains_key(layer) {
            } else if layers.blind {
                withheld += 1;
            } else {
                let item = Item::Layer {
                    layer: layer.clone(),
                };
                self.remove(item, Reason::Orphan, facts.bytes);
            }
        }
        if withheld > 0 {
            self.unjudged.push(Unjudged {
                what: format!("{withheld} layers"),
                because: "nothing is known to link to them, but what cannot be judged may".into(),
                busy: false,
            });
        }
    }

    /// All that a project has left, with its bytes, and what keeps it.
    fn golden(&self, at: usize) -> (Item, u64, Option<KeptBecause>) {
        let Standing { facts, generations } = &self.projects[at];
        let item = Item::Golden {
            project: facts.project.clone(),
            generations: generations.iter().map(|g| g.generation).collect(),
        };
        let bytes = generations.iter().map(|g| g.bytes).sum();
        (item, bytes, self.what_keeps(facts, generations))
    }

    fn take(&mut self, at: usize, generation: Generation) {
        self.projects[at]
            .generations
            .retain(|g| g.generation != generation);
    }

    /// What keeps these generations of a project from being removed.
    fn what_keeps(
        &self,
        project: &ProjectFacts,
        generations: &[&GenerationFacts],
    ) -> Option<KeptBecause> {
        let unread = |g: &&GenerationFacts| g.layers.is_none() || g.promoted_at.is_none();
        if project.unjudged || generations.iter().any(unread) {
            return Some(KeptBecause::Unjudged);
        }
        if project.busy {
            return Some(KeptBecause::Busy);
        }
        let sessions: BTreeSet<SessionId> = self
            .sessions
            .iter()
            .filter(|session| generations.iter().any(|g| leases(session, project, g)))
            .map(|session| session.session.clone())
            .collect();
        (!sessions.is_empty()).then(|| KeptBecause::Leased {
            sessions: sessions.into_iter().collect(),
        })
    }
}

/// Whether a session was cloned from a generation; one whose record cannot be used, whether it may
/// have been: then all that it links to is there.
fn leases(session: &SessionFacts, project: &ProjectFacts, generation: &GenerationFacts) -> bool {
    if session.unjudged {
        return match (&session.links, &generation.layers) {
            (Some(links), Some(layers)) => !links.is_empty() && links.is_subset(layers),
            _ => true,
        };
    }
    session.lease.as_ref().is_some_and(|lease| {
        lease.project == project.project && lease.generation == generation.generation
    })
}

/// When a project was last used. Its golden counts as used when it was promoted: a first session may
/// not have come yet, and a golden that came back after a long time is not to go at once.
fn last_use(project: &ProjectFacts) -> Option<Timestamp> {
    let promoted_at = project.generations.last().and_then(|g| g.promoted_at);
    project.last_used.max(promoted_at)
}
