use proptest::prelude::*;
use serde_json::json;

use super::*;

fn made(file: &Value) -> Conversion {
    migrate(&file.to_string(), Choice::default()).unwrap()
}

fn run(made: &Conversion) -> Option<&str> {
    made.spec.run.as_ref().map(|run| inline(&run.script))
}

fn cached(made: &Conversion) -> Vec<(&str, bool)> {
    let stages = made.spec.stages.iter();
    stages
        .map(|stage| (inline(&stage.script), stage.cached))
        .collect()
}

fn inline(script: &Script) -> &str {
    match script {
        Script::Inline(text) => text,
        Script::File(path) => panic!("a file {path}"),
    }
}

fn warned(made: &Conversion) -> Vec<&str> {
    let fields = made.warnings.iter().map(|warning| warning.field.as_str());
    fields.filter(|field| *field != "image").collect()
}

fn kept(made: &Conversion) -> Vec<&str> {
    made.kept.iter().map(|kept| kept.field.as_str()).collect()
}

#[test]
fn each_combination_of_scripts_and_switches_becomes_what_it_did() {
    // The file; the run script; the stages; what is warned of; what is kept.
    type Row = (
        Value,
        Option<&'static str>,
        Vec<(&'static str, bool)>,
        Vec<&'static str>,
        Vec<&'static str>,
    );
    let rows: Vec<Row> = vec![
        // One script, before there was any caching.
        (
            json!({"env_id": "web", "preflight_enabled": true, "preflight_script": "a\n"}),
            Some("a\n"),
            vec![],
            vec![],
            vec![],
        ),
        (
            json!({"env_id": "web", "preflight_script": "a\n"}),
            Some("a\n"),
            vec![],
            vec![],
            vec![],
        ),
        (
            json!({"env_id": "web", "preflight_enabled": false, "preflight_script": "a\n"}),
            None,
            vec![],
            vec!["preflight_script"],
            vec!["preflight_script"],
        ),
        // Caching on, and nothing to cache.
        (
            json!({"env_id": "web", "preflight_enabled": true, "preflight_script": "a\n",
                "cache_container_build": true}),
            Some("a\n"),
            vec![],
            vec!["cached_preflight_script"],
            vec![],
        ),
        (
            json!({"env_id": "web", "cache_container_build": true, "cached_preflight_script": " \n"}),
            None,
            vec![],
            vec!["cached_preflight_script"],
            vec![],
        ),
        // Both halves.
        (
            json!({"env_id": "web", "cache_container_build": true,
                "cached_preflight_script": "c\n", "run_preflight_script": "r\n"}),
            Some("r\n"),
            vec![("c\n", true)],
            vec![],
            vec![],
        ),
        // As it was built in the end: the older field holds the second half.
        (
            json!({"env_id": "web", "container_caching_enabled": true, "preflight_enabled": true,
                "cached_preflight_script": "c\n", "preflight_script": "r\n"}),
            Some("r\n"),
            vec![("c\n", true)],
            vec![],
            vec![],
        ),
        // Both halves, and caching is off.
        (
            json!({"env_id": "web", "container_caching_enabled": false,
                "cached_preflight_script": "c\n", "run_preflight_script": "r\n"}),
            Some("r\n"),
            vec![("c\n", false)],
            vec!["cached_preflight_script"],
            vec![],
        ),
        // The whole and a half: what the switch means.
        (
            json!({"env_id": "web", "cache_container_build": true, "preflight_enabled": true,
                "cached_preflight_script": "c\n", "run_preflight_script": "r\n",
                "preflight_script": "all\n"}),
            Some("r\n"),
            vec![("c\n", true)],
            vec!["preflight_script"],
            vec!["preflight_script"],
        ),
        (
            json!({"env_id": "web", "cache_container_build": false, "preflight_enabled": true,
                "run_preflight_script": "r\n", "preflight_script": "all\n"}),
            Some("all\n"),
            vec![],
            vec!["run_preflight_script"],
            vec!["run_preflight_script"],
        ),
        (
            json!({"env_id": "web", "preflight_enabled": true,
                "run_preflight_script": "same\n", "preflight_script": "same\n"}),
            Some("same\n"),
            vec![],
            vec![],
            vec![],
        ),
        // One switch by two names.
        (
            json!({"env_id": "web", "cache_container_build": true,
                "container_caching_enabled": false, "cached_preflight_script": "c\n"}),
            None,
            vec![("c\n", true)],
            vec!["cache_container_build"],
            vec![],
        ),
        // The desktop's.
        (
            json!({"env_id": "web", "headless_desktop_enabled": true, "cache_desktop_build": true}),
            None,
            vec![],
            vec!["cache_desktop_build"],
            vec!["cache_desktop_build", "headless_desktop_enabled"],
        ),
        // Lines as on Windows.
        (
            json!({"env_id": "web", "preflight_script": "a\r\nb\r\n"}),
            Some("a\r\nb\r\n"),
            vec![],
            vec!["preflight_script"],
            vec![],
        ),
        // Nothing at all.
        (json!({"env_id": "web"}), None, vec![], vec![], vec![]),
    ];
    for (file, script, stages, warnings, left) in rows {
        let made = made(&file);
        assert_eq!(run(&made), script, "{file}");
        assert_eq!(cached(&made), stages, "{file}");
        assert_eq!(warned(&made), warnings, "{file}");
        assert_eq!(kept(&made), left, "{file}");
    }
}

#[test]
fn a_whole_file_of_the_older_program_loses_nothing() {
    let file = json!({
        "version": 1, "env_id": "web", "name": "Web Shop ✨", "color": "emerald",
        "host_workdir": "/home/me/shop", "agent_cli_args": "--full-auto",
        "max_agents_running": -1, "headless_desktop_enabled": false,
        "cache_desktop_build": false, "container_caching_enabled": true,
        "cached_preflight_script": "#!/usr/bin/env bash\nyay -S --noconfirm nodejs\n",
        "preflight_enabled": true, "preflight_script": "npm ci\n",
        "env_vars": {"NODE_ENV": "test", "PORT": 8080, "a-b": "x"},
        "extra_mounts": ["/srv/data:/data:ro"], "ports": ["8080:80"],
        "gh_management_locked": false, "prompts": [{"enabled": true, "text": "be brief"}],
        "agent_selection": null, "something_later": {"deep": [1, 2.5, "three"]},
    });
    let made = made(&file);
    assert_eq!(made.spec.name.as_str(), "web");
    assert_eq!(made.spec.environment["NODE_ENV"], "test");
    assert_eq!(made.spec.environment["PORT"], "8080");
    let text = made.file("envimage migrate", "environment-web.json");
    // Every field is either in the spec or in the list.
    for (field, value) in file.as_object().unwrap() {
        let in_spec = [
            "version",
            "env_id",
            "container_caching_enabled",
            "cached_preflight_script",
            "preflight_enabled",
            "preflight_script",
        ];
        if in_spec.contains(&field.as_str()) {
            continue;
        }
        let kept = made.kept.iter().find(|kept| kept.field == *field);
        let kept = kept.unwrap_or_else(|| panic!("{field} is lost"));
        if field == "env_vars" {
            assert_eq!(kept.value, json!({"a-b": "x"}));
        } else {
            assert_eq!(kept.value, *value, "{field}");
        }
        assert!(
            text.contains(&format!("#   {field}: {}\n", kept.value)),
            "{text}"
        );
    }
    assert_eq!(Spec::parse(&text, "web.yaml").unwrap(), made.spec);
}

#[test]
fn the_name_is_what_a_project_can_be_called() {
    for (file, name, left) in [
        (json!({"env_id": "web", "name": "web"}), "web", vec![]),
        (
            json!({"env_id": "_system", "name": "System"}),
            "system",
            vec!["env_id", "name"],
        ),
        (
            json!({"env_id": "", "name": "Mein Büro"}),
            "mein-b-ro",
            vec!["name"],
        ),
        (json!({"id": "old", "preflight_script": ""}), "old", vec![]),
        (json!({"preflight_script": ""}), "environment-web", vec![]),
    ] {
        let choice = Choice {
            name: Some("environment-web"),
            ..Choice::default()
        };
        let made = migrate(&file.to_string(), choice).unwrap();
        assert_eq!(made.spec.name.as_str(), name);
        assert_eq!(kept(&made), left, "{file}");
    }
}

#[test]
fn the_image_is_the_one_that_is_chosen_or_named_or_was_always_taken() {
    let file = json!({"env_id": "web"}).to_string();
    let made = migrate(&file, Choice::default()).unwrap();
    assert_eq!(made.spec.image, OLDER_IMAGE);
    assert_eq!(made.warnings[0].field, "image");
    let choice = Choice {
        image: Some("debian:12"),
        ..Choice::default()
    };
    let made = migrate(&file, choice).unwrap();
    assert_eq!(made.spec.image, "debian:12");
    assert_eq!(made.warnings, []);
    let file = json!({"env_id": "web", "image": "fedora:41"}).to_string();
    assert_eq!(
        migrate(&file, Choice::default()).unwrap().spec.image,
        "fedora:41"
    );
    let made = migrate(&file, choice).unwrap();
    assert_eq!(
        (made.spec.image.as_str(), kept(&made)),
        ("debian:12", vec!["image"])
    );
}

#[test]
fn one_environment_is_taken_out_of_the_state_of_all() {
    let file = json!({"settings": {}, "environments": [{"env_id": "a"}, {"env_id": "b"}]});
    let file = file.to_string();
    let error = migrate(&file, Choice::default()).unwrap_err();
    assert_eq!(error.to_string(), "the file holds 2 environments: a, b");
    let choose = |name| Choice {
        environment: Some(name),
        ..Choice::default()
    };
    assert_eq!(migrate(&file, choose("b")).unwrap().spec.name.as_str(), "b");
    let error = migrate(&file, choose("c")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the file has no environment \"c\"; it has a, b"
    );
    assert_eq!(error.help(), "name one with --environment");
}

#[test]
fn what_is_no_older_file_is_refused_with_the_place() {
    for (file, message) in [
        ("", "the file is empty"),
        ("\u{feff} \n", "the file is empty"),
        ("[]", "this is no older environment file: it holds an array"),
        ("{}", "this is no older environment file: it has no fields"),
        (
            r#"{"image": "a", "stages": []}"#,
            "this is no older environment file: it looks like a spec already",
        ),
        (
            r#"{"name": "a", "dependencies": {}}"#,
            "this is no older environment file: it has no field of one, but dependencies, name",
        ),
        ("{\n\"env_id\": web}", "line 2, column 11: expected value"),
        (
            r#"{"env_id": "a", "preflight_script": ["a"]}"#,
            "preflight_script is an array where a string is needed",
        ),
        (
            r#"{"env_id": "a", "preflight_enabled": "maybe"}"#,
            "preflight_enabled is a string where true or false is needed",
        ),
        (
            r#"{"env_id": "a", "env_vars": []}"#,
            "env_vars is an array where an object is needed",
        ),
        (
            "{\"env_id\": \"a\", \"preflight_script\": \"a\\nb\\u0000\"}",
            "preflight_script has a NUL character in line 2",
        ),
        (
            r#"{"env_id": "a", "version": 7}"#,
            "the file is of version 7, version 1 is known",
        ),
        (
            r#"{"env_id": "a", "image": "no image"}"#,
            "what it says makes no spec: image \"no image\" is not allowed: use a name as docker \
             has it: letters, digits, '.', '_', '-', '/', ':' and '@'",
        ),
    ] {
        let error = migrate(file, Choice::default()).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(!error.help().is_empty());
    }
    let long = format!("{{\"env_id\": \"{}\"}}", "a".repeat(MAX_FILE));
    let error = migrate(&long, Choice::default()).unwrap_err();
    assert!(matches!(error, MigrationError::TooLong { .. }));
    let deep = "[".repeat(100_000);
    let error = migrate(&deep, Choice::default()).unwrap_err();
    assert!(matches!(error, MigrationError::Syntax { .. }), "{error}");
}

/// Scripts as they are found: any line ends, any letters, any number of line ends at the end.
fn script() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "[ -~]{0,20}",
        "\\PC{0,8}",
        Just("  ".to_owned()),
        Just("\t# a tab".to_owned()),
        Just("cat <<'EOF'".to_owned()),
        Just("echo \"ü\u{2028}\u{feff}\u{1b}[0m\u{85}\"".to_owned()),
        Just("- a: b # c".to_owned()),
        Just("---".to_owned()),
        Just("...".to_owned()),
    ];
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("\n\n"), Just("")];
    prop::collection::vec((line, end), 0..8)
        .prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect())
}

