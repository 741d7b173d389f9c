use super::super::materials::{Base, Materials};
use super::super::spec::Spec;
use super::*;

fn file(path: &str, text: &str) -> File {
    File {
        path: path.into(),
        executable: false,
        bytes: text.into(),
    }
}

fn stage(name: &str, text: &str) -> Step {
    Step {
        role: Role::Stage {
            name: name.to_owned(),
            args: BTreeMap::from([("NODE".to_owned(), "it's 22".to_owned())]),
        },
        user: Some("root".to_owned()),
        files: Files {
            script: file("scripts/install.sh", text),
            sources: vec![file("scripts/lib.sh", "")],
        },
    }
}

fn run(text: &str) -> Step {
    Step {
        role: Role::Run,
        user: None,
        files: Files {
            script: file("run.sh", text),
            sources: Vec::new(),
        },
    }
}

fn steps_of(folder: &Folder) -> String {
    let start = folder
        .files
        .iter()
        .find(|file| file.path == "start")
        .unwrap();
    let text = String::from_utf8(start.bytes.clone()).unwrap();
    let common = include_str!("first.sh").len();
    text[common..].to_owned()
}

#[test]
fn scripts_run_in_their_order_and_then_the_command() {
    let folder = folder(
        &[stage("system", "#!/bin/sh -e\n"), run("true")],
        Some("dev"),
    )
    .unwrap();
    let expected = "
step_1() {
  export NODE='it'\\''s 22'
  as 'root' '/bin/sh' '-e' '/dev/cachecore/startup/1/scripts/install.sh'
}
baked 'system' step_1

step_2() {
  exporting '' \"${step_shell##*/}\" '/dev/cachecore/startup/2/run.sh' \"$step_shell\"
}
run exporting step_2

finish 'dev' \"$@\"
";
    assert_eq!(steps_of(&folder), expected);
    let paths: Vec<&str> = folder.files.iter().map(|file| file.path.as_str()).collect();
    let expected = [
        "1/scripts/install.sh",
        "1/scripts/lib.sh",
        "2/run.sh",
        "start",
    ];
    assert_eq!(paths, expected);
    let executable: Vec<bool> = folder.files.iter().map(|file| file.executable).collect();
    assert_eq!(executable, [true, false, true, true]);
}

#[test]
fn a_script_of_another_language_is_started_by_its_first_line() {
    let script = "'/dev/cachecore/startup/1/run.sh'";
    let shell = format!("exporting '' \"${{step_shell##*/}}\" {script} \"$step_shell\"\n");
    for (first, how) in [
        ("", shell.clone()),
        ("# no such line\n", shell),
        (
            "#!/bin/bash -e\n",
            format!("exporting '' bash {script} '/bin/bash' '-e'\n"),
        ),
        (
            "#!/usr/bin/env -S bash -e\n",
            format!("exporting '' bash {script} '/usr/bin/env' '-S bash -e'\n"),
        ),
        (
            "#! /bin/sh",
            format!("exporting '' sh {script} '/bin/sh'\n"),
        ),
        (
            "#!/usr/bin/env python3\n",
            format!("as '' '/usr/bin/env' 'python3' {script}\n"),
        ),
        (
            "#!/usr/bin/perl -w\n",
            format!("as '' '/usr/bin/perl' '-w' {script}\n"),
        ),
    ] {
        let text = steps_of(&folder(&[run(first)], None).unwrap());
        assert!(text.contains(&format!("  {how}")), "{first:?}: {text}");
    }
}

#[test]
fn the_folder_s_name_says_what_it_holds() {
    let of = |steps: &[Step], user| folder(steps, user).unwrap().name;
    let name = of(&[run("true")], None);
    assert_eq!(name, of(&[run("true")], None));
    assert_eq!(name.len(), 64);
    assert_ne!(name, of(&[run("false")], None));
    assert_ne!(name, of(&[run("true")], Some("dev")));
    assert_ne!(name, of(&[stage("system", ""), run("true")], None));
    let mut executable = stage("system", "");
    executable.files.sources[0].executable = true;
    assert_ne!(of(&[stage("system", "")], None), of(&[executable], None));
}

#[test]
fn nothing_lies_outside_of_the_folder() {
    for path in ["../x", "/etc/passwd", "a/../../b", "", "."] {
        let mut step = run("true");
        step.files.script.path = path.into();
        assert!(folder(&[step], None).is_err(), "{path:?}");
    }
}

#[test]
fn a_container_begins_as_root_only_if_its_scripts_and_its_command_differ() {
    let base = |user: &str| Base {
        name: "base".to_owned(),
        id: "sha256:0".to_owned(),
        user: user.to_owned(),
    };
    let whose = |head: &str, stage: &str, base_user: &str, asked: Option<&str>| {
        let text = format!(
            "version: 1\nimage: base\n{head}stages: [{{name: one, inline: a, {stage}}}]\nrun: {{inline: b}}\n"
        );
        let spec = Spec::parse(&text, "shop.yaml").unwrap();
        let nothing = |_: &Utf8Path| Err::<File, ()>(());
        let materials = Materials::gather(&spec, nothing).unwrap();
        let all = scripts(&spec, &materials, &base(base_user), [0], asked);
        assert_eq!(all.steps.len(), 2);
        let mut users = vec![all.container_user];
        users.extend(all.steps.into_iter().map(|step| step.user));
        users.push(all.command_user);
        users
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect::<Vec<_>>()
    };
    let who = |head: &str, stage: &str, base_user: &str| whose(head, stage, base_user, None);
    let none = ["", "", "", ""];
    assert_eq!(who("", "user: root", ""), none);
    assert_eq!(who("user: dev\n", "user: dev", "dev"), none);
    assert_eq!(who("", "user: root", "dev"), ["0", "", "dev", "dev"]);
    assert_eq!(
        who("user: dev\n", "user: root", ""),
        ["0", "", "dev", "dev"]
    );
    assert_eq!(who("user: a\n", "user: b", "c"), ["0", "b", "a", "a"]);
    assert_eq!(who("user: dev\n", "cache: false", ""), ["dev", "", "", ""]);
    // Who runs the command says so, and the scripts stay their own users'.
    let asked = whose("user: a\n", "cache: false", "c", Some("root"));
    assert_eq!(asked, ["0", "a", "a", "0"]);
    assert_eq!(whose("", "cache: false", "a", Some("a")), none);
}

#[test]
fn only_what_is_in_no_image_runs_and_the_run_script_last() {
    let text = "version: 1\nimage: base\nsecrets: {npm: {env: NPM}}\nargs: {A: '1'}\nstages:\n\
        - {name: one, inline: a}\n- {name: two, inline: b, args: {B: '2'}, secrets: [npm]}\nrun: {inline: c}\n";
    let spec = Spec::parse(text, "shop.yaml").unwrap();
    let materials = Materials::gather(&spec, |_| Err::<File, ()>(())).unwrap();
    let base = Base {
        name: "base".to_owned(),
        id: "sha256:0".to_owned(),
        user: String::new(),
    };
    let all = scripts(&spec, &materials, &base, [1], None);
    let args = [("A", "1"), ("B", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let expected = Role::Stage {
        name: "two".to_owned(),
        args: args.into(),
    };
    assert_eq!(all.steps[0].role, expected);
    assert_eq!(all.steps[1].role, Role::Run);
    assert_eq!(all.steps[1].files.script.bytes, b"c");
    assert_eq!(all.secrets.into_iter().collect::<Vec<_>>(), ["npm"]);
    assert_eq!(scripts(&spec, &materials, &base, [], None).steps.len(), 1);
}
