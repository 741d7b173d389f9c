//! One `docker build`, with the daemon's own builder, and its end.
//!
//! The build's steps live as long as its docker does: BuildKit ends them when their client goes, whether it
//! is told to or killed. docker and the plugin that it starts are one process group, which a Ctrl-C on the
//! terminal does not reach; so they end when this says so.

mod masked;
mod said;
mod tail;

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

pub(crate) use masked::Masked;
pub(crate) use tail::Tail;

/// How long docker may take to end a build in good order.
const GRACE: Duration = Duration::from_secs(3);
/// How long what docker has said may take to arrive once it has ended.
const DRAIN: Duration = Duration::from_secs(2);
/// How often somebody looks whether the build has to end.
const GLANCE: Duration = Duration::from_millis(50);
/// How much of one line is kept.
const LINE: u64 = 8 << 10;
/// How much of a log is kept on disk.
const LOG: u64 = 16 << 20;

/// How a build ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// By itself.
    ByItself(ExitStatus),
    /// Because it was told to: nothing of it is left.
    Stopped,
}

/// Who hears what a build says, and decides when it has to end.
pub(crate) trait Attend {
    /// A line.
    fn hear(&mut self, line: &str);
    /// Whether the build has to end now. Asked every few milliseconds.
    fn stop(&mut self) -> bool;
}

/// What docker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// A build: what its steps print is heard, what docker says besides is in the tail and the log alone.
    Build,
    /// Something else: every line is heard.
    Other,
}

