//! Stores of all kinds: whatever lies in one, nothing goes that somebody needs.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn some_layers() -> impl Strategy<Value = BTreeSet<LayerName>> {
    proptest::collection::btree_set(0..NAMES.len(), 0..4)
        .prop_map(|numbers| numbers.into_iter().map(|n| layer(NAMES[n])).collect())
}

fn mostly<T: std::fmt::Debug + Clone>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(0.95, value)
}

fn some_generation() -> impl Strategy<Value = (u64, Option<i64>, Option<BTreeSet<LayerName>>)> {
    (0_u64..50, mostly(0_i64..100), mostly(some_layers()))
}

fn some_project() -> impl Strategy<Value = ProjectFacts> {
    let generations = proptest::collection::vec(some_generation(), 0..4);
    let used = proptest::option::of(0_i64..100);
    (generations, used, any::<u8>(), any::<u8>()).prop_map(|(generations, used, busy, odd)| {
        let generations: Vec<GenerationFacts> = generations
            .into_iter()
            .enumerate()
            .map(|(at, (bytes, days, layers))| GenerationFacts {
                generation: Generation::new(at as u64 + 1),
                bytes,
                promoted_at: days.map(days_ago),
                layers,
            })
            .collect();
        ProjectFacts {
            busy: busy < 25,
            unjudged: odd < 12,
            ..project("p", used, &generations)
        }
    })
}

fn some_session() -> impl Strategy<Value = SessionFacts> {
    (
        (0_usize..4, 1_u64..5, 0_i64..100, 0_u64..50),
        (
            mostly(some_layers()),
            any::<u8>(),
            any::<u8>(),
            any::<bool>(),
        ),
    )
        .prop_map(
            |((of, number, days, bytes), (links, odd, used, may_expire))| SessionFacts {
                bytes,
                links,
                may_expire,
                abandoned: odd < 25,
                unjudged: odd > 240,
                in_use: (used < 50).then(|| "somebody".to_owned()),
                idle_limit: (used > 230).then_some(20 * DAY),
                ..session("s", &format!("p{of}"), number, days)
            },
        )
}

fn some_store() -> impl Strategy<Value = Facts> {
    (
        proptest::collection::vec(some_project(), 0..4),
        proptest::collection::vec(some_session(), 0..6),
        proptest::collection::vec((0_u64..200, any::<u8>()), NAMES.len()),
    )
        .prop_map(|(mut projects, mut sessions, layers)| {
            for (at, project) in projects.iter_mut().enumerate() {
                project.project = ProjectId::new(&format!("p{at}")).unwrap();
            }
            for (at, session) in sessions.iter_mut().enumerate() {
                session.session = SessionId::new(&format!("s{at}")).unwrap();
            }
            let layers = layers.into_iter().zip(NAMES).map(|((bytes, odd), name)| {
                let placeholder = odd < 12;
                (layer(name), LayerFacts { bytes, placeholder })
            });
            Facts {
                projects,
                sessions,
                layers: layers.collect(),
                ..Facts::default()
            }
        })
}

fn some_policy() -> impl Strategy<Value = Policy> {
    let days = || proptest::option::of((0_u32..60).prop_map(|days| days * DAY));
    (
        1_usize..4,
        proptest::option::of(0_u64..2000),
        days(),
        days(),
    )
        .prop_map(
            |(generations, max_size, max_idle, session_idle): (_, _, Option<Duration>, _)| Policy {
                max_size,
                max_idle,
                session_idle,
                ..keep(generations)
            },
        )
}

fn gone(plan: &CollectionPlan) -> BTreeSet<Item> {
    let mut gone = BTreeSet::new();
    for removal in &plan.removals {
        if let Item::Golden {
            project,
            generations,
        } = &removal.item
        {
            gone.extend(generations.iter().map(|generation| Item::Generation {
                project: project.clone(),
                generation: *generation,
            }));
        }
        assert!(
            gone.insert(removal.item.clone()),
            "{} goes twice",
            removal.item
        );
    }
    gone
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_goes_that_is_leased_or_needed(facts in some_store(), policy in some_policy()) {
        let plan = plan(&facts, &policy, now());
        let gone = gone(&plan);
        let stays = |session: &&SessionFacts| {
            !gone.contains(&Item::Session { session: session.session.clone() })
        };
        let mut needed: BTreeSet<&LayerName> = BTreeSet::new();
        let mut blind = false;
        for session in facts.sessions.iter().filter(stays) {
            match &session.links {
                Some(links) => needed.extend(links),
                None => blind = true,
            }
        }
        for session in facts.sessions.iter().filter(|s| !stays(s)) {
            prop_assert!(session.in_use.is_none() && !session.unjudged);
            prop_assert!(session.abandoned || policy.is_over(session, now()));
        }
        for project in &facts.projects {
            let mut left = 0;
            for generation in &project.generations {
                let item = Item::Generation {
                    project: project.project.clone(),
                    generation: generation.generation,
                };
                let leased = facts.sessions.iter().filter(stays).any(|session| {
                    !session.unjudged
                        && session.lease == Some(Leased {
                            project: project.project.clone(),
                            generation: generation.generation,
                        })
                });
                if gone.contains(&item) {
                    prop_assert!(!leased && !project.busy && !project.unjudged, "{item}");
                    prop_assert!(generation.promoted_at.is_some(), "{item} was not read");
                    continue;
                }
                left += 1;
                match &generation.layers {
                    Some(layers) => needed.extend(layers),
                    None => blind = true,
                }
            }
            // The last generation serves: it goes with all others or not at all.
            let serving = project.generations.last().map(|last| Item::Generation {
                project: project.project.clone(),
                generation: last.generation,
            });
            prop_assert!(left == 0 || !serving.is_some_and(|item| gone.contains(&item)));
        }
        for (layer, found) in &facts.layers {
            let goes = gone.contains(&Item::Layer { layer: layer.clone() });
            prop_assert!(!goes || !needed.contains(layer) && !blind, "{layer}");
            // And what nobody needs does go.
            let nobodys = !needed.contains(layer) && !blind && !found.placeholder;
            prop_assert_eq!(goes, nobodys, "{}", layer);
        }
    }

    #[test]
    fn a_size_is_reached_or_the_plan_says_why_not(facts in some_store(), policy in some_policy()) {
        let plan = plan(&facts, &policy, now());
        let gone = gone(&plan);
        prop_assert_eq!(plan.bytes_after, plan.bytes_before - plan.bytes());
        let Some(max_size) = policy.max_size else {
            prop_assert_eq!(plan.size_reached, None);
            return Ok(());
        };
        prop_assert_eq!(plan.size_reached, Some(plan.bytes_after <= max_size));
        if plan.size_reached == Some(false) {
            for project in facts.projects.iter().filter(|p| !p.generations.is_empty()) {
                let golden = |item: &Item| matches!(
                    item, Item::Golden { project: of, .. } if *of == project.project
                );
                prop_assert!(
                    gone.iter().any(golden)
                        || plan.kept.iter().any(|kept| {
                            kept.over == Limit::MaxSize && golden(&kept.item)
                        }),
                    "{} neither goes nor is it said why", project.project
                );
            }
        }
    }
}
