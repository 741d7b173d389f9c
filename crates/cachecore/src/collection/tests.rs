use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::id::{BuildId, Generation, LayerName, ProjectId, SessionId};

mod anything;
mod scene;

use scene::{DAY, days_ago, generation, layer, layers, now, project, session, store};

/// `session s1: expired`, sorted by what goes first.
fn goes(plan: &CollectionPlan) -> Vec<String> {
    let removals = plan.removals.iter();
    removals
        .map(|r| format!("{}: {}", r.item, r.reason))
        .collect()
}

fn stays(plan: &CollectionPlan) -> Vec<String> {
    let kept = plan.kept.iter();
    kept.map(|k| format!("{} ({}): {}", k.item, k.over, k.because))
        .collect()
}

fn keep(generations: usize) -> Policy {
    Policy {
        keep: NonZeroUsize::new(generations).unwrap(),
        ..Policy::default()
    }
}

#[test]
fn without_limits_only_what_nobody_can_need_goes() {
    let mut facts = store();
    facts.trash = TrashFacts {
        entries: 2,
        bytes: 7,
    };
    facts.stagings = vec![StagingFacts {
        name: ".starting-x".into(),
        bytes: 3,
    }];
    let begun = LayerFacts {
        bytes: 1,
        placeholder: true,
    };
    facts.layers.insert(layer("begun"), begun);
    facts.builds = [
        ("runs", Remembered::Running),
        ("newest", Remembered::Nth(0)),
        ("tenth", Remembered::Nth(10)),
        ("gone", Remembered::Forgotten),
        ("whose", Remembered::Unknown),
    ]
    .map(|(name, remembered)| BuildFacts {
        build: BuildId::new(name).unwrap(),
        bytes: 2,
        remembered,
    })
    .to_vec();
    let plan = plan(&facts, &Policy::default(), now());
    assert_eq!(
        goes(&plan),
        [
            "trash, 2 entries: removed before",
            "session .starting-x: its command was killed",
            "generation 1 of web: superseded",
            "build tenth: older than what is kept",
            "build gone: older than what is kept",
            "layer begun: its command was killed",
            "layer lost: nothing links to it",
            "layer w1: nothing links to it",
        ]
    );
    assert_eq!(plan.kept, []);
    assert_eq!(plan.unjudged, []);
    assert_eq!(plan.bytes(), 7 + 3 + 10 + 2 + 2 + 1 + 100 + 100);
    assert_eq!(plan.bytes_after, plan.bytes_before - plan.bytes());
    assert_eq!(plan.size_reached, None);
}

#[test]
fn what_a_session_leases_stays_until_the_session_goes() {
    let mut facts = store();
    facts.sessions = vec![session("s1", "web", 1, 3), session("s2", "web", 1, 30)];
    let leased = plan(&facts, &keep(1), now());
    assert_eq!(
        goes(&leased),
        [
            "generation 2 of web: superseded",
            "layer lost: nothing links to it",
            "layer w2: nothing links to it"
        ]
    );
    assert_eq!(
        stays(&leased),
        ["generation 1 of web (more than to keep): leased by s1, s2"]
    );
    let expiring = Policy {
        session_idle: Some(3 * DAY),
        ..keep(1)
    };
    let plan = plan(&facts, &expiring, now());
    assert_eq!(
        goes(&plan)[..4],
        [
            "session s1: idle for too long",
            "session s2: idle for too long",
            "generation 1 of web: superseded",
            "generation 2 of web: superseded",
        ]
    );
}

#[test]
fn a_session_goes_by_its_last_activity_and_never_while_it_is_used() {
    let week = |idle: Option<Duration>, days: i64| SessionFacts {
        idle_limit: idle,
        ..session("s1", "api", 1, days)
    };
    let policy = |session_idle: Option<Duration>| Policy {
        session_idle,
        ..Policy::default()
    };
    let used = SessionFacts {
        in_use: Some("process 7 (dockerd) has it mounted".into()),
        ..week(None, 99)
    };
    for (facts, policy, expected) in [
        (week(None, 99), policy(None), None),
        (week(None, 6), policy(Some(7 * DAY)), None),
        (
            week(None, 7),
            policy(Some(7 * DAY)),
            Some("idle for too long"),
        ),
        (
            week(Some(7 * DAY), 8),
            policy(None),
            Some("idle for too long"),
        ),
        // What whoever started it has said counts more than what the collection is told.
        (week(Some(30 * DAY), 8), policy(Some(7 * DAY)), None),
        (used, policy(Some(7 * DAY)), None),
        (
            SessionFacts {
                may_expire: false,
                ..week(Some(DAY), 99)
            },
            policy(Some(DAY)),
            None,
        ),
        // A clock that was set back makes nothing old.
        (week(None, -5), policy(Some(DAY)), None),
        (
            SessionFacts {
                abandoned: true,
                ..week(None, 0)
            },
            policy(None),
            Some("its command was killed"),
        ),
    ] {
        let text = format!("{facts:?}");
        let store = Facts {
            sessions: vec![facts],
            ..Facts::default()
        };
        let plan = plan(&store, &policy, now());
        let reasons: Vec<String> = plan.removals.iter().map(|r| r.reason.to_string()).collect();
        assert_eq!(reasons, Vec::from_iter(expected), "{text}");
    }
}

