use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::ending::Ours;

use super::{Complaint, Worker};

impl Worker<'_> {
    pub(super) fn collect(&mut self) -> Result<(), Complaint> {
        let project = self.project();
        let incoming = self.place.incoming(project);
        let words: &[&str] = match self.lot.below(14) {
            0..4 => &["gc", "--keep", "1"],
            4 => &["gc"],
            5 => &["gc", "--keep-builds", "0"],
            6 => &["gc", "--max-size", "0"],
            7 | 8 => &["gc", "--keep", "2", "--max-size", "1M"],
            9 => &["gc", "--max-idle", "1s"],
            10 => &["rm", project],
            _ => &["import", project, "--copy", "--from", incoming.as_str()],
        };
        self.run(words, Ours::Alone, true).map(drop)
    }

    pub(super) fn verify(&mut self) -> Result<(), Complaint> {
        let project = self.project();
        let words: &[&str] = match self.lot.below(4) {
            0 => &["verify"],
            1 => &["verify", "--full", project],
            _ => &["verify", project],
        };
        self.run(words, Ours::Alone, true).map(drop)
    }

    /// Asks for golden builds, and takes it back.
    pub(super) fn change(&mut self) -> Result<(), Complaint> {
        let project = self.project();
        let startup = self.place.startup();
        let startup = startup.as_str();
        let words: &[&str] = match self.lot.below(10) {
            0 => {
                self.place.ask(project);
                return Ok(());
            }
            1 => return self.kill_a_builder(),
            2 | 3 => &[
                "enable",
                project,
                "--network",
                "isolated",
                "--startup",
                startup,
            ],
            4 => &["disable", project],
            5 => &["cancel", project],
            6 => &["retry", project],
            7 => &["trigger", "--all"],
            _ => &["trigger", project],
        };
        self.run(words, Ours::Alone, true).map(drop)
    }

    fn kill_a_builder(&mut self) -> Result<(), Complaint> {
        let builders = self.place.builders();
        if builders.is_empty() {
            return self.look_around();
        }
        let chosen = *self.lot.of(&builders);
        let pid = Pid::from_raw(i32::try_from(chosen).unwrap()).unwrap();
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
            return Ok(());
        };
        // The number may be another's by now; what the handle is of, stays.
        if self.place.builders().contains(&chosen) {
            let _ended_before = pidfd_send_signal(&handle, Signal::KILL);
        }
        Ok(())
    }
}
