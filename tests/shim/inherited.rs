//! What a program is started with besides its words: the same behind the shim as without it, byte for byte.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Stdio};

use testbed::engines::verbatim;

use crate::recorder::Recorder;

/// Writes down what a process was started with.
const PROBE: &str = r#"
for fd in 0 1 2 3 4 5 6 7; do
  if [ -c /proc/$$/fd/$fd ]; then fds="$fds $fd-device"
  elif [ -e /proc/$$/fd/$fd ]; then fds="$fds $fd-open"
  else fds="$fds $fd-closed"
  fi
done
{
  echo "$fds"
  grep -E '^(SigIgn|Umask|Uid|Groups|NoNewPrivs|Cpus_allowed)' /proc/self/status
  cut -d' ' -f5-8 /proc/$$/stat
  readlink /proc/$$/cwd
  cat /proc/$$/limits
  tr '\0' '\n' < /proc/$$/environ
  tr '\0' '\n' < /proc/$$/cmdline
} >"$RECORD" 2>/dev/null
"#;

/// What a shell does before it becomes `docker`, and what is to be seen of it.
const STARTS: [(&str, &str); 14] = [
    ("true", "Umask:\t0022"),
    ("trap '' PIPE", "SigIgn:1000"),
    ("trap '' HUP", "SigIgn:1"),
    (
        "trap '' HUP INT QUIT TERM USR1 WINCH TSTP",
        "SigIgn:8084207",
    ),
    ("umask 027", "Umask:\t0027"),
    (
        "exec 7</dev/zero 5>>/dev/full",
        " 5-device 6-closed 7-device",
    ),
    ("exec <&-", "0-closed"),
    ("exec >&-", "1-closed"),
    ("exec 2>&-", "2-closed"),
    ("exec <&- >&- 2>&-", "2-closed"),
    ("cd /usr/lib", "/usr/lib"),
    ("ulimit -n 64; ulimit -c 0", "64"),
    ("mkdir gone && cd gone && rmdir ../gone", "/gone (deleted)"),
    ("unset HOME PWD; LANG=xx; export LANG", "LANG=xx"),
];

/// What is written down by a program that a shell becomes after these lines, plainly or by the shim.
fn started(recorder: &Recorder, lines: &str, dir: &str, words: &[&str]) -> String {
    let program = recorder.path(dir).join("docker");
    let mut command = Command::new("/usr/bin/env");
    command
        .args(["--default-signal", "/bin/sh", "-c"])
        .arg(format!("{lines}\nexec \"$@\""))
        .args(["sh", program.as_str()])
        .args(words);
    environment(recorder, &mut command);
    command.current_dir(recorder.path("home"));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    assert!(command.status().unwrap().success(), "{lines}");
    record(recorder)
}

/// Whether a text is there, or a line with these bits among others: the tests may have been started with
/// some themselves.
fn is_seen(seen: &str, text: &str) -> bool {
    let bits = |text: &str| u64::from_str_radix(text.trim(), 16).unwrap();
    match seen.split_once(':') {
        Some((name @ "SigIgn", wanted)) => text
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .any(|there| bits(there) & bits(wanted) == bits(wanted)),
        _ => text.contains(seen),
    }
}

fn environment(recorder: &Recorder, command: &mut Command) {
    command.env_clear();
    for (name, value) in recorder.command("docker").get_envs() {
        command.env(name, value.unwrap());
    }
}

/// What was written down, without the shim's own variable.
fn record(recorder: &Recorder) -> String {
    let text = std::fs::read(recorder.path("record")).unwrap();
    std::fs::remove_file(recorder.path("record")).unwrap();
    let text = text.escape_ascii().to_string().replace("\\n", "\n");
    let text = text.replace("\\t", "\t");
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("CACHECORE_TRAIL="))
        .collect();
    lines.join("\n")
}

#[test]
fn a_program_starts_as_it_would_without_the_shim() {
    let recorder = Recorder::of(PROBE);
    for (lines, seen) in STARTS {
        let plain = started(&recorder, lines, "real", &["ps", "-a"]);
        let shim = started(&recorder, lines, "bin", &["ps", "-a"]);
        assert_eq!(shim, plain, "{lines}");
        assert!(is_seen(seen, &plain), "{lines}: {plain}");
    }
}

