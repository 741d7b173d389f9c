//! Somebody who starts sessions, works in them, promotes and removes them, and looks after the store,
//! in an order drawn by lot.

mod brief;
mod care;
mod looking;

pub(crate) use looking::failing_before;

use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use testbed::dataroot::DataRoot;

use crate::ending::{BUSY, Ours, Tally, complaint};
use crate::lot::Lot;
use crate::place::{CONTAINERD, MIDDLES, PROJECTS, Place, TOPS, image};
use crate::watchdog::BOUND;

/// One command of so many is killed.
const KILLED: usize = 10;
/// At a moment below a power of two, in milliseconds, up to this one: a collection takes seconds.
const LONGEST: usize = 12;
/// How many sessions a worker has at most.
const SESSIONS: usize = 3;
/// One worker of so many has a project that comes and goes.
const BRIEF_ONE_IN: usize = 5;
/// How sessions are called that nobody removes: they expire.
pub(crate) const EXPIRING: &str = "expires-";
/// When they do.
pub(crate) const EXPIRY: &str = "1s";
/// Sessions that everybody starts, promotes and removes.
const COMMON: [&str; 3] = ["common-0", "common-1", "common-2"];

/// Where containerd keeps snapshots and blobs.
const SNAPSHOTS: &str = "containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots";
const BLOBS: &str = "containerd/daemon/io.containerd.content.v1.content/blobs/sha256";

/// A session of this worker's.
pub(crate) struct Held {
    pub(crate) id: String,
    project: &'static str,
    /// What the worker has written into it last.
    marker: Option<String>,
    /// Whether a command was killed or turned away half way, so that nobody knows whether it is there.
    pub(crate) unknown: bool,
}

pub(crate) struct Worker<'a> {
    place: &'a Place,
    lot: Lot,
    number: usize,
    count: usize,
    pub(crate) held: Vec<Held>,
    pub(crate) tally: Tally,
}

/// What should not have been.
type Complaint = String;

impl<'a> Worker<'a> {
    pub(crate) fn new(place: &'a Place, seed: u64, number: usize) -> Self {
        Self {
            place,
            lot: Lot::of_worker(seed, number),
            number,
            count: 0,
            held: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Works until then, or until somebody has a complaint.
    pub(crate) fn work(&mut self, until: Instant, stop: &AtomicBool) -> Result<(), Complaint> {
        if self.has_a_project() {
            self.make_and_remove_a_project()?;
        }
        while Instant::now() < until && !stop.load(Ordering::Relaxed) {
            self.act()?;
            for held in &self.held {
                look(&self.place.data_root(&held.id), held)?;
            }
        }
        // What is not known is removed, so that it is.
        let (unknown, known) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| held.unknown);
        self.held = known;
        let unknown: Vec<Held> = unknown;
        for held in unknown {
            self.insist(&["session", "rm", &held.id], Ours::Shared)?;
        }
        Ok(())
    }

    fn act(&mut self) -> Result<(), Complaint> {
        match self.lot.below(24) {
            0..6 if self.held.len() < SESSIONS => self.start(),
            0..10 => self.write(),
            10..13 => self.promote(),
            13..15 => self.remove(),
            15 => self.common(),
            16 => self.start_what_expires(),
            17 | 18 => self.collect(),
            19 => self.verify(),
            20 | 21 => self.look_around(),
            22 => self.change(),
            _ if self.has_a_project() => self.make_and_remove_a_project(),
            _ => self.look_around(),
        }
    }

    /// Whether he has a project of his own.
    fn has_a_project(&self) -> bool {
        self.number.is_multiple_of(BRIEF_ONE_IN)
    }

    /// Runs a command, which may be killed; nobody complains of one that was.
    fn run(&mut self, words: &[&str], ours: Ours, killable: bool) -> Result<Output, Complaint> {
        let kills = killable && self.lot.one_in(KILLED);
        let output = if kills {
            let below = 1 << (1 + self.lot.below(LONGEST));
            let after = Duration::from_millis(self.lot.below(below) as u64);
            self.place.run_and_kill(words, after)
        } else {
            self.place.run(words)?
        };
        self.tally.note(&kind_of(words), &output);
        if kills && output.status.code().is_none() {
            return Ok(output);
        }
        complaint(words, &output, ours).map_or(Ok(output), Err)
    }

    /// Runs a command, without a kill, until nobody is in its way.
    fn insist(&mut self, words: &[&str], ours: Ours) -> Result<Output, Complaint> {
        let begun = Instant::now();
        loop {
            let output = self.run(words, ours, false)?;
            if output.status.code() != Some(BUSY) {
                return Ok(output);
            }
            if begun.elapsed() > BOUND {
                return Err(format!("{words:?} is never its turn: {output:?}"));
            }
        }
    }

    fn project(&mut self) -> &'static str {
        PROJECTS[self.lot.below(PROJECTS.len())]
    }

    fn start(&mut self) -> Result<(), Complaint> {
        let project = self.project();
        self.count += 1;
        let id = format!("w{}-{}", self.number, self.count);
        let strategy = *self.lot.of(&["auto", "link", "copy"]);
        let mut words = vec!["session", "start", project, &id, "--strategy", strategy];
        if strategy == "auto" && self.lot.one_in(2) {
            words.push("--or-empty");
        }
        let output = self.run(&words, Ours::Alone, true)?;
        let code = output.status.code();
        if matches!(code, Some(0) | None) {
            self.held.push(Held {
                id,
                project,
                marker: None,
                unknown: code.is_none(),
            });
        }
        Ok(())
    }

