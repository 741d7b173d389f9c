//! A program in docker's place that writes down what it was called with.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

use crate::seats::seat;

/// Names that the shim is called by.
const NAMES: [&str; 3] = ["docker", "docker-compose", "docker-buildx"];

/// The shim in front of recorders.
pub(crate) struct Recorder {
    folder: TempDir,
}

/// How a command was called.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) words: Vec<OsString>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        // `$0` is what a script was found as, which its name is the end of.
        Self::of("printf '%s\\0' \"${0##*/}\" \"$@\" > \"$RECORD\"")
    }

    /// Whose programs run this line of shell.
    pub(crate) fn of(line: &str) -> Self {
        let recorder = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        seat(&recorder.path("bin"), &NAMES);
        std::fs::create_dir(recorder.path("real")).unwrap();
        std::fs::create_dir(recorder.path("home")).unwrap();
        for name in NAMES {
            let path = recorder.path("real").join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{line}\n")).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        recorder
    }

    pub(crate) fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.folder.path()).unwrap().join(name)
    }

    /// Makes a builder known that nobody serves, and gives its name.
    pub(crate) fn remote_builder(&self) -> &'static str {
        let instances = self.path("home").join(".docker/buildx/instances");
        std::fs::create_dir_all(&instances).unwrap();
        let instance = r#"{"Name":"far","Driver":"remote","Nodes":[{"Name":"far0","Endpoint":"unix:///nowhere"}]}"#;
        std::fs::write(instances.join("far"), instance).unwrap();
        "far"
    }

    /// The shim by one of its names, with nothing of the tests' environment.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.path("bin").join(name));
        let path = format!("{}:{}:/usr/bin:/bin", self.path("bin"), self.path("real"));
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .env("RECORD", self.path("record"))
            .stdin(Stdio::null());
        command
    }

    /// What arrived of these words.
    pub(crate) fn arrived(&self, name: &str, words: &[OsString]) -> Call {
        let _ = std::fs::remove_file(self.path("record"));
        let output = self.command(name).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        assert_eq!(
            (output.stdout, output.stderr),
            (Vec::new(), Vec::new()),
            "{words:?}"
        );
        let record = std::fs::read(self.path("record")).unwrap();
        let mut words = record
            .strip_suffix(b"\0")
            .unwrap()
            .split(|byte| *byte == 0)
            .map(|word| OsString::from_vec(word.to_vec()));
        let name = words.next().unwrap().into_string().unwrap();
        Call {
            name,
            words: words.collect(),
        }
    }
}

/// The words of a line of the corpus, with quotes as a shell reads them and nothing else.
pub(crate) fn words(line: &str) -> Vec<OsString> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (letter, quote) {
            (_, Some(end)) if letter == end => quote = None,
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words.into_iter().map(OsString::from).collect()
}