#[test]
fn a_golden_is_idle_by_its_last_use_not_by_its_age() {
    let idle = Policy {
        max_idle: Some(30 * DAY),
        ..Policy::default()
    };
    let golden = |used, promoted| Facts {
        projects: vec![project("api", used, &[generation(1, promoted, "base")])],
        ..Facts::default()
    };
    for (used, promoted, goes_away) in [
        (Some(1), 400, false),
        (Some(30), 400, true),
        (Some(29), 400, false),
        (None, 400, true),
        // It came back after a long time: nobody had the time to use it yet.
        (Some(400), 1, false),
        (None, 1, false),
    ] {
        let plan = plan(&golden(used, promoted), &idle, now());
        assert_eq!(plan.removals.len() == 1, goes_away, "{used:?} {promoted}");
    }
    let mut facts = store();
    facts.sessions = vec![session("s1", "api", 1, 35)];
    let leased = plan(&facts, &idle, now());
    assert_eq!(
        stays(&leased),
        ["golden of api (not used for too long): leased by s1"]
    );
}

#[test]
fn a_smaller_store_gives_up_what_was_unused_for_longest() {
    // 600 bytes of layers and 40 of generations.
    for (max_size, expected, reached) in [
        (640, vec![], true),
        (540, vec![], true),
        // Generation 1 ceased to serve 20 days ago, generation 2 10 days ago.
        (539, vec!["generation 1 of web"], true),
        (
            400,
            vec!["generation 1 of web", "generation 2 of web"],
            true,
        ),
        // `base` stays as long as one of the two needs it.
        (
            319,
            vec![
                "generation 1 of web",
                "generation 2 of web",
                "golden of api",
            ],
            true,
        ),
        (
            0,
            vec![
                "generation 1 of web",
                "generation 2 of web",
                "golden of api",
                "golden of web",
            ],
            true,
        ),
    ] {
        let policy = Policy {
            max_size: Some(max_size),
            ..keep(9)
        };
        let plan = plan(&store(), &policy, now());
        let by_size: Vec<String> = plan
            .removals
            .iter()
            .filter(|removal| removal.reason == Reason::Size)
            .map(|removal| removal.item.to_string())
            .collect();
        assert_eq!(by_size, expected, "{max_size}");
        assert_eq!(plan.size_reached, Some(reached), "{max_size}");
        assert!(plan.bytes_after <= max_size, "{max_size}: {plan:?}");
    }
}

#[test]
fn a_size_that_cannot_be_reached_is_said_with_the_reason() {
    let mut facts = store();
    facts.projects[0].busy = true;
    facts.sessions = vec![session("s1", "web", 3, 0)];
    let policy = Policy {
        max_size: Some(100),
        ..keep(1)
    };
    let plan = plan(&facts, &policy, now());
    assert_eq!(plan.size_reached, Some(false));
    assert_eq!(
        stays(&plan),
        [
            "golden of api (the store is too large): a build or another command works on it",
            "golden of web (the store is too large): leased by s1",
        ]
    );
    assert_eq!(plan.bytes_after, 300 + 20 + 5);
}

#[test]
fn nothing_of_a_project_goes_while_its_build_runs() {
    let mut facts = store();
    facts.projects[1].busy = true;
    let plan = plan(&facts, &keep(1), now());
    assert_eq!(goes(&plan), ["layer lost: nothing links to it"]);
    assert_eq!(plan.kept.len(), 2, "{:?}", plan.kept);
}

#[test]
fn what_could_not_be_read_stays_with_all_that_it_may_need() {
    // A generation whose links could be read, though not its manifest.
    let mut facts = store();
    facts.projects[1].unjudged = true;
    facts.projects[1].generations[0].promoted_at = None;
    let seen = plan(&facts, &keep(1), now());
    assert_eq!(goes(&seen), ["layer lost: nothing links to it"]);
    // One of which nobody can tell.
    facts.projects[1].generations[0].layers = None;
    let blind = plan(&facts, &keep(1), now());
    assert_eq!(goes(&blind), Vec::<String>::new());
    assert!(
        blind.unjudged[0].what.contains("2 layers"),
        "{:?}",
        blind.unjudged
    );

    // A session whose record is lost may lease what has the layers that it links to.
    let mut facts = store();
    let mut lost = session("s1", "nobody", 1, 99);
    lost.unjudged = true;
    lost.links = Some(layers("base w1"));
    facts.sessions = vec![lost];
    facts.projects[1].generations[1].layers = Some(layers("w2"));
    let policy = Policy {
        session_idle: Some(DAY),
        ..keep(1)
    };
    let plan = plan(&facts, &policy, now());
    assert_eq!(
        goes(&plan),
        [
            "generation 2 of web: superseded",
            "layer lost: nothing links to it",
            "layer w2: nothing links to it"
        ]
    );
}

#[test]
fn a_plan_is_a_document() {
    let plan = plan(&store(), &Policy::default(), now());
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["removals"][0]["item"]["kind"], "generation");
    assert_eq!(json["removals"][0]["item"]["project"], "web");
    assert_eq!(json["removals"][0]["reason"], "superseded");
}
