use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use proptest::prelude::*;

use super::*;

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

fn docker(line: &str) -> Command {
    parse(Program::Docker, &words(line)).unwrap_or_else(|e| panic!("{line}: {e}"))
}

fn foreign(line: &str) -> String {
    parse(Program::Docker, &words(line))
        .unwrap_err()
        .to_string()
}

#[test]
fn commands_are_found_where_docker_finds_them() {
    for (line, path) in [
        ("build .", "build"),
        ("image build .", "image build"),
        ("builder build .", "builder build"),
        ("buildx build .", "buildx build"),
        ("buildx b .", "buildx build"),
        ("buildx --builder b bake", "buildx bake"),
        ("buildx f", "buildx bake"),
        ("bake", "bake"),
        ("-H unix:///x build .", "build"),
        ("-Hunix:///x --context=c build .", "build"),
        ("--log-level build build .", "build"),
        ("compose -f build build", "compose build"),
        ("compose --file=x -p y up --build", "compose up"),
        ("compose exec api make build", "compose"),
        ("compose run build npm build", "compose run"),
        ("exec build build", ""),
        ("b .", ""),
        ("ps -a", ""),
        ("container run -it --rm i build", "container run"),
        ("", ""),
    ] {
        assert_eq!(docker(line).path.join(" "), path, "{line}");
    }
}

#[test]
fn values_are_found_in_every_spelling() {
    for line in [
        "build -t name .",
        "build -tname .",
        "build -t=name .",
        "build --tag name .",
        "build --tag=name .",
        "build -qtname .",
        "build -qt name .",
        "build . -t name",
    ] {
        let command = docker(line);
        assert_eq!(command.value("tag"), Some("name".as_ref()), "{line}");
        let at = command.args.iter().map(|at| &words(line)[*at] == ".");
        assert_eq!(at.collect::<Vec<_>>(), [true], "{line}");
        let used = command.uses("tag").next().unwrap();
        let word = &words(line)[used.words.end - 1];
        assert_eq!(&word.as_bytes()[used.value_at..], b"name", "{line}");
    }
    assert_eq!(docker("build -f- .").value("file"), Some("-".as_ref()));
    assert_eq!(docker("build -f - .").value("file"), Some("-".as_ref()));
    assert_eq!(docker("build -t= .").value("tag"), Some("=".as_ref()));
    assert_eq!(docker("build --tag= .").value("tag"), Some("".as_ref()));
    assert_eq!(
        docker("build -t --pull .").value("tag"),
        Some("--pull".as_ref())
    );
    assert_eq!(docker("build -ta -tb .").values("tag").count(), 2);
}

#[test]
fn switches_are_on_as_go_reads_them() {
    for (line, on) in [
        ("build .", Some(false)),
        ("build --pull .", Some(true)),
        ("build --pull=false .", Some(false)),
        ("build --pull=T .", Some(true)),
        ("build --pull=yes .", None),
        ("build --pull=false --pull .", Some(true)),
    ] {
        assert_eq!(docker(line).is_on("pull"), on, "{line}");
    }
}

#[test]
fn what_follows_an_image_or_two_dashes_is_no_flag() {
    let run = docker("run -v /a:/b image -v /c:/d --unknown");
    assert_eq!(run.values("volume").count(), 1);
    assert_eq!(run.args.len(), 4);
    let build = docker("build -t a -- --pull");
    assert!(!build.has("pull"));
    assert_eq!(build.end_of_flags, Some(3));
}

#[test]
fn what_is_not_known_is_named() {
    assert_eq!(
        foreign("build --frobnicate ."),
        "docker build has no flag --frobnicate that is known here"
    );
    assert_eq!(
        foreign("build -qZ ."),
        "docker build has no flag -qZ that is known here"
    );
    assert_eq!(foreign("build . -t"), "--tag of docker build has no value");
    assert_eq!(
        foreign("--frobnicate=x build ."),
        "docker has no flag --frobnicate that is known here"
    );
}

#[test]
fn tables_are_sorted_and_no_flag_has_two_meanings() {
    fn look(node: &'static tables::Node) {
        let flags: Vec<_> = node.flags().collect();
        for (at, flag) in flags.iter().enumerate() {
            for other in &flags[at + 1..] {
                if flag.long == other.long {
                    assert_eq!(flag, other, "{:?}", node.names);
                } else {
                    let same = flag.short != 0 && flag.short == other.short;
                    assert!(!same, "{:?}: -{}", node.names, flag.short as char);
                }
            }
        }
        for table in node.tables() {
            assert!(table.is_sorted_by_key(|flag| flag.long), "{:?}", node.names);
        }
        node.children().for_each(look);
    }
    [Program::Docker, Program::Buildx, Program::Compose]
        .map(tables::root)
        .into_iter()
        .for_each(look);
}

/// Words of which some mean something to the programs, and some are anything.
fn any_word() -> impl Strategy<Value = OsString> {
    let known = prop::sample::select(vec![
        "build",
        "buildx",
        "compose",
        "run",
        "up",
        "image",
        "bake",
        "--",
        "-",
        "-t",
        "-tx",
        "-f-",
        "--tag",
        "--tag=x",
        "-qt",
        "-it",
        "--pull",
        "--builder",
        "-v",
        "/a:/b",
        ".",
        "",
    ]);
    prop_oneof![
        4 => known.prop_map(OsString::from),
        1 => prop::collection::vec(any::<u8>(), 0..9).prop_map(OsString::from_vec),
    ]
}

proptest! {
    #[test]
    fn every_word_has_one_place(words in prop::collection::vec(any_word(), 0..12)) {
        for program in [Program::Docker, Program::Buildx, Program::Compose] {
            let Ok(command) = parse(program, &words) else { continue };
            // Short flags may share a word.
            let mut of_flags = BTreeSet::new();
            for used in &command.flags {
                of_flags.extend(used.words.clone());
                let word = words[used.words.end - 1].as_bytes();
                if let Some(value) = &used.value {
                    prop_assert_eq!(&word[used.value_at..], value.as_bytes());
                }
            }
            let others = command.path_at.iter().chain(&command.args).chain(&command.end_of_flags);
            let mut all: Vec<usize> = others.copied().chain(of_flags).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..words.len()).collect::<Vec<_>>(), "{:?}", command);
        }
    }
}
