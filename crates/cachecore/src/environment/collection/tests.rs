use super::*;

const DAY: i64 = 24;

fn hours_ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// An image of this age in hours.
fn image(name: &str, parent: &str, age: i64) -> Image {
    Image {
        name: name.to_owned(),
        id: format!("sha256:{name}"),
        project: "shop".to_owned(),
        stage: name.to_owned(),
        parent: parent.to_owned(),
        is_named: true,
        created: hours_ago(age),
        last_used: None,
        size: 1,
    }
}

const RULES: Rules = Rules {
    max_age: SignedDuration::from_hours(30 * 24),
    max_idle: None,
};

/// What becomes of each image, in words: `name: reason`, those that go in capitals.
fn fates(facts: &Facts, rules: &Rules) -> Vec<String> {
    let said = |verdict: Verdict| match verdict.fate {
        Fate::Keep(why) => format!("{}: {why}", verdict.image.name),
        Fate::Remove(why) => format!("{}: {why}", verdict.image.name.to_uppercase()),
    };
    plan(facts, rules, now())
        .images
        .into_iter()
        .map(said)
        .collect()
}

#[test]
fn what_is_old_goes_with_what_is_built_on_it_and_that_first() {
    let facts = Facts {
        images: vec![
            image("system", "base", 31 * DAY),
            image("desktop", "system", DAY),
        ],
        ..Facts::default()
    };
    let expected = ["DESKTOP: it is 31 days old", "SYSTEM: it is 31 days old"];
    assert_eq!(fates(&facts, &RULES), expected);
    let fresh = Facts {
        images: vec![image("system", "base", 29 * DAY)],
        ..Facts::default()
    };
    assert_eq!(fates(&fresh, &RULES), ["system: it is fresh"]);
    let plan = plan(&fresh, &RULES, now());
    assert_eq!(plan.images[0].refresh_by, hours_ago(-DAY));
}

#[test]
fn what_a_container_is_of_stays_and_all_below_it() {
    let images = vec![
        image("system", "base", 90 * DAY),
        image("desktop", "system", 80 * DAY),
        image("web", "desktop", 70 * DAY),
    ];
    for used in ["desktop", "sha256:desktop"] {
        let facts = Facts {
            images: images.clone(),
            bases: BTreeSet::from(["base".to_owned(), "older".to_owned()]),
            used: BTreeMap::from([(used.to_owned(), "task".to_owned())]),
            ..Facts::default()
        };
        let expected = [
            "WEB: it is 90 days old",
            "desktop: container task uses it",
            "system: stage desktop is built on it",
        ];
        assert_eq!(fates(&facts, &RULES), expected);
        assert_eq!(plan(&facts, &RULES, now()).bases, ["older"]);
    }
}

#[test]
fn what_is_being_built_or_was_just_asked_for_stays() {
    let mut asked = image("asked", "base", 90 * DAY);
    asked.last_used = Some(now() - SignedDuration::from_mins(9));
    let mut before = image("before", "base", 90 * DAY);
    before.last_used = Some(now() - SignedDuration::from_mins(11));
    let facts = Facts {
        images: vec![
            asked,
            before,
            image("building", "base", 90 * DAY),
            image("on", "base", 90 * DAY),
        ],
        bases: BTreeSet::from(["below".to_owned()]),
        building: BTreeSet::from(["building".to_owned()]),
        built_on: BTreeSet::from(["on".to_owned(), "below".to_owned()]),
        ..Facts::default()
    };
    let expected = [
        "asked: it was asked for within the last ten minutes",
        "BEFORE: it is 90 days old",
        "building: a build is using it",
        "on: a build is using it",
    ];
    assert_eq!(fates(&facts, &RULES), expected);
    assert!(plan(&facts, &RULES, now()).bases.is_empty());
}

#[test]
fn what_was_not_used_goes_if_that_is_asked_for() {
    let mut used = image("used", "base", 20 * DAY);
    used.last_used = Some(hours_ago(DAY));
    let facts = Facts {
        images: vec![
            used,
            image("never", "base", 20 * DAY),
            image("new", "base", DAY),
        ],
        ..Facts::default()
    };
    let rules = Rules {
        max_idle: Some(SignedDuration::from_hours(7 * 24)),
        ..RULES
    };
    let expected = [
        "NEVER: it was not used for 20 days",
        "new: it is fresh",
        "used: it is fresh",
    ];
    assert_eq!(fates(&facts, &rules), expected);
}

#[test]
fn an_image_that_has_lost_its_name_goes_unless_a_container_has_it() {
    let mut lost = image("sha256:lost", "base", 1);
    lost.is_named = false;
    let mut kept = image("sha256:kept", "base", 1);
    kept.is_named = false;
    let facts = Facts {
        images: vec![lost, kept],
        used: BTreeMap::from([("sha256:kept".to_owned(), "task".to_owned())]),
        ..Facts::default()
    };
    let expected = [
        "sha256:kept: container task uses it",
        "SHA256:LOST: another image has its name",
    ];
    assert_eq!(fates(&facts, &RULES), expected);
}

#[test]
fn labels_that_lead_in_a_circle_end() {
    let facts = Facts {
        images: vec![image("a", "b", DAY), image("b", "a", 31 * DAY)],
        ..Facts::default()
    };
    assert_eq!(fates(&facts, &RULES).len(), 2);
}
