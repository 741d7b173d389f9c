use super::*;
use crate::id::ProjectId;
use crate::record::{BuildSummary, CutShort, KILLS_ALLOWED, Other, parse, render};

mod world;

use world::Event::*;
use world::{AT, EVENTS, Event, World, golden, settings};

#[test]
fn each_request_is_decided_by_where_the_project_stands() {
    let cases: [(&[Event], &str, Verdict, &str); 9] = [
        (&[], "b", Verdict::StartNow, "no build runs"),
        (
            &[],
            "a",
            Verdict::Skipped,
            "generation 1 is of revision a and of the same startup file",
        ),
        (
            &[Trigger("b"), Take],
            "c",
            Verdict::Coalesced,
            "build b1 runs; this is built after it",
        ),
        (
            &[Trigger("b"), Take],
            "a",
            Verdict::Coalesced,
            "build b1 runs; this is built after it",
        ),
        (
            &[Trigger("b"), Take, Trigger("c")],
            "d",
            Verdict::Coalesced,
            "in place of what waited before",
        ),
        (
            &[Trigger("b")],
            "c",
            Verdict::StartNow,
            "a request waited that nobody builds",
        ),
        (&[Disable], "b", Verdict::Refused, "the project is disabled"),
        (
            &[Trigger("b"), Take, Promoted],
            "b",
            Verdict::Skipped,
            "generation 2 is of revision b",
        ),
        (
            &[Trigger("b"), Take, Failed],
            "b",
            Verdict::StartNow,
            "no build runs",
        ),
    ];
    for (before, revision, verdict, reason) in cases {
        let mut world = World::new();
        before.iter().for_each(|event| world.happens(*event));
        let decision = trigger(&mut world.state, Some(revision), &world.facts, AT);
        assert_eq!(decision.verdict, verdict, "{before:?}: {decision:?}");
        assert!(decision.reason.contains(reason), "{decision:?}");
        assert_eq!(world.state.last_decision, Some(decision));
    }
    let mut unknown = ProjectState::new(ProjectId::new("p").unwrap());
    let decision = trigger(&mut unknown, None, &Facts::default(), AT);
    assert_eq!(decision.reason, "the project has no startup file");
}

#[test]
fn a_build_is_skipped_only_if_revision_and_startup_file_are_known_to_be_the_same() {
    let same = World::new().facts;
    let with = |change: fn(&mut Facts)| {
        let mut facts = same.clone();
        change(&mut facts);
        facts
    };
    let cases = [
        (same.clone(), Some("a"), true),
        (same.clone(), None, false),
        (with(|f| f.startup_sha256 = None), Some("a"), false),
        (
            with(|f| f.startup_sha256 = Some("t".into())),
            Some("a"),
            false,
        ),
        (with(|f| f.golden = None), Some("a"), false),
        (
            with(|f| f.golden.as_mut().unwrap().startup_sha256 = None),
            Some("a"),
            false,
        ),
        (
            with(|f| f.golden.as_mut().unwrap().revision = None),
            Some("a"),
            false,
        ),
    ];
    for (facts, revision, skipped) in cases {
        let mut state = World::new().state;
        let decision = trigger(&mut state, revision, &facts, AT);
        assert_eq!(
            decision.verdict == Verdict::Skipped,
            skipped,
            "{facts:?} {revision:?}"
        );
    }
}

#[test]
fn ten_triggers_during_a_build_are_one_more_build_of_the_newest() {
    let mut world = World::new();
    world.happens(Trigger("b"));
    world.happens(Take);
    for n in 1..=10 {
        assert_eq!(world.trigger(&format!("r{n}")), Verdict::Coalesced);
    }
    let pending = world.state.pending.clone().unwrap();
    assert_eq!(
        (pending.revision.as_deref(), pending.coalesced),
        (Some("r10"), 9)
    );
    world.happens(Promoted);
    let Taken::Build(request) = world.take() else {
        panic!("it is built")
    };
    assert_eq!(request, pending);
    world.happens(Promoted);
    assert_eq!(world.take(), Taken::Nothing);
}

#[test]
fn what_waited_is_skipped_if_the_build_before_it_was_of_the_same() {
    let mut world = World::new();
    for event in [Trigger("b"), Take, Trigger("b"), Promoted] {
        world.happens(event);
    }
    assert!(matches!(world.take(), Taken::Skipped(_)));
    assert_eq!(world.state.status, Status::Ready);
    // Had that build failed, it would be built.
    let mut world = World::new();
    for event in [Trigger("b"), Take, Trigger("b"), Failed] {
        world.happens(event);
    }
    assert!(matches!(world.take(), Taken::Build(_)));
}

#[test]
fn enable_and_retry_build_whatever_the_golden_is() {
    let mut world = World::new();
    world.happens(Enable);
    assert!(matches!(world.take(), Taken::Build(_)));

    // A trigger for the golden's own revision does not make the enabling any less wanted.
    let mut world = World::new();
    world.happens(Enable);
    world.happens(Trigger("a"));
    assert!(matches!(world.take(), Taken::Build(_)));

    let mut world = World::new();
    for event in [Trigger("b"), Take, Failed] {
        world.happens(event);
    }
    world.facts.golden = Some(golden(2, Some("b")));
    let decision = retry(&mut world.state, AT);
    assert_eq!(
        (decision.verdict, decision.revision.as_deref()),
        (Verdict::StartNow, Some("b"))
    );
    assert!(matches!(world.take(), Taken::Build(_)));
}

