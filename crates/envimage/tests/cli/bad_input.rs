//! What is no spec, no script and no file of another format: said with its place, and nothing is done.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::program::{Answer, Folder, answer};

/// The commands that read a spec.
const OF_A_SPEC: [&[&str]; 5] = [&["check"], &["ensure"], &["key"], &["explain"], &["run"]];
/// The commands that read a file of another format.
const OF_ANOTHER_FORMAT: [&[&str]; 2] = [&["migrate"], &["from-devcontainer"]];

/// A folder, with a daemon that nobody may ask.
struct Place {
    folder: Folder,
    daemon: UnixListener,
}

impl Place {
    fn new() -> Self {
        let folder = Folder::new();
        let daemon = UnixListener::bind(folder.path().join("daemon")).unwrap();
        daemon.set_nonblocking(true).unwrap();
        Self { folder, daemon }
    }

    fn command(&self, args: &[&str], file: impl AsRef<OsStr>) -> Command {
        let mut command = self.folder.command(args);
        let socket = self.folder.path().join("daemon");
        command
            .arg(file)
            .env("DOCKER_HOST", format!("unix://{}", socket.display()))
            .env("CACHECORE_ENVIRONMENTS", self.folder.path().join("state"));
        command
    }

    /// Calls a command that has to refuse its file: the code and what is said, on one line.
    #[track_caller]
    fn refused(&self, args: &[&str], file: impl AsRef<OsStr>) -> (i32, String) {
        let picture = self.folder.picture();
        let Answer { code, out, err } = answer(self.command(args, file).output().unwrap());
        assert_ne!(code, 0, "{args:?} takes it: {out}");
        assert_eq!(self.folder.picture(), picture, "{args:?} changed something");
        let asked = self.daemon.accept();
        assert!(asked.is_err(), "{args:?} asked the daemon");
        let (out, err) = (out.replace("\n  ", " "), err.replace("\n  ", " "));
        assert!(!err.contains("panicked"), "{err}");
        (code, if err.is_empty() { out } else { err })
    }

    /// That every command that reads a spec says this of it.
    #[track_caller]
    fn each_says(&self, file: &str, message: &str) {
        for args in OF_A_SPEC {
            let (code, said) = self.refused(args, file);
            assert!(said.contains(message), "{args:?} {file}: {said}");
            let expected = if args == ["check"] { 1..=3 } else { 2..=3 };
            assert!(expected.contains(&code), "{args:?} {file}: {code}");
        }
    }
}

fn ten_megabytes(start: &str) -> String {
    format!(
        "{start}{}",
        "# a line that is as long as others\n".repeat(300_000)
    )
}