#[test]
fn a_build_s_program_starts_so_as_well() {
    let recorder = Recorder::of(PROBE);
    let builder = recorder.remote_builder();
    for (lines, seen) in STARTS {
        let lines = format!("export BUILDX_BUILDER={builder}\n{lines}");
        let words = ["build", "-t", "app", "."];
        // The shim's own words are its flags for the build, and then for loading.
        let strip = |text: String| -> Vec<String> {
            let own = ["--output=", "--provenance=", "--metadata-file=", "--load"];
            let lines = text.lines().map(str::to_owned);
            let mut lines: Vec<_> = lines
                .filter(|line| !own.iter().any(|own| line.starts_with(own)))
                .collect();
            // The environment has its order from the standard library.
            lines.sort();
            lines
        };
        let plain = strip(started(&recorder, &lines, "real", &words));
        let shim = strip(started(&recorder, &lines, "bin", &words));
        assert_eq!(shim, plain, "{lines}");
        assert!(is_seen(seen, &plain.join("\n")), "{lines}: {plain:?}");
    }
}

#[test]
fn an_environment_arrives_in_its_order_with_what_is_twice_and_what_is_none() {
    let recorder = Recorder::of(PROBE);
    let entries: Vec<OsString> = vec![
        format!("PATH={}:/usr/bin:/bin", recorder.path("real")).into(),
        format!("RECORD={}", recorder.path("record")).into(),
        "Z=1".into(),
        "A=first".into(),
        "A=second".into(),
        "no equals sign".into(),
        "=starts with one".into(),
        "".into(),
        OsString::from_vec(b"BYTES=\xff\xfe\x01".to_vec()),
        OsString::from_vec(b"\xc3\x28=name".to_vec()),
        "CACHECORE_TRAIL=nonsense".into(),
        "CACHECORE_TRAIL=twice".into(),
        "CACHECORE_TRAILER=kept".into(),
    ];
    let started = |dir: &str| {
        let mut command = Command::new(verbatim());
        command.args(&entries);
        command.arg("--").arg(recorder.path(dir).join("docker"));
        assert!(command.arg("ps").status().unwrap().success());
        record(&recorder)
    };
    let plain = started("real");
    assert_eq!(started("bin"), plain);
    for seen in [
        "Z=1\nA=first\nA=second\nno equals sign\n=starts with one\n\nBYTES=\\xff\\xfe\\x01\n\\xc3(=name",
        "CACHECORE_TRAILER=kept",
    ] {
        assert!(is_seen(seen, &plain), "{seen} in {plain}");
    }
}

#[test]
fn blocked_signals_stay_blocked() {
    let recorder = Recorder::new();
    let real = recorder.path("real").join("docker");
    std::fs::remove_file(&real).unwrap();
    // A shell would unblock them.
    std::os::unix::fs::symlink("/bin/cat", &real).unwrap();
    let path = format!("PATH={}", recorder.path("real"));
    let mut command = Command::new(verbatim());
    command.args(["--block", "10", "--block", "2", &path, "--"]);
    command.arg(recorder.path("bin").join("docker"));
    let output = command.arg("/proc/self/status").output().unwrap();
    let status = String::from_utf8(output.stdout).unwrap();
    assert!(status.contains("SigBlk:\t0000000000000202\n"), "{status}");
}

#[test]
fn a_script_that_names_no_interpreter_is_run_as_shells_run_it() {
    let recorder = Recorder::new();
    let real = recorder.path("real").join("docker");
    std::fs::write(&real, "echo \"$0\" \"$@\"").unwrap();
    let output = recorder.command("docker").args(["a", "b c"]).output();
    let said = String::from_utf8(output.unwrap().stdout).unwrap();
    assert_eq!(said, format!("{real} a b c\n"));
    std::fs::write(&real, "\x7fELF and no more").unwrap();
    let output = recorder.command("docker").arg("a").output().unwrap();
    assert!(!output.status.success(), "{output:?}");
}
