//! Facts about a store to collect in.

use super::*;

pub(super) const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(2_000_000_000).unwrap()
}

pub(super) fn days_ago(days: i64) -> Timestamp {
    now() - SignedDuration::from_hours(24 * days)
}

pub(super) fn layer(name: &str) -> LayerName {
    LayerName::new(name).unwrap()
}

pub(super) fn layers(names: &str) -> BTreeSet<LayerName> {
    names.split_whitespace().map(layer).collect()
}

/// A generation of 10 bytes, promoted so many days ago.
pub(super) fn generation(number: u64, days: i64, names: &str) -> GenerationFacts {
    GenerationFacts {
        generation: Generation::new(number),
        bytes: 10,
        promoted_at: Some(days_ago(days)),
        layers: Some(layers(names)),
    }
}

pub(super) fn project(
    name: &str,
    used: Option<i64>,
    generations: &[GenerationFacts],
) -> ProjectFacts {
    ProjectFacts {
        project: ProjectId::new(name).unwrap(),
        generations: generations.to_vec(),
        last_used: used.map(days_ago),
        busy: false,
        unjudged: false,
    }
}

/// A session of 5 bytes that leases a generation and was last active so many days ago.
pub(super) fn session(name: &str, leases: &str, number: u64, days: i64) -> SessionFacts {
    SessionFacts {
        session: SessionId::new(name).unwrap(),
        bytes: 5,
        lease: Some(Leased {
            project: ProjectId::new(leases).unwrap(),
            generation: Generation::new(number),
        }),
        links: Some(BTreeSet::new()),
        abandoned: false,
        may_expire: true,
        idle_limit: None,
        last_activity: days_ago(days),
        in_use: None,
        unjudged: false,
    }
}

/// `web` with three generations and `api` with one, on layers of 100 bytes; `lost` is nobody's.
pub(super) fn store() -> Facts {
    let contents = LayerFacts {
        bytes: 100,
        placeholder: false,
    };
    Facts {
        projects: vec![
            project("api", Some(40), &[generation(1, 90, "base api")]),
            project(
                "web",
                Some(1),
                &[
                    generation(1, 50, "base w1"),
                    generation(2, 20, "base w2"),
                    generation(3, 10, "base w3"),
                ],
            ),
        ],
        layers: layers("base api w1 w2 w3 lost")
            .into_iter()
            .map(|name| (name, contents))
            .collect(),
        ..Facts::default()
    }
}