#[test]
fn what_is_no_spec_is_refused_with_its_place() {
    let place = Place::new();
    let long = "a".repeat(129);
    for (name, bytes, message) in [
        ("empty.yaml", Vec::new(), "empty.yaml:1:1: "),
        ("blank.yaml", b" \n\n# nothing\n".to_vec(), "blank.yaml:1:1: "),
        ("binary.yaml", b"\x7fELF\x02\x01\x01\xff\xfe\x80".to_vec(), "binary.yaml:1:"),
        ("letters.yaml", b"version: 1\nimage: \xff\n".to_vec(), "letters.yaml:2:8: "),
        ("nul.yaml", b"version: 1\nimage: a\0b\n".to_vec(), "nul.yaml:2:9: "),
        ("quote.yaml", b"version: 1\nimage: \"a\n".to_vec(), "quote.yaml:"),
        ("indent.yaml", b"version: 1\n image: a\n".to_vec(), "indent.yaml:2:"),
        ("list.yaml", b"- a\n".to_vec(), "list.yaml:1:1: "),
        ("word.yaml", b"version: 1\nimages: a\n".to_vec(), "word.yaml:2:1: "),
        ("newer.yaml", b"version: 99\nimage: a\n".to_vec(), "newer.yaml:1:10: "),
        (
            "name.yaml",
            format!("version: 1\nimage: a\nname: {long}\n").into_bytes(),
            "name.yaml:3:7: ",
        ),
        (
            "stage.yaml",
            format!("version: 1\nimage: a\nstages:\n- name: {long}\n  inline: a\n").into_bytes(),
            "stage.yaml:4:9: ",
        ),
        (
            "variable.yaml",
            format!("version: 1\nimage: a\nargs:\n  {long}: a\n").into_bytes(),
            "variable.yaml:4:3: ",
        ),
        (
            "image.yaml",
            format!("version: 1\nimage: {}\n", "a".repeat(600)).into_bytes(),
            "image.yaml:2:8: ",
        ),
        (
            "cycle.yaml",
            b"version: 1\nimage: a\nstages:\n- {name: a, inline: x, after: b}\n- {name: b, inline: x, after: a}\n"
                .to_vec(),
            "stages are built on each other: ",
        ),
        (
            "itself.yaml",
            b"version: 1\nimage: a\nstages:\n- {name: a, inline: x, after: a}\n".to_vec(),
            "stages are built on each other: ",
        ),
        (
            "fork.yaml",
            b"version: 1\nimage: a\nstages:\n- {name: a, inline: x}\n- {name: b, inline: x, after: a}\n- {name: c, inline: x, after: a}\n"
                .to_vec(),
            "fork.yaml:",
        ),
        ("deep.yaml", "[".repeat(100_000).into_bytes(), "deep.yaml:1:"),
        (
            "aliases.yaml",
            format!(
                "version: 1\nimage: a\na: &a [x, x, x, x]\n{}",
                ('b'..='k')
                    .zip('a'..='j')
                    .map(|(to, of)| format!("{to}: &{to} [*{of}, *{of}, *{of}, *{of}]\n"))
                    .collect::<String>()
            )
            .into_bytes(),
            "aliases.yaml:",
        ),
        (
            "long.yaml",
            ten_megabytes("version: 1\nimage: a\n").into_bytes(),
            "bytes, at most 1048576 are read",
        ),
    ] {
        place.folder.write(name, bytes);
        place.each_says(name, message);
    }
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let place = Place::new();
    let path = |name: &str| place.folder.path().join(name);
    std::fs::create_dir(path("folder.yaml")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, path("pipe.yaml"), fifo, mode, 0).unwrap();
    std::os::unix::fs::symlink("loop.yaml", path("loop.yaml")).unwrap();
    let of_a_script: [&[&str]; 1] = [&["split"]];
    for args in OF_A_SPEC
        .iter()
        .chain(&OF_ANOTHER_FORMAT)
        .chain(&of_a_script)
    {
        for (name, code, message) in [
            ("none.yaml", 3, "none.yaml: no such file"),
            (
                "folder.yaml",
                2,
                "folder.yaml: this is a folder, not a file",
            ),
            ("pipe.yaml", 2, "pipe.yaml: this is a pipe, not a file"),
            ("daemon", 2, "daemon: this is a socket, not a file"),
            ("loop.yaml", 1, "cannot read loop.yaml"),
            ("daemon/a.yaml", 1, "cannot read daemon/a.yaml"),
        ] {
            let (found, said) = place.refused(args, name);
            assert!(said.contains(message), "{args:?}: {said}");
            assert_eq!(found, code, "{args:?}: {said}");
        }
        let (code, _) = place.refused(args, OsStr::from_bytes(b"no-text-\xff.yaml"));
        assert_eq!(code, 2, "{args:?}");
        let (code, said) = place.refused(args, "--wrong-word");
        assert!(code == 2 && said.contains("--wrong-word"), "{said}");
    }
}

#[test]
fn a_file_that_may_not_be_read_is_said_to_be_so() {
    let place = Place::new();
    let file = place.folder.write("mine.yaml", "version: 1\nimage: a\n");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o000)).unwrap();
    // Root may read everything, and another user may not even reach the program where it is.
    std::fs::set_permissions(place.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let program = place.folder.path().join("envimage");
    std::fs::copy(env!("CARGO_BIN_EXE_envimage"), &program).unwrap();
    for args in OF_A_SPEC.iter().chain(&OF_ANOTHER_FORMAT) {
        let mut command = Command::new(&program);
        command
            .args(*args)
            .arg("mine.yaml")
            .current_dir(place.folder.path())
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        if rustix::process::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        let Answer { code, err, .. } = answer(command.output().unwrap());
        assert_eq!(code, 1, "{args:?}: {err}");
        let message = "cannot read mine.yaml: Permission denied";
        assert!(err.contains(message), "{args:?}: {err}");
    }
}

#[test]
fn what_is_no_script_is_refused_with_its_place() {
    let place = Place::new();
    place.folder.write(
        "spec.yaml",
        "version: 1\nimage: a\nstages: [{name: x, script: x.sh}]\n",
    );
    for (bytes, message) in [
        (b"\x7fELF\0\x01".to_vec(), "x.sh:1:5: "),
        (b"set -e\necho a\0b\n".to_vec(), "x.sh:2:7: "),
        (b"set -e\r\necho a\r\n".to_vec(), "x.sh:1:7: "),
        (b"\xef\xbb\xbfset -e\n".to_vec(), "x.sh:1:1: "),
        (
            ten_megabytes("set -e\n").into_bytes(),
            "x.sh: the file has 10500007 bytes",
        ),
    ] {
        place.folder.write("x.sh", bytes);
        place.each_says("spec.yaml", message);
    }
    let script = place.folder.path().join("x.sh");
    std::fs::remove_file(&script).unwrap();
    place.each_says("spec.yaml", "x.sh: no such file; spec.yaml names it");
    std::fs::create_dir(&script).unwrap();
    place.each_says("spec.yaml", "x.sh: this is a folder, not a file");
    std::fs::remove_dir(&script).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &script, fifo, mode, 0).unwrap();
    place.each_says("spec.yaml", "x.sh: this is a pipe, not a file");
    std::fs::remove_file(&script).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &script).unwrap();
    place.each_says("spec.yaml", "x.sh: this is a");
}

