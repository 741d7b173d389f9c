use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;

use camino::Utf8PathBuf;
use rustix::process::{Pid, Signal, kill_process};

/// The program, built once for all tests: cargo builds the programs of the package under test only.
pub(super) fn program() -> &'static Utf8PathBuf {
    static PROGRAM: OnceLock<Utf8PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| built("goldenctl", "goldenctl"))
}

/// A program of this workspace, built now.
pub(super) fn built(package: &str, program: &str) -> Utf8PathBuf {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--package", package, "--bin", program]);
    cargo.arg("--message-format=json-render-diagnostics");
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{program} cannot be built");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| Some(Utf8PathBuf::from(message["executable"].as_str()?)))
        .expect("cargo says where it has put the program")
}

/// A `goldenctl` that runs. Killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    words: Vec<OsString>,
    outputs: Option<[JoinHandle<Vec<u8>>; 2]>,
}

/// How a `goldenctl` ended.
#[derive(Debug)]
pub struct Done {
    words: Vec<OsString>,
    status: ExitStatus,
    /// What it printed on stdout.
    pub stdout: String,
    /// What it printed on stderr.
    pub stderr: String,
}

impl Running {
    pub(super) fn spawn(mut command: Command) -> Self {
        let words = command.get_args().map(OsStr::to_owned).collect();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        fn read(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                pipe.read_to_end(&mut bytes).unwrap();
                bytes
            })
        }
        let outputs = [
            read(child.stdout.take().unwrap()),
            read(child.stderr.take().unwrap()),
        ];
        Self {
            child,
            words,
            outputs: Some(outputs),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its standard input, if it has a pipe for it. Taken once.
    pub fn stdin(&mut self) -> Option<std::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// Whether it has ended by now.
    ///
    /// # Panics
    /// If the system does not say.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends it a signal. One that has ended already gets none.
    ///
    /// # Panics
    /// If it cannot be sent.
    pub fn signal(&mut self, signal: Signal) {
        if !self.has_ended() {
            let pid = i32::try_from(self.pid()).unwrap();
            kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
        }
    }

    /// Waits for its end, and for the end of its output.
    ///
    /// # Panics
    /// If it cannot be waited for.
    pub fn wait(mut self) -> Done {
        let status = self.child.wait().unwrap();
        let [stdout, stderr] = self.outputs.take().unwrap().map(|reader| {
            let bytes = reader.join().unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Done {
            words: std::mem::take(&mut self.words),
            status,
            stdout,
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Done {
    /// Its exit code; `None` if a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Makes sure that it succeeded.
    ///
    /// # Panics
    /// If it did not.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.ended_with(0)
    }

    /// Makes sure that it ended with this code.
    ///
    /// # Panics
    /// If it did not.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(
            self.code(),
            Some(code),
            "{:?} ended with {}\n--- stdout\n{}\n--- stderr\n{}",
            self.words,
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Makes sure that stderr says this.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// The document on stdout.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}
