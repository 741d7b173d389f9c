//! A process that holds a private daemon, to be killed: the example `hold_daemon`.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::kit::Kit;

/// It has a pipe for its input, so that it also ends if the test is killed.
pub(crate) struct Holder {
    process: Child,
    /// The pid of its dockerd.
    pub(crate) dockerd: u32,
    /// The pid namespace of its dockerd, as `pid:[4026532281]`.
    pub(crate) namespace: PathBuf,
}

impl Holder {
    /// Starts one and waits until its daemon is ready and the script has run.
    pub(crate) fn start(kit: &Kit, network: &str, script: &str) -> Self {
        let mut command = Command::new(example());
        command
            .args([network, kit.engine.dockerd.as_str()])
            .args([kit.path("a-data"), kit.path("a-run")])
            .args(["sh", "-c", script]);
        Self::wait(command, "").0
    }

    /// The same below a shell that prepares the ground: it has the holder's words as arguments.
    pub(crate) fn start_on(kit: &Kit, ground: &str, script: &str) -> Self {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", ground])
            .arg(example())
            .args(["isolated", kit.engine.dockerd.as_str()])
            .args([kit.path("a-data"), kit.path("a-run")])
            .args(["sh", "-c", script]);
        Self::wait(command, "").0
    }

    /// The same on a terminal of its own, on which something is typed. Returns what it showed.
    pub(crate) fn start_on_terminal(kit: &Kit, argv: &str, typed: &str) -> (Self, Vec<String>) {
        let words = [
            example().to_str().unwrap(),
            "isolated",
            kit.engine.dockerd.as_str(),
            kit.path("a-data").as_str(),
            kit.path("a-run").as_str(),
            argv,
        ]
        .join(" ");
        let mut command = Command::new("script");
        command.args(["-q", "-e", "-c", &words, "/dev/null"]);
        Self::wait(command, typed)
    }

    fn wait(mut command: Command, typed: &str) -> (Self, Vec<String>) {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        process
            .stdin
            .as_mut()
            .unwrap()
            .write_all(typed.as_bytes())
            .unwrap();
        let stdout = process.stdout.take().unwrap();
        let mut holder = Self {
            process,
            dockerd: 0,
            namespace: PathBuf::new(),
        };
        // What the script prints comes before it, on the same pipe.
        let mut shown = Vec::new();
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(ready) = line.trim_end().strip_prefix("ready ") {
                let (pid, namespace) = ready.split_once(' ').unwrap();
                holder.dockerd = pid.parse().unwrap();
                holder.namespace = namespace.into();
                break;
            }
            shown.push(line);
        }
        assert_ne!(
            holder.dockerd, 0,
            "the daemon did not become ready: {shown:#?}"
        );
        (holder, shown)
    }
}

/// By SIGKILL.
impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(2).unwrap();
    let example = target.join("examples/hold_daemon");
    assert!(
        example.exists(),
        "{example:?} is missing: cargo build -p engine --examples"
    );
    example
}
