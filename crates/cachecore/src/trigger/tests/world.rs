//! A project, and what may happen to it.

use super::*;
use crate::id::ProjectId;
use crate::record::{BuildSummary, CutShort};

pub(super) const AT: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) fn settings() -> Settings {
    Settings {
        enabled: true,
        startup: "/srv/startup".into(),
        folder: "/srv".into(),
        timeout_ms: 1000,
        volumes: Default::default(),
        dockerd: None,
        network: "nat".into(),
        daemon_config: None,
        other: Other::new(),
    }
}

/// A project and what happens to it, as commands and builders would do it.
#[derive(Clone)]
pub(super) struct World {
    pub(super) state: ProjectState,
    pub(super) facts: Facts,
    /// The revision that somebody wants, by the last request that was taken or skipped.
    pub(super) wanted: Option<String>,
    /// The number of the newest request that a golden answers.
    pub(super) answered: u64,
    builds: u64,
}

/// One thing that can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Trigger(&'static str),
    TriggerNamingNone,
    Enable,
    Disable,
    Retry,
    Cancel,
    /// A builder looks what to do next.
    Take,
    Promoted,
    Failed,
    /// The builder dies, and the next command finds out.
    Killed,
}
use Event::*;

pub(super) const EVENTS: [Event; 11] = [
    Trigger("a"),
    Trigger("b"),
    TriggerNamingNone,
    Enable,
    Disable,
    Retry,
    Cancel,
    Take,
    Promoted,
    Failed,
    Killed,
];

impl World {
    /// An enabled project whose golden is of revision `a`.
    pub(super) fn new() -> Self {
        let mut state = ProjectState::new(ProjectId::new("p").unwrap());
        state.settings = Some(settings());
        Self {
            state,
            facts: Facts {
                golden: Some(golden(1, Some("a"))),
                startup_sha256: Some("s".into()),
            },
            wanted: Some("a".into()),
            answered: 0,
            builds: 0,
        }
    }

    fn serving(&self) -> Generation {
        self.facts.golden.as_ref().unwrap().generation
    }

    pub(super) fn trigger(&mut self, revision: &str) -> Verdict {
        let decision = trigger(&mut self.state, Some(revision), &self.facts, AT);
        let verdict = decision.verdict;
        self.note(decision);
        verdict
    }

    fn note(&mut self, decision: Decision) {
        if decision.verdict == Verdict::Skipped {
            self.answered = self.state.requests;
        }
        if decision.verdict != Verdict::Refused {
            self.wanted = decision.revision;
        }
    }

    pub(super) fn take(&mut self) -> Taken {
        self.builds += 1;
        let build = BuildId::new(&format!("b{}", self.builds)).unwrap();
        let session = SessionId::new("s").unwrap();
        let waiting = self.state.pending.as_ref().map(|request| request.number);
        let taken = take(&mut self.state, &build, &session, &self.facts, AT);
        if let (Taken::Skipped(_), Some(number)) = (&taken, waiting) {
            self.answered = number;
        }
        taken
    }

    fn end(&mut self, promoted: bool, cut_short: Option<CutShort>) {
        let Some(running) = self.state.building.clone() else {
            return;
        };
        let generation = promoted.then(|| Generation::after(Some(self.serving())));
        if let Some(generation) = generation {
            self.answered = running.request.as_ref().map_or(0, |request| request.number);
            self.facts.golden = Some(golden(generation.number(), running.revision.as_deref()));
        }
        let summary = BuildSummary {
            build: running.build,
            generation,
            reason: "it ended".into(),
            revision: running.revision,
            cut_short,
            started_at: AT,
            ended_at: AT,
        };
        let serving = self.serving();
        self.state.end(summary, Some(serving));
    }

    pub(super) fn happens(&mut self, event: Event) {
        match event {
            Trigger(revision) => drop(self.trigger(revision)),
            TriggerNamingNone => {
                let decision = trigger(&mut self.state, None, &self.facts, AT);
                self.note(decision);
            }
            Enable => {
                let decision = enable(&mut self.state, settings(), Some("a"), AT);
                self.note(decision);
            }
            Retry => {
                let decision = retry(&mut self.state, AT);
                self.note(decision);
            }
            Disable => drop(disable(&mut self.state)),
            Cancel => drop(cancel(&mut self.state, AT)),
            // Whoever takes holds the right to build, so no other build runs.
            Take if self.state.building.is_none() => drop(self.take()),
            Take => {}
            Promoted => self.end(true, None),
            Failed | Killed => {
                let running = self.state.building.as_ref();
                let cancelled = running.is_some_and(|running| running.cancelled_at.is_some());
                let cut_short = match (cancelled, event) {
                    (true, _) => Some(CutShort::Cancelled),
                    (false, Killed) => Some(CutShort::Killed),
                    (false, _) => None,
                };
                self.end(false, cut_short);
            }
        }
    }

    /// Lets builders work until nothing is left to do.
    fn settle(&mut self) {
        for _ in 0..10 {
            self.end(true, None);
            if self.take() == Taken::Nothing {
                return;
            }
        }
        panic!("it does not come to rest: {:?}", self.state);
    }

    pub(super) fn holds(&self, after: &[Event]) {
        let state = &self.state;
        // The newest request is in one place, unless a golden answers it.
        let number = |request: &Option<Request>| request.as_ref().map(|request| request.number);
        let running = state.building.as_ref().and_then(|it| it.request.clone());
        let places = [&state.pending, &running, &state.unbuilt];
        let there = places
            .iter()
            .filter(|it| number(it) == Some(state.requests));
        let expected = usize::from(self.answered < state.requests);
        assert_eq!(there.count(), expected, "{after:?}: {state:?}");
        // What waits is newer than what runs.
        if let (Some(pending), Some(running)) = (&state.pending, &running) {
            assert!(pending.number > running.number, "{after:?}: {state:?}");
        }
        if matches!(after.last(), Some(Cancel | Disable)) {
            assert_eq!(state.pending, None, "{after:?}");
        }
        assert_eq!(
            state.status == Status::Building,
            state.building.is_some(),
            "{after:?}"
        );
    }

    /// The golden is what was wanted last, or the state names what was not built.
    pub(super) fn settles_well(mut self, after: &[Event]) {
        self.settle();
        let serving = &self.facts.golden.as_ref().unwrap().revision;
        match &self.state.unbuilt {
            None => assert_eq!(*serving, self.wanted, "{after:?}: {:?}", self.state),
            Some(unbuilt) => assert!(
                unbuilt.revision == self.wanted || *serving == self.wanted,
                "{after:?}: {:?}",
                self.state
            ),
        }
        assert_eq!((self.state.building, self.state.pending), (None, None));
    }
}

pub(super) fn golden(number: u64, revision: Option<&str>) -> Golden {
    Golden {
        generation: Generation::new(number),
        revision: revision.map(str::to_owned),
        startup_sha256: Some("s".into()),
    }
}
