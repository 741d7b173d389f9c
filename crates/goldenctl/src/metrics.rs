//! The store's figures in the text format of Prometheus, for node_exporter's textfile collector.
//!
//! Format: <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.

use std::fmt::Write as _;

use cachecore::id::Generation;
use cachecore::record::{Manifest, ProjectState, Status};
use goldenstore::SessionInfo;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is known of a project.
pub(crate) struct Project<'a> {
    pub(crate) state: &'a ProjectState,
    pub(crate) generation: Option<Generation>,
    pub(crate) golden: Option<&'a Manifest>,
    pub(crate) last_used_at: Option<Timestamp>,
}

const STATUSES: [Status; 4] = [
    Status::None,
    Status::Building,
    Status::Ready,
    Status::Failed,
];

/// Writes the figures of all projects and sessions as one document.
pub(crate) fn render(projects: &[Project<'_>], sessions: &[SessionInfo], now: Timestamp) -> String {
    let mut page = Page::default();
    page.family(
        "cachecore_project_status",
        "1 for the status that a project has, 0 for the others.",
        projects.iter().flat_map(|project| {
            STATUSES.into_iter().map(|status| {
                let labels = labels(&[
                    ("project", project.state.project.as_str()),
                    ("status", status.name()),
                ]);
                (labels, f64::from(u8::from(project.state.status == status)))
            })
        }),
    );
    page.per_golden(
        "cachecore_golden_generation",
        "Number of the generation that serves.",
        projects,
        |project, _| project.generation.map(|g| g.number() as f64),
    );
    page.per_golden(
        "cachecore_golden_shared_bytes",
        "Bytes on disk of the golden's layers, which sessions share.",
        projects,
        |_, golden| Some(golden.sizes.shared_bytes as f64),
    );
    page.per_golden(
        "cachecore_golden_mutable_bytes",
        "Bytes on disk that each session copies.",
        projects,
        |_, golden| Some(golden.sizes.mutable_bytes as f64),
    );
    page.per_golden(
        "cachecore_golden_layers",
        "Layers of the golden.",
        projects,
        |_, golden| Some(golden.layers.len() as f64),
    );
    page.per_golden(
        "cachecore_golden_promoted_timestamp_seconds",
        "When the golden was promoted.",
        projects,
        |_, golden| Some(seconds(golden.promoted_at)),
    );
    page.per_golden(
        "cachecore_golden_last_used_timestamp_seconds",
        "When a session last started from the golden.",
        projects,
        |project, _| project.last_used_at.map(seconds),
    );
    let last_builds = || {
        projects
            .iter()
            .filter_map(|project| Some((project.state, project.state.last_builds.first()?)))
    };
    page.family(
        "cachecore_last_build_success",
        "Whether the last build became a generation.",
        last_builds().map(|(state, build)| {
            let labels = labels(&[("project", state.project.as_str())]);
            (labels, f64::from(u8::from(build.generation.is_some())))
        }),
    );
    page.family(
        "cachecore_last_build_duration_seconds",
        "How long the last build took.",
        last_builds().map(|(state, build)| {
            let labels = labels(&[("project", state.project.as_str())]);
            let took = build.ended_at.duration_since(build.started_at);
            (labels, took.as_secs_f64())
        }),
    );
    let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for session in sessions {
        let record = &session.record;
        let key = (
            record.project.as_str(),
            record.purpose.name(),
            record.strategy.name(),
        );
        *counts.entry(key).or_default() += 1;
    }
    page.family(
        "cachecore_sessions",
        "Sessions that are there.",
        counts.iter().map(|((project, purpose, strategy), count)| {
            let labels = labels(&[
                ("project", project),
                ("purpose", purpose),
                ("strategy", strategy),
            ]);
            (labels, *count as f64)
        }),
    );
    page.family(
        "cachecore_metrics_timestamp_seconds",
        "When these figures were taken.",
        [(String::new(), seconds(now))],
    );
    page.text
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// `{project="api",status="ready"}`, with what the format wants escaped.
fn labels(pairs: &[(&str, &str)]) -> String {
    let inside: Vec<String> = pairs
        .iter()
        .map(|(name, value)| {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            format!("{name}=\"{value}\"")
        })
        .collect();
    format!("{{{}}}", inside.join(","))
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// Adds a gauge with its samples; a gauge without any is left out.
    fn family(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (String, f64)>) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in samples {
            let _ = writeln!(self.text, "{name}{labels} {value}");
        }
    }

    fn per_golden(
        &mut self,
        name: &str,
        help: &str,
        projects: &[Project<'_>],
        value: impl Fn(&Project<'_>, &Manifest) -> Option<f64>,
    ) {
        let samples = projects.iter().filter_map(|project| {
            let value = value(project, project.golden?)?;
            Some((
                labels(&[("project", project.state.project.as_str())]),
                value,
            ))
        });
        self.family(name, help, samples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_its_family_and_a_number() {
        let state = ProjectState::new("shop".parse().unwrap());
        let project = Project {
            state: &state,
            generation: None,
            golden: None,
            last_used_at: None,
        };
        let text = render(
            &[project],
            &[],
            Timestamp::from_second(1_800_000_000).unwrap(),
        );
        assert!(text.contains("cachecore_project_status{project=\"shop\",status=\"none\"} 1\n"));
        assert!(text.contains("cachecore_project_status{project=\"shop\",status=\"ready\"} 0\n"));
        assert!(text.contains("cachecore_metrics_timestamp_seconds 1800000000\n"));
        assert!(!text.contains("cachecore_golden"), "no golden, no figures");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = name.split('{').next().unwrap();
            assert!(text.contains(&format!("# TYPE {family} gauge\n")), "{line}");
            value.parse::<f64>().unwrap();
        }
    }

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(labels(&[("a", "x\"y\\z\n")]), "{a=\"x\\\"y\\\\z\\n\"}");
    }
}