/// Runs docker until it ends, or has to. `lease` becomes its standard input.
pub(crate) fn run(
    mut docker: Command,
    work: Work,
    lease: File,
    masked: &Masked,
    mut log: Option<File>,
    tail: &mut Tail,
    attend: &mut dyn Attend,
) -> io::Result<Ended> {
    docker
        .stdin(lease)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut group = Group(docker.spawn()?, false);
    let (lines, said) = sync_channel(256);
    if let Some(stdout) = group.0.stdout.take() {
        listen(stdout, lines.clone())?;
    }
    if let Some(stderr) = group.0.stderr.take() {
        listen(stderr, lines)?;
    }
    let mut room = LOG;
    let mut take = |line: String, attend: &mut dyn Attend| {
        let line = masked.line(&line);
        let bytes = line.len() as u64 + 1;
        if let Some(log) = &mut log
            && room >= bytes
            && writeln!(log, "{line}").is_ok()
        {
            room -= bytes;
        }
        let of_a_step = said::by_step(&line);
        let heard = match work {
            Work::Build => of_a_step,
            Work::Other => Some(line.as_str()),
        };
        if let Some(text) = heard {
            attend.hear(text);
        }
        tail.push(&line, of_a_step);
    };
    let ended = loop {
        if attend.stop() {
            group.end(&said, &mut |line| take(line, &mut *attend));
            break Some(Ended::Stopped);
        }
        match said.recv_timeout(GLANCE) {
            Ok(line) => {
                take(line, attend);
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {}
            // It may close its streams before it ends.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(GLANCE),
        }
        if group.has_ended()? {
            break None;
        }
    };
    let until = Instant::now() + DRAIN;
    while let Ok(line) = said.recv_timeout(until.saturating_duration_since(Instant::now())) {
        take(line, attend);
    }
    let status = group.clear()?;
    Ok(ended.unwrap_or(Ended::ByItself(status)))
}

/// docker and what it has started, and whether that was cleared. Nothing of it is left once this is dropped.
struct Group(Child, bool);

impl Group {
    /// Asks it to end, and makes it end if it does not. What it says meanwhile is heard, or it would wait.
    fn end(&mut self, said: &Receiver<String>, take: &mut impl FnMut(String)) {
        self.signal(Signal::TERM);
        let until = Instant::now() + GRACE;
        while Instant::now() < until {
            if self.has_ended().unwrap_or(true) {
                break;
            }
            match said.recv_timeout(GLANCE) {
                Ok(line) => take(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(GLANCE),
            }
        }
        self.signal(Signal::KILL);
    }

    /// Whether docker has ended. Its number, which is the group's, stays its own until [`Self::clear`].
    fn has_ended(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let pid = self.pid().ok_or(io::ErrorKind::NotFound)?;
        Ok(waitid(WaitId::Pid(pid), options)?.is_some())
    }

    /// Kills what is left, such as a plugin that has outlived its docker, and says how docker has ended.
    fn clear(&mut self) -> io::Result<ExitStatus> {
        if !self.1 {
            self.signal(Signal::KILL);
            self.1 = true;
        }
        self.0.wait()
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.pid() {
            // None of it may be left.
            let _ = kill_process_group(group, signal);
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.0.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.clear();
    }
}

/// Reads lines of bounded length in a thread of its own.
fn listen(stream: impl Read + Send + 'static, lines: SyncSender<String>) -> io::Result<()> {
    let listening = std::thread::Builder::new().name("listens to docker".to_owned());
    let mut stream = BufReader::new(stream);
    listening.spawn(move || {
        let mut bytes = Vec::new();
        while matches!(
            stream.by_ref().take(LINE).read_until(b'\n', &mut bytes),
            Ok(1..)
        ) {
            let line = String::from_utf8_lossy(&bytes);
            // A terminal is not told what a script wants it to do.
            let line = line.trim_end_matches(['\n', '\r']);
            let line: String = line
                .chars()
                .map(|c| if shown(c) { c } else { ' ' })
                .collect();
            if lines.send(line).is_err() {
                return;
            }
            bytes.clear();
        }
    })?;
    Ok(())
}

fn shown(c: char) -> bool {
    c == '\t' || !c.is_control()
}

/// In words, how a program ended that said nothing.
pub(crate) fn status_in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("docker ended with code {code}"),
        (None, Some(signal)) => format!("docker was ended by signal {signal}"),
        (None, None) => "docker ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene {
        heard: Vec<String>,
        stop_after: Option<&'static str>,
    }

    impl Attend for Scene {
        fn hear(&mut self, line: &str) {
            self.heard.push(line.to_owned());
        }
        fn stop(&mut self) -> bool {
            self.stop_after
                .is_some_and(|line| self.heard.iter().any(|heard| heard == line))
        }
    }

    fn shell(script: &str, stop_after: Option<&'static str>) -> (Ended, Vec<String>, Tail) {
        let mut docker = Command::new("sh");
        docker.args(["-c", script]);
        let mut tail = Tail::default();
        let mut scene = Scene {
            heard: Vec::new(),
            stop_after,
        };
        let masked = Masked::new(vec!["s3cret-value".to_owned()]);
        let nothing = File::open("/dev/null").unwrap();
        let ended = run(
            docker,
            Work::Build,
            nothing,
            &masked,
            None,
            &mut tail,
            &mut scene,
        );
        (ended.unwrap(), scene.heard, tail)
    }

    #[test]
    fn what_steps_print_is_heard_without_secrets() {
        let script = r"
            echo '#5 [1/2] RUN x'; echo '#5 0.12 one'; echo '#5 0.13 s3cret-value, two' >&2
            printf '#5 1.5 \033[31mred\007\n#5 2.0 no end'; exit 3";
        let (ended, mut heard, _) = shell(script, None);
        assert!(matches!(ended, Ended::ByItself(status) if status.code() == Some(3)));
        heard.sort();
        assert_eq!(heard, [" [31mred ", "***, two", "no end", "one"]);
    }

    #[test]
    fn what_is_told_to_stop_leaves_nothing_however_deaf_it_is() {
        let script = "trap '' TERM INT; sh -c 'trap \"\" TERM; echo \"#5 0.1 $$\"; while :; do sleep 0.1; done' & \
            echo '#5 0.1 begun'; wait";
        let began = Instant::now();
        let (ended, heard, tail) = shell(script, Some("begun"));
        assert!(matches!(ended, Ended::Stopped));
        assert!(began.elapsed() >= GRACE, "it had time");
        let numbers = heard.iter().filter_map(|line| line.parse::<u32>().ok());
        for pid in numbers {
            // The kernel ends it a moment after it was told to.
            while is_alive(pid) {
                assert!(began.elapsed() < 20 * GRACE, "{pid} is left");
                std::thread::yield_now();
            }
        }
        assert_eq!(tail.reason(), None);
    }

    fn is_alive(pid: u32) -> bool {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z ")
    }
}