proptest! {
    #[test]
    fn scripts_come_through_byte_for_byte(cached in script(), run in script(), color in ".{0,9}") {
        let file = json!({
            "env_id": "web", "cache_container_build": true, "cached_preflight_script": &cached,
            "run_preflight_script": &run, "color": &color,
        });
        let made = made(&file);
        let text = made.file("envimage migrate", "old.json");
        let read = Spec::parse(&text, "web.yaml").unwrap();
        prop_assert_eq!(&read, &made.spec);
        prop_assert_eq!(&Spec::parse(&read.to_yaml(), "web.yaml").unwrap(), &read);
        let expected = |script: &String| (!script.trim().is_empty()).then(|| script.clone());
        let found = read.run.map(|run| inline(&run.script).to_owned());
        prop_assert_eq!(found, expected(&run));
        let found = read.stages.first().map(|stage| inline(&stage.script).to_owned());
        prop_assert_eq!(found, expected(&cached));
        // The JSON that programs read is a spec, too.
        let json = serde_json::to_string(&made.spec).unwrap();
        prop_assert_eq!(Spec::parse(&json, "web.json").unwrap(), made.spec);
    }

    #[test]
    fn no_text_is_too_strange_to_be_refused(text in ".{0,200}") {
        let _ = migrate(&text, Choice::default());
    }
}