#[test]
fn retry_needs_something_to_retry() {
    let mut world = World::new();
    let decision = retry(&mut world.state, AT);
    assert_eq!(decision.verdict, Verdict::Refused);
    assert!(decision.reason.contains("no request has failed"));
    for event in [Trigger("b"), Take] {
        world.happens(event);
    }
    assert_eq!(retry(&mut world.state, AT).reason, "build b1 runs");
    for event in [Failed, Disable] {
        world.happens(event);
    }
    assert_eq!(
        retry(&mut world.state, AT).reason,
        "the project is disabled"
    );
}

#[test]
fn a_cancelled_build_leaves_the_project_where_it_stood() {
    let mut world = World::new();
    for event in [Trigger("b"), Take, Trigger("c")] {
        world.happens(event);
    }
    let withdrawn = cancel(&mut world.state, AT);
    assert_eq!(withdrawn.running.unwrap().as_str(), "b1");
    assert_eq!(withdrawn.dropped.unwrap().revision.as_deref(), Some("c"));
    assert_eq!(world.state.pending, None);
    world.happens(Failed);
    assert_eq!(world.state.status, Status::Ready);
    assert_eq!(world.state.reason, "it ended; generation 1 serves on");
    assert_eq!(world.take(), Taken::Nothing);
    // What can be had again is the newest.
    let unbuilt = world.state.unbuilt.clone().unwrap();
    assert_eq!(unbuilt.revision.as_deref(), Some("c"));
    // A trigger after the cancelling is wanted.
    for event in [Trigger("b"), Take, Cancel, Trigger("d"), Failed] {
        world.happens(event);
    }
    assert!(matches!(world.take(), Taken::Build(_)));
    // Without a golden there is none afterwards either.
    let mut bare = World::new();
    bare.facts.golden = None;
    for event in [Trigger("b"), Take, Cancel] {
        bare.happens(event);
    }
    let running = bare.state.building.clone().unwrap();
    let summary = BuildSummary {
        build: running.build,
        generation: None,
        reason: "build b1 was cancelled".into(),
        revision: None,
        cut_short: Some(CutShort::Cancelled),
        started_at: AT,
        ended_at: AT,
    };
    bare.state.end(summary, None);
    assert_eq!(bare.state.status, Status::None);
}

#[test]
fn disabling_lets_the_running_build_end_and_begins_no_other() {
    let mut world = World::new();
    for event in [Trigger("b"), Take, Trigger("c"), Disable] {
        world.happens(event);
    }
    assert!(
        world
            .state
            .building
            .as_ref()
            .unwrap()
            .cancelled_at
            .is_none()
    );
    world.happens(Promoted);
    assert_eq!(world.state.status, Status::Ready);
    assert_eq!(world.take(), Taken::Nothing);
    let unbuilt = world.state.unbuilt.clone().unwrap();
    assert_eq!(unbuilt.revision.as_deref(), Some("c"));
}

#[test]
fn a_killed_build_is_wanted_still_but_not_for_ever() {
    let mut world = World::new();
    world.happens(Trigger("b"));
    for _ in 1..KILLS_ALLOWED {
        assert!(matches!(world.take(), Taken::Build(_)));
        world.happens(Killed);
        let pending = world.state.pending.as_ref().unwrap();
        assert_eq!(pending.revision.as_deref(), Some("b"));
    }
    assert!(matches!(world.take(), Taken::Build(_)));
    world.happens(Killed);
    assert_eq!(world.state.pending, None);
    assert_eq!(world.state.status, Status::Failed);
    assert!(world.state.unbuilt.is_some(), "retry finds it");
    // What came meanwhile is newer, and stands for both.
    let mut world = World::new();
    for event in [Trigger("b"), Take, Trigger("c"), Killed] {
        world.happens(event);
    }
    let pending = world.state.pending.clone().unwrap();
    assert_eq!(
        (pending.revision.as_deref(), pending.coalesced),
        (Some("c"), 1)
    );
}

#[test]
fn a_state_from_before_there_were_triggers_is_read() {
    let old = r#"{"format":1,"project":"p","status":"building","reason":"build b runs",
        "building":{"build":"b","session":"s","started_at":"2026-01-01T00:00:00Z"},
        "last_builds":[{"build":"a","generation":1,"reason":"ok",
            "started_at":"2026-01-01T00:00:00Z","ended_at":"2026-01-01T00:00:00Z"}],
        "last_ready_at":null,"later":7}"#;
    let mut state: ProjectState = parse(old.as_bytes()).unwrap();
    assert_eq!((&state.settings, &state.pending), (&None, &None));
    assert_eq!(state.building.as_ref().unwrap().request, None);
    let withdrawn = cancel(&mut state, AT);
    assert!(withdrawn.running.is_some(), "a build by hand ends as well");
    enable(&mut state, settings(), Some("r"), AT);
    let again: ProjectState = parse(&render(&state)).unwrap();
    assert_eq!(again, state);
    assert_eq!(again.other["later"], 7);
}

#[test]
fn every_short_history_ends_well() {
    fn go_on(world: &World, events: &mut Vec<Event>, depth: usize) {
        for event in EVENTS {
            let mut world = world.clone();
            world.happens(event);
            events.push(event);
            world.holds(events);
            if depth > 1 {
                go_on(&world, events, depth - 1);
            } else {
                world.settles_well(events);
            }
            events.pop();
        }
    }
    go_on(&World::new(), &mut Vec::new(), 4);
}

#[test]
fn every_long_history_ends_well() {
    for seed in 0..2000_u64 {
        let mut bits = seed;
        let mut world = World::new();
        let mut events = Vec::new();
        for _ in 0..40 {
            // splitmix64, by Sebastiano Vigna
            bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let event = EVENTS[((mixed >> 32) as usize) % EVENTS.len()];
            world.happens(event);
            events.push(event);
            world.holds(&events);
        }
        world.settles_well(&events);
    }
}