    /// As a daemon would that builds an image.
    fn write(&mut self) -> Result<(), Complaint> {
        let known: Vec<usize> = (0..self.held.len())
            .filter(|at| !self.held[*at].unknown)
            .collect();
        if known.is_empty() {
            return self.look_around();
        }
        let held = &mut self.held[*self.lot.of(&known)];
        if held.project == CONTAINERD {
            self.count += 1;
            let marker = format!("{} {}", held.id, self.count);
            let data_root = self.place.data_root(&held.id);
            let volume = data_root.join("volumes/work/_data");
            std::fs::create_dir_all(&volume).unwrap();
            std::fs::write(volume.join("owner"), &marker).unwrap();
            held.marker = Some(marker);
            // One that started without a golden becomes one of its kind.
            if data_root.join("containerd").is_dir() {
                return Ok(());
            }
            DataRoot::new()
                .on_containerd()
                .of_daemon(held.project)
                .image("image", &image(0, 0))
                .write(data_root);
            return Ok(());
        }
        let (middle, top) = (self.lot.below(MIDDLES), self.lot.below(TOPS));
        self.count += 1;
        let marker = format!("{} {}", held.id, self.count);
        DataRoot::new()
            .of_daemon(held.project)
            .image(&format!("image-{top}"), &image(middle, top))
            .volume("work", &[("owner", &marker)])
            .build_cache(&format!("cache-{top}"))
            .write(self.place.data_root(&held.id));
        held.marker = Some(marker);
        Ok(())
    }

    /// One of the sessions, and whose it may be by now.
    fn one(&mut self) -> Option<(usize, String, Ours)> {
        if self.held.is_empty() {
            return None;
        }
        let at = self.lot.below(self.held.len());
        let held = &self.held[at];
        let ours = if held.unknown {
            Ours::Shared
        } else {
            Ours::Alone
        };
        Some((at, held.id.clone(), ours))
    }

    fn promote(&mut self) -> Result<(), Complaint> {
        let Some((at, id, ours)) = self.one() else {
            return self.start();
        };
        let mut words = vec!["session", "promote", &id];
        if self.lot.one_in(2) {
            words.push("--force");
        }
        let output = self.run(&words, ours, true)?;
        match output.status.code() {
            // It is gone, or has never been.
            Some(0 | 3) => drop(self.held.remove(at)),
            Some(1) => {}
            // It may have begun.
            _ => self.held[at].unknown = true,
        }
        Ok(())
    }

    fn remove(&mut self) -> Result<(), Complaint> {
        let Some((at, id, ours)) = self.one() else {
            return self.start();
        };
        let output = self.run(&["session", "rm", &id], ours, true)?;
        match output.status.code() {
            Some(0 | 3) => drop(self.held.remove(at)),
            None => self.held[at].unknown = true,
            Some(_) => {}
        }
        Ok(())
    }

    /// A session that is left to whoever collects.
    fn start_what_expires(&mut self) -> Result<(), Complaint> {
        let project = self.project();
        self.count += 1;
        let id = format!("{EXPIRING}{}-{}", self.number, self.count);
        let words = [
            "session",
            "start",
            project,
            &id,
            "--expires",
            EXPIRY,
            "--or-empty",
        ];
        self.run(&words, Ours::Alone, true).map(drop)
    }

    /// A session that others start, promote and remove too.
    fn common(&mut self) -> Result<(), Complaint> {
        let id = *self.lot.of(&COMMON);
        let project = self.project();
        let words: &[&str] = match self.lot.below(4) {
            0 | 1 => &["session", "start", project, id],
            2 => &["session", "promote", id, "--force"],
            _ => &["session", "rm", id],
        };
        self.run(words, Ours::Shared, true).map(drop)
    }
}

/// A session is what its worker has made of it, and all its links lead to layers.
pub(crate) fn look(data_root: &Utf8Path, held: &Held) -> Result<(), Complaint> {
    if held.unknown {
        return Ok(());
    }
    let id = &held.id;
    if !data_root.is_dir() {
        return Err(format!("session {id} is gone, and nobody has removed it"));
    }
    if let Some(marker) = &held.marker {
        let path = data_root.join("volumes/work/_data/owner");
        let found = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
        if found != *marker {
            return Err(format!(
                "session {id} has {found:?} in the place of {marker:?}"
            ));
        }
    }
    for (folder, name) in [("overlay2", "diff"), (SNAPSHOTS, "fs"), (BLOBS, "")] {
        // One that started without a golden has none yet.
        let seats = data_root.join(folder).read_dir_utf8();
        for seat in seats.into_iter().flatten() {
            let mut seat = seat.unwrap().into_path();
            if !name.is_empty() {
                seat.push(name);
            }
            let Ok(target) = seat.read_link_utf8() else {
                continue;
            };
            if target.is_symlink() || !target.exists() {
                return Err(format!(
                    "session {id}: {seat} leads to no layer at {target}"
                ));
            }
        }
    }
    Ok(())
}

/// The command's name, without what it is about.
fn kind_of(words: &[&str]) -> String {
    let words = &words[..words.len().min(2)];
    let names = words.iter().filter(|word| {
        let is_name = word.bytes().all(|byte| byte.is_ascii_lowercase());
        is_name && !PROJECTS.contains(word)
    });
    names.copied().collect::<Vec<_>>().join(" ")
}
