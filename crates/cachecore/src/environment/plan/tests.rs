use super::*;
use crate::environment::key::keys;
use crate::environment::materials::Materials;
use crate::environment::template::builds;

/// The plan of three stages, one letter each: h, b, or s for each stage, and the image.
fn planned(uncached: &str, present: &str, failed: &str) -> (String, String, Plan) {
    let stage = |name: &str| {
        let cache = uncached != name;
        format!("{{name: {name}, inline: x, cache: {cache}}}")
    };
    let stages = ["one", "two", "three"].map(stage).join(", ");
    let text = format!("{{version: 1, image: debian, stages: [{stages}]}}");
    let spec = Spec::parse(&text, "web.yaml").unwrap();
    let materials = Materials::gather(&spec, |_| Err(())).unwrap();
    let base = Base {
        name: "debian".to_owned(),
        id: "sha256:00".to_owned(),
        user: String::new(),
    };
    let keys = keys(&spec, &materials, &base);
    let builds = builds(&spec, &materials, &base, &keys);
    let failed = builds
        .iter()
        .filter(|build| build.stage.as_str() == failed)
        .map(|build| (build.key, "it ended with 1".to_owned()))
        .collect();
    let is_there = |image: &str| {
        let mut there = present.split(' ').filter(|name| !name.is_empty());
        there.any(|name| image.starts_with(&format!("cachecore-env:{name}-")))
    };
    let plan = plan(&spec, &base, &builds, is_there, &failed);
    let letters = plan.steps.iter().map(|step| match &step.verdict {
        Verdict::Hit => 'h',
        Verdict::Build => 'b',
        Verdict::Start(_) => 's',
    });
    let image = plan.image.trim_start_matches("cachecore-env:");
    let image = image.split(['-', ':']).next().unwrap_or_default();
    (letters.collect(), image.to_owned(), plan)
}

#[test]
fn each_stage_is_decided_by_what_is_there() {
    for (uncached, present, failed, letters, image) in [
        ("", "", "", "bbb", "three"),
        ("", "one", "", "hbb", "three"),
        ("", "one two three", "", "hhh", "three"),
        // The image of a stage has those below it in it.
        ("", "three", "", "hhh", "three"),
        ("", "two", "", "hhb", "three"),
        ("", "", "two", "bss", "one"),
        ("", "one", "one", "hbb", "three"),
        ("", "", "one", "sss", "sha256"),
        ("", "one", "three", "hbs", "two"),
        ("two", "", "", "bss", "one"),
        ("two", "one two three", "", "hss", "one"),
        ("two", "three", "", "bss", "one"),
        ("one", "", "", "sss", "sha256"),
        ("three", "", "two", "bss", "one"),
    ] {
        let (is, runs, plan) = planned(uncached, present, failed);
        let case = format!("cache: false for {uncached:?}, {present:?} there, {failed:?} failed");
        assert_eq!((is.as_str(), runs.as_str()), (letters, image), "{case}");
        assert_eq!(plan.is_hit(), !letters.contains('b'), "{case}");
        let started = letters.matches('s').count();
        assert_eq!(plan.started().count(), started, "{case}");
        assert_eq!(plan.built().count(), letters.matches('b').count(), "{case}");
    }
}

#[test]
fn each_stage_that_runs_at_start_says_why() {
    let reasons = |plan: Plan| -> Vec<String> {
        let reasons = plan.steps.iter().filter_map(|step| match &step.verdict {
            Verdict::Start(reason) => Some(reason.to_string()),
            _ => None,
        });
        reasons.collect()
    };
    assert_eq!(
        reasons(planned("two", "", "").2),
        [
            "the spec says `cache: false`",
            "it comes after stage \"two\", which runs at start"
        ]
    );
    assert_eq!(
        reasons(planned("", "", "three").2),
        ["it ended with 1"],
        "a failure in its own words"
    );
}