#[test]
fn line_ends_and_marks_of_windows_and_empty_scripts_are_no_trouble_in_a_spec() {
    let place = Place::new();
    let text = "version: 1\nimage: a\nstages:\n  - name: x\n    inline: |\n      set -e\n  - {name: y, inline: \"\"}\n";
    for (name, text) in [
        ("lines.yaml", text.replace('\n', "\r\n")),
        ("mark.yaml", format!("\u{feff}{text}")),
        (
            "both.yaml",
            format!("\u{feff}{}", text.replace('\n', "\r\n")),
        ),
    ] {
        place.folder.write(name, text);
        let said = answer(place.command(&["check"], name).output().unwrap());
        assert_eq!(
            (said.code, said.out),
            (0, format!("{name}: nothing to say\n"))
        );
    }
}

#[test]
fn what_is_unclosed_in_a_script_is_said_with_the_place_where_it_opens() {
    let place = Place::new();
    place
        .folder
        .write("spec.yaml", "version: 1\nimage: a\nrun: {script: x.sh}\n");
    for (text, message) in [
        ("set -e\necho \"a\nb\n", "x.sh:2:6: error: "),
        ("set -e\necho 'a\n", "x.sh:2:6: error: "),
        ("set -e\ncat <<EOF\na\n", "x.sh:"),
        ("set -e\necho $(a\n", "x.sh:"),
        ("set -e\nif a; then\n  b\n", "x.sh:"),
    ] {
        place.folder.write("x.sh", text);
        let (code, said) = place.refused(&["check"], "spec.yaml");
        assert!(code == 1 && said.contains(message), "{text:?}: {said}");
        assert!(said.contains("error: run: "), "{text:?}: {said}");
    }
}

#[test]
fn split_refuses_what_is_no_script_with_its_place() {
    let place = Place::new();
    for (bytes, message) in [
        (b"\x7fELF\0\x01".to_vec(), "x.sh:1:5: "),
        (b"set -e\necho \xff\n".to_vec(), "x.sh:2:6: "),
        (b"set -e\r\necho a\r\n".to_vec(), "x.sh:1:7: "),
        (b"\xef\xbb\xbfset -e\n".to_vec(), "x.sh:1:1: "),
        (b"set -e\necho \"a\nb\n".to_vec(), "x.sh:2:6: "),
        (b"set -e\ncat <<EOF\na\n".to_vec(), "x.sh:"),
        (
            ten_megabytes("set -e\n").into_bytes(),
            "x.sh: the file has 10500007 bytes",
        ),
    ] {
        place.folder.write("x.sh", bytes);
        let (code, said) = place.refused(&["split", "--cached=c.sh", "--run=r.sh"], "x.sh");
        assert!(code == 2 && said.contains(message), "{said}");
    }
    // Nothing at all is a script that does nothing.
    place.folder.write("x.sh", "");
    let said = answer(place.command(&["split"], "x.sh").output().unwrap());
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn what_is_no_file_of_another_format_is_refused_with_its_place() {
    let place = Place::new();
    for args in OF_ANOTHER_FORMAT {
        for (bytes, message) in [
            (Vec::new(), "a.json: the file is empty"),
            (b"\x7fELF\xff".to_vec(), "a.json:1:5: this is no text"),
            (b"{\n\0}".to_vec(), "a.json: line 2, column 1: "),
            (b"{\n\"env_id\": \"a".to_vec(), "a.json: line "),
            (
                ten_megabytes("{").into_bytes(),
                "bytes, at most 1048576 are read",
            ),
            ("[".repeat(100_000).into_bytes(), "a.json: line 1, column "),
        ] {
            place.folder.write("a.json", &bytes);
            let (code, said) = place.refused(args, "a.json");
            assert!(code == 2 && said.contains(message), "{args:?}: {said}");
        }
    }
    let older = "\u{feff}{\r\n\"env_id\": \"a\",\r\n\"preflight_script\": \"make\"\r\n}\r\n";
    place.folder.write("older.json", older);
    place.folder.write(
        "dev.json",
        "\u{feff}{\r\n// x\r\n\"image\": \"a\",\r\n}\r\n",
    );
    for (args, file) in [
        (["migrate"], "older.json"),
        (["from-devcontainer"], "dev.json"),
    ] {
        let said = answer(place.command(&args, file).output().unwrap());
        assert_eq!(said.code, 0, "{said:?}");
        assert!(Path::new(&place.folder.path().join(file).with_extension("yaml")).is_file());
    }
}
