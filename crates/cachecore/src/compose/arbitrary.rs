//! Answers that compose would never give.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::argv::{Program, parse};

fn arbitrary() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Words that mean something, and others.
fn text() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "context",
        "dockerfile",
        "args",
        "secrets",
        "source",
        "target",
        "ssh",
        "labels",
        "platforms",
        "additional_contexts",
        "ulimits",
        "soft",
        "type",
        "bind",
        "/work/a",
        "service:a",
        "${x}",
        "%{y}",
        "build",
        "image",
        "a",
        "name",
        "services",
        "volumes",
        "pull_policy",
        "",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => ".*"]
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(build in arbitrary(), service in arbitrary(), line in 0..4_usize) {
        let line = ["compose build", "compose up --build", "compose run --no-deps a", "compose create"][line];
        let words: Vec<_> = line.split(' ').map(Into::into).collect();
        let command = parse(Program::Docker, &words).unwrap();
        let question = question(&command, &words).unwrap();
        for services in [json!({ "a": { "build": build } }), json!({ "a": service }), service] {
            let answer = json!({ "name": "shop", "services": services, "secrets": {} });
            let answer = answer.to_string().replace('$', "$$");
            let Ok(model) = Model::read(answer.as_bytes()) else { continue };
            let circumstances = Circumstances {
                command: &command,
                version: Version(2, 40, 0),
                separator: '-',
                variable: &|_| None,
                output: "type=image",
            };
            let Ok(wanted) = wanted(&command, &question, &model, '-', |_| Some(false)) else { continue };
            if let Ok(baked) = bake(&model, &wanted.services, &circumstances) {
                // What bake reads as templates is what the project says.
                let json = String::from_utf8(baked.definition.json().unwrap()).unwrap();
                let unescaped = json.replace("$${", "").replace("%%{", "");
                prop_assert!(!unescaped.contains("${") && !unescaped.contains("%{"), "{json}");
            }
            let map = crate::pathmap::PathMap::parse("/work=/data".as_ref()).unwrap();
            let sources = crate::binds::Sources { map: &map, working_dir: "/work".as_ref(), socket: None };
            if let Some(overlay) = overlay(&model, &sources) {
                // It is read by compose again, which takes single dollars for variables.
                let text = overlay.file.to_string();
                prop_assert_eq!(text.matches('$').count(), 2 * text.matches("$$").count());
            }
        }
        let _ = Model::read(&serde_json::to_vec(&build).unwrap());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (Model::read(&bytes), Version::read(&bytes));
    }
}
