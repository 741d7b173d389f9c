use super::{BuildSummary, ProjectState, RecordError, Status, StoreRecord, parse, render};
use crate::id::{BuildId, Generation, ProjectId};

const STORE: &str = r#"{"format":1,"id":"x","root":"/s","colour":"green"}"#;

#[test]
fn a_newer_format_is_refused_with_the_way_out() {
    let newer = STORE.replace("\"format\":1", "\"format\":2");
    let error = parse::<StoreRecord>(newer.as_bytes()).unwrap_err();
    assert!(matches!(error, RecordError::Newer { found: 2 }));
    assert!(
        error.to_string().contains("use the version that wrote it"),
        "{error}"
    );
    // Even if nothing else of it is known.
    assert!(matches!(
        parse::<StoreRecord>(br#"{"format":9}"#),
        Err(RecordError::Newer { .. })
    ));
}

#[test]
fn unknown_fields_survive_a_rewrite() {
    let record: StoreRecord = parse(STORE.as_bytes()).unwrap();
    let again = String::from_utf8(render(&record)).unwrap();
    assert!(
        again.contains("\"colour\": \"green\"") && again.ends_with("}\n"),
        "{again}"
    );
}

#[test]
fn a_failed_build_says_what_serves_on() {
    let mut state = ProjectState::new(ProjectId::new("api").unwrap());
    let at = jiff::Timestamp::UNIX_EPOCH;
    let summary = |generation| BuildSummary {
        build: BuildId::new("b1").unwrap(),
        generation,
        reason: "the startup command ended with exit code 3".into(),
        revision: None,
        cut_short: None,
        started_at: at,
        ended_at: at,
    };
    state.end(summary(None), Some(Generation::new(4)));
    assert_eq!(state.status, Status::Failed);
    assert!(
        state
            .reason
            .ends_with("exit code 3; generation 4 serves on"),
        "{}",
        state.reason
    );
    state.end(summary(Some(Generation::new(5))), Some(Generation::new(5)));
    assert_eq!(state.status, Status::Ready);
    assert_eq!(state.last_ready_at, Some(at));
}

#[test]
fn only_the_last_builds_are_remembered() {
    let mut state = ProjectState::new(ProjectId::new("api").unwrap());
    for n in 0..30 {
        let at = jiff::Timestamp::from_second(n).unwrap();
        state.end(
            BuildSummary {
                build: BuildId::new(&format!("b{n}")).unwrap(),
                generation: None,
                reason: String::new(),
                revision: None,
                cut_short: None,
                started_at: at,
                ended_at: at,
            },
            None,
        );
    }
    assert_eq!(state.last_builds.len(), super::KEPT_BUILDS);
    assert_eq!(state.last_builds[0].build.as_str(), "b29");
}
