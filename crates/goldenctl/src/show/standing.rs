use cachecore::record::{Manifest, ProjectState, Request, Status};
use jiff::Timestamp;

use super::{age, size};

/// Where a project stands, in a line: `Ready · 8.7 GB · Updated 2h ago`.
pub(crate) fn standing(state: &ProjectState, golden: Option<&Manifest>, now: Timestamp) -> String {
    let enabled = state.settings.as_ref().is_some_and(|set| set.enabled);
    match (state.status, golden) {
        (Status::None, _) if enabled => "No golden yet — will build on next trigger".to_owned(),
        (Status::None, _) | (Status::Ready, None) => "No golden yet".to_owned(),
        (Status::Building, _) => match &state.building {
            Some(running) => format!("Building... Started {}", age(running.started_at, now)),
            None => "Building...".to_owned(),
        },
        (Status::Ready, Some(golden)) => format!(
            "Ready · {} · Updated {}",
            size(golden.sizes.shared_bytes + golden.sizes.mutable_bytes),
            age(golden.promoted_at, now)
        ),
        (Status::Failed, _) => format!("Failed: {}", state.reason),
    }
}

/// A request that waits.
pub(crate) fn pending(request: &Request, now: Timestamp) -> String {
    let revision = match &request.revision {
        Some(revision) => format!("revision {revision}, "),
        None => String::new(),
    };
    let more = match request.coalesced {
        0 => String::new(),
        more => format!(", for {more} more before it"),
    };
    format!(
        "{revision}asked for by {} {}{more}",
        request.by.name(),
        age(request.requested_at, now)
    )
}

/// What a person can do about where a project stands.
pub(crate) fn next_step(state: &ProjectState) -> Option<String> {
    let project = &state.project;
    let settings = state.settings.as_ref();
    let enabled = settings.is_some_and(|settings| settings.enabled);
    Some(match (state.status, &state.pending, &state.unbuilt) {
        (Status::Building, _, _) => {
            format!("`goldenctl cancel {project}` ends the build; `log {project}` shows it")
        }
        (_, Some(_), _) => {
            "nobody builds what is pending; `goldenctl trigger --all` does".to_owned()
        }
        (Status::Failed, None, Some(_)) if enabled => {
            format!("`goldenctl log {project}` shows why; `retry {project}` builds it again")
        }
        (Status::Failed, None, _) => format!("`goldenctl log {project}` shows why"),
        (_, None, Some(unbuilt)) if enabled => match &unbuilt.revision {
            Some(revision) => {
                format!("`goldenctl retry {project}` builds revision {revision}, not built yet")
            }
            None => format!("`goldenctl retry {project}` builds what was not built"),
        },
        (Status::None, None, None) if settings.is_none() => {
            "make a golden with `goldenctl enable`, `build` or `import`".to_owned()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cachecore::id::{BuildId, ProjectId, SessionId};
    use cachecore::record::{RequestedBy, RunningBuild, parse};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn each_state_reads_as_a_person_says_it() {
        let mut state = ProjectState::new(ProjectId::new("shop").unwrap());
        let now = at(10_000);
        assert_eq!(standing(&state, None, now), "No golden yet");
        let step = next_step(&state).unwrap();
        assert!(step.contains("goldenctl enable"), "{step}");

        let golden: Manifest = parse(
            br#"{"format":1,"project":"shop","generation":1,"base":null,"kind":{"store":"empty"},
                "layers":[],"sizes":{"shared_bytes":8600000000,"mutable_bytes":100000000,
                "mutable_entries":1},"origin":{"from":"session","session":"s"},"engine":null,
                "revision":null,"promoted_at":"1970-01-01T00:46:40Z"}"#,
        )
        .unwrap();
        state.status = Status::Ready;
        let line = standing(&state, Some(&golden), now);
        assert_eq!(line, "Ready · 8.7 GB · Updated 2h ago");
        assert_eq!(next_step(&state), None);

        state.begin(RunningBuild {
            build: BuildId::new("b").unwrap(),
            session: SessionId::new("s").unwrap(),
            started_at: at(10_000 - 200),
            revision: None,
            request: None,
            cancelled_at: None,
        });
        let line = standing(&state, Some(&golden), now);
        assert_eq!(line, "Building... Started 3 min ago");
        assert!(next_step(&state).unwrap().contains("goldenctl cancel shop"));

        state.status = Status::Failed;
        state.reason = "the startup command ended with exit code 3".into();
        let line = standing(&state, Some(&golden), now);
        assert_eq!(line, "Failed: the startup command ended with exit code 3");
        assert!(next_step(&state).unwrap().contains("goldenctl log shop"));
    }

    #[test]
    fn a_request_that_waits_says_for_how_many() {
        let request = Request {
            number: 9,
            revision: Some("4f2c".into()),
            by: RequestedBy::Trigger,
            requested_at: at(0),
            coalesced: 3,
            unconditional: false,
            killed: 0,
        };
        assert_eq!(
            pending(&request, at(60)),
            "revision 4f2c, asked for by trigger 60s ago, for 3 more before it"
        );
    }
}
