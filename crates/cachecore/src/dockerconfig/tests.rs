use proptest::prelude::*;

use super::*;

#[test]
fn a_folder_is_listed_first_and_nothing_else_changes() {
    for (text, changed) in [
        ("{}", r#"{"cliPluginsExtraDirs": ["/x"]}"#),
        (" { } ", r#" {"cliPluginsExtraDirs": ["/x"] } "#),
        (
            "{\n\t\"auths\": {},\n\t\"b\": [1]\n}\n",
            "{\n\t\"cliPluginsExtraDirs\": [\"/x\"],\n\t\"auths\": {},\n\t\"b\": [1]\n}\n",
        ),
        (
            r#"{"a":{"cliPluginsExtraDirs":["no"]},"cliPluginsExtraDirs":[]}"#,
            r#"{"a":{"cliPluginsExtraDirs":["no"]},"cliPluginsExtraDirs":["/x"]}"#,
        ),
        (
            "{\"cliPluginsExtraDirs\": [\n  \"/a,]\\\"\",\n  \"/b\"\n ]}",
            "{\"cliPluginsExtraDirs\": [\n  \"/x\",\n  \"/a,]\\\"\",\n  \"/b\"\n ]}",
        ),
        (
            r#"{"cli\u0050luginsExtraDirs":["/a"]}"#,
            r#"{"cli\u0050luginsExtraDirs":["/x", "/a"]}"#,
        ),
    ] {
        let (got, made) = with_plugin_dir(Some(text), "/x").unwrap();
        assert_eq!(got, changed);
        assert_eq!(plugin_dirs(&got).unwrap()[0], "/x");
        let back = without_plugin_dir(&got, "/x", made).unwrap();
        assert_eq!(back.as_deref(), Some(text));
    }
}

#[test]
fn a_file_that_was_made_goes_unless_somebody_has_added_to_it() {
    let (text, made) = with_plugin_dir(None, "/x \"").unwrap();
    assert_eq!(plugin_dirs(&text).unwrap(), ["/x \""]);
    assert_eq!(without_plugin_dir(&text, "/x \"", made), Ok(None));
    let added = text.replacen('{', "{\"a\": 1, ", 1);
    let left = without_plugin_dir(&added, "/x \"", made).unwrap().unwrap();
    assert_eq!(left.trim(), "{\"a\": 1}");
}

#[test]
fn what_others_have_listed_meanwhile_stays() {
    let (text, made) = with_plugin_dir(Some("{}"), "/x").unwrap();
    let text = with_plugin_dir(Some(&text), "/y").unwrap().0;
    let left = without_plugin_dir(&text, "/x", made).unwrap().unwrap();
    assert_eq!(plugin_dirs(&left).unwrap(), ["/y"]);
    let same = without_plugin_dir(&left, "/x", made).unwrap().unwrap();
    assert_eq!(same, left);
}

#[test]
fn what_docker_does_not_read_is_left_alone() {
    for text in [
        "",
        "[]",
        "{",
        r#"{"cliPluginsExtraDirs":"x"}"#,
        r#"{"cliPluginsExtraDirs":[1]}"#,
    ] {
        assert!(with_plugin_dir(Some(text), "/x").is_err(), "{text}");
        assert!(without_plugin_dir(text, "/x", Made::Key).is_err(), "{text}");
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~\\n\\t]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"\\\\,{}]{0,4}", inner, 0..4)
                .prop_map(|map| Value::from(map.into_iter().collect::<serde_json::Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn what_was_put_in_is_taken_out_again(
        fields in prop::collection::btree_map("[a-z\"]{1,5}", json(), 0..5),
        listed in prop::option::of(prop::collection::vec("[/a-z\", ]{1,8}", 0..3)),
        is_pretty: bool,
    ) {
        let mut fields: serde_json::Map<_, _> = fields.into_iter().collect();
        if let Some(listed) = listed {
            fields.insert(KEY.to_owned(), Value::from(listed));
        }
        let text = if is_pretty {
            serde_json::to_string_pretty(&fields).unwrap()
        } else {
            serde_json::to_string(&fields).unwrap()
        };
        let before = plugin_dirs(&text).unwrap();
        let (changed, made) = with_plugin_dir(Some(&text), "/our own").unwrap();
        let mut after = plugin_dirs(&changed).unwrap();
        prop_assert_eq!(after.remove(0), "/our own");
        prop_assert_eq!(&after, &before);
        let back = without_plugin_dir(&changed, "/our own", made).unwrap();
        prop_assert_eq!(back, Some(text));
    }
}
